/**
 * How many partitions each repartition topic gets, and whether what comes together has equally many: Kafka Streams' rules.
 *
 *  1. A repartition topic has the number it was given, else the largest of the topics that the sub-topologies writing it read.
 *  2. Of a group that must agree: the topics of others must have equal counts, and its repartition topics take that count;
 *     where all are repartition topics, they take the number given to one of them, else the largest. Groups that share a
 *     repartition topic are one (Kafka Streams takes them one after the other, and may break what it settled before).
 *  3. Where a join brings together only repartition topics, each with a number it was given, these are compared as soon as the
 *     topology is built. Those of a fold, which Kafka Streams never compares, wait for rule 2.
 *
 * The partitioner that wrote a topic is nobody's to check.
 */
import { StreamError } from '../base/errors.ts'
import type { CopartitionGroup, RepartitionTopic, SourceNode, SubTopology, TopologyNode } from './node.ts'
import type { Topology } from './topology.ts'

/**
 * Counts for all repartition topics, by plain name. `counts` has those of the other topics; TOPIC_MISSING if a source's or a
 * sink's is not there, TOPICS_NOT_COPARTITIONED if a group does not agree.
 */
export function resolvePartitions(topology: Topology, counts: ReadonlyMap<string, number>): Map<string, number> {
  requireTopics(topology, counts)
  const resolved = sizeRepartitionTopics(topology, counts)
  for (const group of united(topology)) enforce(topology, group, counts, resolved)
  return resolved
}

/** Rule 3. Throws TOPICS_NOT_COPARTITIONED, naming the join, the topics and their numbers. */
export function refuseUnequalJoins(
  groups: readonly CopartitionGroup[],
  nodes: ReadonlyMap<string, TopologyNode>,
  repartitionTopics: ReadonlyMap<string, RepartitionTopic>,
): void {
  for (const { node, kind, sources } of groups) {
    if (kind !== 'join') continue
    const topics = [...new Set(sources.flatMap((name) => topicsOf(nodes, name)))]
    const given = topics.map((topic) => repartitionTopics.get(topic)?.partitions ?? null)
    if (given.includes(null) || new Set(given).size <= 1) continue
    const list = topics.map((topic, at) => `'${topic}' is given ${given[at]}`).join(', ')
    throw new StreamError(
      'TOPICS_NOT_COPARTITIONED',
      `the join '${node}' brings together repartitions into different numbers of partitions: ${list}; give equal numbers`,
    )
  }
}

/** Throws TOPIC_MISSING, naming the node, unless every topic that is read or written is there or is the topology's own. */
function requireTopics(topology: Topology, counts: ReadonlyMap<string, number>): void {
  for (const node of topology.nodes.values()) {
    const topics = node.kind === 'source' ? node.topics : node.kind === 'sink' ? [node.topic] : []
    for (const topic of topics) {
      if (counts.has(topic) || topology.repartitionTopics.has(topic)) continue
      const verb = node.kind === 'source' ? 'reads' : 'writes'
      throw new StreamError(
        'TOPIC_MISSING',
        `the node '${node.name}' ${verb} the topic '${topic}', which does not exist; create it, or declare it with a number ` +
          `of partitions: topic('${topic}', { …, partitions: 4 })`,
      )
    }
  }
}

/** Rule 1. */
function sizeRepartitionTopics(topology: Topology, counts: ReadonlyMap<string, number>): Map<string, number> {
  const resolved = new Map<string, number>()
  for (const { name, partitions } of topology.repartitionTopics.values()) {
    if (partitions !== null) resolved.set(name, partitions)
  }
  const open = topology.subTopologies
    .flatMap((subTopology) => subTopology.sourceTopics)
    .filter((topic) => topology.repartitionTopics.has(topic) && !resolved.has(topic))
  while (open.length > 0) {
    const before = open.length
    for (let index = 0; index < open.length; ) {
      const count = largestUpstream(topology, open[index]!, counts, resolved)
      if (count === null) index++
      else resolved.set(open.splice(index, 1)[0]!, count)
    }
    if (open.length < before) continue
    const topic = open[0]!
    throw new StreamError(
      'TOPOLOGY_INVALID',
      `nothing that has partitions flows into the repartition topic '${topic}' of the node '${sourceOf(topology, topic).name}'; ` +
        'give the repartition a number of partitions',
    )
  }
  return resolved
}

