/**
 * CreateTopics, versions 2–7.
 * Names and configs are checked as Kafka checks them; a topic is there, durably, when it is answered. validateOnly checks
 * and says what would be.
 * Left out: replicas (one node), quotas, the time-out, which is not needed: the answer says what is.
 */
import type { RequestOf, ResponseOf } from '../../protocol/api.ts'
import { zeroUuid } from '../../protocol/schema.ts'
import { type BrokerRooms, handler, node } from '../handler.ts'
import { codeOf, type Refusal, refused } from '../kafka-answers.ts'
import { describeConfig } from '../topics/config-description.ts'
import { topicConfigDefinitions } from '../topics/topic-configs.ts'
import type { TopicSpec } from '../topics/topics.ts'

type Asked = RequestOf<'CreateTopics'>['topics'][number]
type Answer = ResponseOf<'CreateTopics'>['topics'][number]

export const createTopics = handler('CreateTopics', { min: 2, max: 7 }, async (request, broker) => {
  const asked = new Map<string, Asked[]>()
  for (const topic of request.topics) asked.set(topic.name, [...(asked.get(topic.name) ?? []), topic])
  const specs: TopicSpec[] = []
  const refusals = new Map<string, Refusal>()
  for (const [name, topics] of asked) {
    const spec =
      topics.length > 1 ? refused('INVALID_REQUEST', `${name} is named twice; name it once`) : toSpec(topics[0]!)
    if ('error' in spec) refusals.set(name, spec)
    else specs.push(spec)
  }
  const results = await broker.topics.create(specs, request.validateOnly)
  const answers = [...asked.keys()].map((name) => {
    const spec = specs.find((candidate) => candidate.name === name)
    const refusal = refusals.get(name) ?? results.get(name)!
    return answer(broker, name, spec, refusal, request.validateOnly)
  })
  return { throttleTimeMs: 0, topics: answers }
})

/** One copy on the one node, whichever way it is said. */
function toSpec({ name, numPartitions, replicationFactor, assignments, configs }: Asked): TopicSpec | Refusal {
  if (assignments.length > 0) {
    if (numPartitions !== -1 || replicationFactor !== -1) {
      return refused('INVALID_REQUEST', `${name}: say either assignments or numbers of partitions and replicas`)
    }
    const indexes = assignments.map(({ partitionIndex }) => partitionIndex).sort((left, right) => left - right)
    const replicas = assignments.every(({ brokerIds }) => brokerIds.length === 1 && brokerIds[0] === node.nodeId)
    if (!replicas || indexes.some((index, position) => index !== position)) {
      return refused(
        'INVALID_REPLICA_ASSIGNMENT',
        `${name}: partitions count from 0, each on node ${node.nodeId} alone`,
      )
    }
    return { name, partitions: assignments.length, configs }
  }
  if (replicationFactor !== -1 && replicationFactor !== 1) {
    return refused('INVALID_REPLICATION_FACTOR', `${name}: there is one node, so a replication factor of 1`)
  }
  return { name, partitions: numPartitions === -1 ? 1 : numPartitions, configs }
}

function answer(
  broker: BrokerRooms,
  name: string,
  spec: TopicSpec | undefined,
  { error, message }: Refusal,
  validateOnly: boolean,
): Answer {
  const failed = { name, errorCode: codeOf(error), errorMessage: message }
  if (error !== 'NONE' || spec === undefined) {
    return { ...failed, topicId: zeroUuid, numPartitions: -1, replicationFactor: -1, configs: [] }
  }
  const own = Object.fromEntries(spec.configs.map((config) => [config.name, config.value ?? '']))
  const configs = [...topicConfigDefinitions.values()].map((definition) => {
    const { value, configSource } = describeConfig(definition, own)
    return { name: definition.name, value, readOnly: false, configSource, isSensitive: false }
  })
  const topicId = validateOnly ? zeroUuid : (broker.topics.get(name)?.id ?? zeroUuid)
  return { ...failed, topicId, numPartitions: spec.partitions, replicationFactor: 1, configs }
}
