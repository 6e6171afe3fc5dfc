import { StreamError } from '../base/errors.ts'
import type { NewTopic, TopicDescription } from '../client/admin/admin.ts'
import type { ErrorPolicies } from '../processor/error-policy.ts'
import type { StoreBuilder } from '../processor/store-builder.ts'
import { resolvePartitions } from '../topology/copartition.ts'
import { checkName } from '../topology/naming.ts'
import type { Topology } from '../topology/topology.ts'
import type { Cluster } from './cluster.ts'
import { checkPolicies } from './config.ts'
import { refuseTopicMistakes } from './topic-mistakes.ts'
import { changelogTopicName, repartitionTopicName, TopicPlan } from './topic-plan.ts'

const dayMs = 24 * 60 * 60 * 1000

const repartitionConfigs = {
  'cleanup.policy': 'delete',
  'retention.ms': '-1',
  'segment.bytes': '52428800',
  'message.timestamp.type': 'CreateTime',
} as const

/** Kafka Streams' configs of a changelog; the store's own come last. */
function changelogConfigs(builder: StoreBuilder): { [name: string]: string } {
  const windowed = builder.retentionMs !== undefined
  return {
    'cleanup.policy': windowed ? 'compact,delete' : 'compact',
    'message.timestamp.type': 'CreateTime',
    ...(windowed ? { 'retention.ms': String(builder.retentionMs + dayMs) } : {}),
    ...builder.changelog?.configs,
  }
}

/**
 * Makes sure that every topic is there, and answers where everything lies. Declared topics with `partitions` and internal topics
 * are created; all others must exist (TOPIC_MISSING). What exists must fit (INTERNAL_TOPIC_INVALID), and what is joined must
 * have equal partition counts (TOPICS_NOT_COPARTITIONED).
 */
export async function prepareTopics(
  topology: Topology,
  applicationId: string,
  onError: ErrorPolicies,
  cluster: Cluster,
): Promise<{ plan: TopicPlan; warnings: readonly string[] }> {
  checkNames(topology, applicationId, onError)
  refuseTopicMistakes(topology, applicationId, onError)
  const external = await externalCounts(topology, onError, cluster)
  const repartition = resolvePartitions(topology, external)
  const counts = new Map(external)
  for (const [name, count] of repartition) counts.set(repartitionTopicName(applicationId, name), count)
  const plan = new TopicPlan(topology, applicationId, counts)
  const wanted: NewTopic[] = []
  for (const [name, partitions] of repartition) {
    wanted.push({ name: repartitionTopicName(applicationId, name), partitions, configs: repartitionConfigs })
  }
  for (const subTopology of topology.subTopologies) {
    const partitions = plan.taskCount(subTopology)
    for (const builder of subTopology.stores) {
      if (builder.changelog === null) continue
      wanted.push({
        name: changelogTopicName(applicationId, builder.name),
        partitions,
        configs: changelogConfigs(builder),
      })
    }
  }
  await createMissing(wanted, cluster)
  const written = new Set([...counts.keys(), ...wanted.map(({ name }) => name)])
  for (const [name, bytes] of await cluster.messageBytesMax([...written])) plan.messageBytesMax.set(name, bytes)
  return { plan, warnings: otherCounts(topology, external) }
}

/** Names that come from configuration, or become too long with the application's id before them. */
function checkNames(topology: Topology, applicationId: string, onError: ErrorPolicies): void {
  for (const node of topology.nodes.values()) checkPolicies(node.name, node.onError)
  for (const { topic, node } of deadLetterTopics(topology, onError)) {
    checkTopic(topic, `${node} sends dead letters there; name a topic: onError: { …: { deadLetter: 'name' } }`)
  }
  for (const { name, changelog } of topology.stores.values()) {
    if (changelog === null) continue
    checkTopic(changelogTopicName(applicationId, name), `it is the changelog of the store ${name}; shorten its name`)
  }
  for (const name of topology.repartitionTopics.keys()) {
    checkTopic(repartitionTopicName(applicationId, name), 'it is a repartition topic; shorten the name of its step')
  }
}

function checkTopic(name: string, remedy: string): void {
  try {
    checkName('topic', name)
  } catch (cause) {
    throw new StreamError('TOPOLOGY_INVALID', `a topic cannot be named '${name}': ${remedy}`, { cause })
  }
}

/** Topics that were there already, with another number of partitions than they are declared with. */
function otherCounts(topology: Topology, counts: ReadonlyMap<string, number>): string[] {
  return [...topology.declaredTopics.values()].flatMap(({ name, partitions }) => {
    const count = counts.get(name)
    if (partitions === null || count === undefined || count === partitions) return []
    return `the topic ${name} is declared with ${partitions} partitions and exists with ${count}, which is used; correct the declaration, or create the topic anew`
  })
}