function largestUpstream(
  topology: Topology,
  topic: string,
  counts: ReadonlyMap<string, number>,
  resolved: ReadonlyMap<string, number>,
): number | null {
  let largest: number | null = null
  for (const subTopology of topology.subTopologies) {
    if (!writes(subTopology, topic)) continue
    for (const upstream of subTopology.sourceTopics) {
      const count = counts.get(upstream) ?? resolved.get(upstream) ?? null
      if (count !== null && (largest === null || count > largest)) largest = count
    }
  }
  return largest
}

function writes(subTopology: SubTopology, topic: string): boolean {
  return subTopology.nodes.some((node) => node.kind === 'sink' && node.topic === topic)
}

function sourceOf(topology: Topology, topic: string): SourceNode {
  for (const node of topology.nodes.values()) if (node.kind === 'source' && node.topics.includes(topic)) return node
  throw new StreamError('TOPOLOGY_INVALID', `the repartition topic '${topic}' is read by nobody; add a source for it`)
}

/** Topics that must agree, and the nodes that bring them together. */
interface United {
  readonly nodes: readonly string[]
  readonly topics: ReadonlySet<string>
}

/** The groups, those that share a repartition topic as one. */
function united(topology: Topology): United[] {
  let all: United[] = []
  for (const { node, sources } of topology.copartitionGroups) {
    const topics = new Set(sources.flatMap((name) => topicsOf(topology.nodes, name)))
    if (topics.size === 1) continue
    const meets = (other: United): boolean => {
      return [...topics].some((topic) => topology.repartitionTopics.has(topic) && other.topics.has(topic))
    }
    const met = all.filter(meets)
    all = all.filter((other) => !met.includes(other))
    all.push({
      nodes: [...met.flatMap(({ nodes }) => nodes), node],
      topics: new Set([...met.flatMap((other) => [...other.topics]), ...topics]),
    })
  }
  return all
}

function topicsOf(nodes: ReadonlyMap<string, TopologyNode>, source: string): readonly string[] {
  const node = nodes.get(source)
  return node?.kind === 'source' ? node.topics : []
}

/** Rule 2. */
function enforce(
  topology: Topology,
  group: United,
  counts: ReadonlyMap<string, number>,
  resolved: Map<string, number>,
): void {
  const topics = [...group.topics]
  const own = topics.filter((topic) => topology.repartitionTopics.has(topic))
  const others = topics.filter((topic) => !topology.repartitionTopics.has(topic))
  const given = own.filter((topic) => topology.repartitionTopics.get(topic)!.partitions !== null)
  const countOf = (topic: string): number => counts.get(topic) ?? resolved.get(topic)!
  const fixed = [...others, ...given].map(countOf)
  if (new Set(fixed).size > 1) throw notCopartitioned(group, [...others, ...given], countOf)
  const count = fixed[0] ?? Math.max(...own.map(countOf))
  for (const topic of own) resolved.set(topic, count)
}

function notCopartitioned({ nodes }: United, topics: string[], countOf: (topic: string) => number): StreamError {
  const list = topics.map((topic) => `'${topic}' has ${countOf(topic)}`).join(', ')
  return new StreamError(
    'TOPICS_NOT_COPARTITIONED',
    `topics with different numbers of partitions come together at '${nodes.join("', '")}': ${list}; create them with equal ` +
      'numbers, or put repartition() on the side that differs, before they meet',
  )
}