/** Partition counts of all topics that are not the application's own. Declared ones are created first. */
async function externalCounts(
  topology: Topology,
  onError: ErrorPolicies,
  cluster: Cluster,
): Promise<Map<string, number>> {
  const names = externalTopics(topology, onError)
  const found = await cluster.describe([...names])
  const missing = [...topology.declaredTopics.values()].filter(
    ({ name, partitions }) => partitions !== null && names.has(name) && !found.has(name),
  )
  await cluster.create(missing.map(({ name, partitions, configs }) => ({ name, partitions: partitions!, configs })))
  const counts = new Map([...found].map(([name, { partitionCount }]) => [name, partitionCount]))
  for (const { name, partitions } of missing) counts.set(name, partitions!)
  for (const { topic, node } of deadLetterTopics(topology, onError)) {
    if (counts.has(topic)) continue
    const what = `${node} sends dead letters to the topic '${topic}', which does not exist; create it, as with createTopics of the Admin of millrace/client`
    throw new StreamError('TOPIC_MISSING', what)
  }
  return counts
}

function externalTopics(topology: Topology, onError: ErrorPolicies): Set<string> {
  const names = new Set<string>()
  for (const node of topology.nodes.values()) {
    const topics = node.kind === 'source' ? node.topics : node.kind === 'sink' ? [node.topic] : []
    for (const topic of topics) if (!topology.repartitionTopics.has(topic)) names.add(topic)
  }
  for (const { topic } of deadLetterTopics(topology, onError)) names.add(topic)
  return names
}

/** TOPIC_UNKNOWN for a topic that was deleted while the application ran says which node needs it: TOPIC_MISSING. */
export async function topicsExplained(
  error: unknown,
  plan: TopicPlan,
  onError: ErrorPolicies,
  cluster: Cluster,
): Promise<unknown> {
  if (!StreamError.is(error, 'TOPIC_UNKNOWN')) return error
  try {
    return (await deletedTopic(error, plan, onError, cluster)) ?? error
  } catch {
    // Nobody can be asked: the first error is the news.
    return error
  }
}

async function deletedTopic(
  cause: StreamError,
  plan: TopicPlan,
  onError: ErrorPolicies,
  cluster: Cluster,
): Promise<StreamError | null> {
  const needed = new Map<string, string>()
  for (const { topic, node } of deadLetterTopics(plan.topology, onError))
    needed.set(topic, `${node} sends dead letters to`)
  for (const name of plan.topology.stores.keys()) {
    const changelog = plan.changelogOf(name)
    if (changelog !== null) needed.set(changelog, `the store ${name} has its changelog in`)
  }
  for (const node of plan.topology.nodes.values()) {
    if (node.kind === 'sink') needed.set(plan.realName(node.topic), `${node.name} writes`)
    if (node.kind === 'source') for (const topic of node.topics) needed.set(plan.realName(topic), `${node.name} reads`)
  }
  const found = await cluster.describe([...needed.keys()])
  for (const [topic, use] of needed) {
    if (found.has(topic)) continue
    return new StreamError(
      'TOPIC_MISSING',
      `${use} the topic '${topic}', which is not there any more; create it and start again`,
      { cause },
    )
  }
  return null
}

function deadLetterTopics(topology: Topology, onError: ErrorPolicies): { topic: string; node: string }[] {
  const policies = [{ node: 'the application', onError }]
  for (const node of topology.nodes.values()) policies.push({ node: node.name, onError: node.onError })
  return policies.flatMap(({ node, onError: kinds }) =>
    [kinds.deserialize, kinds.process, kinds.produce].flatMap((policy) =>
      typeof policy === 'object' ? [{ topic: policy.deadLetter, node }] : [],
    ),
  )
}

async function createMissing(wanted: readonly NewTopic[], cluster: Cluster): Promise<void> {
  const found = await cluster.describe(wanted.map(({ name }) => name))
  for (const topic of wanted) {
    const there = found.get(topic.name)
    if (there !== undefined) await validate(topic, there, cluster)
  }
  await cluster.create(wanted.filter(({ name }) => !found.has(name)))
}

async function validate(wanted: NewTopic, there: TopicDescription, cluster: Cluster): Promise<void> {
  if (there.partitionCount !== wanted.partitions) {
    const what = `the internal topic ${wanted.name} has ${there.partitionCount} partitions, the topology needs ${wanted.partitions}; reset the application, or bring its input topics back to their number of partitions`
    throw new StreamError('INTERNAL_TOPIC_INVALID', what)
  }
  const policy = (await cluster.configsOf(wanted.name)).get('cleanup.policy') ?? null
  const expected = wanted.configs?.['cleanup.policy'] ?? ''
  if (policy === null || samePolicies(policy, expected)) return
  const what = `the internal topic ${wanted.name} has cleanup.policy=${policy}, it needs ${expected}: records would be lost; correct its configuration`
  throw new StreamError('INTERNAL_TOPIC_INVALID', what)
}

function samePolicies(left: string, right: string): boolean {
  const sorted = (text: string): string =>
    text
      .split(',')
      .map((word) => word.trim())
      .sort()
      .join()
  return sorted(left) === sorted(right)
}
