/**
 * Metadata, versions 0–12.
 * One node, which leads every partition and is the controller. A partition whose log is damaged says so.
 * Left out: creating topics by asking for them, racks, authorized operations.
 */
import type { ResponseOf } from '../../protocol/api.ts'
import type { KafkaError } from '../../protocol/error-codes.ts'
import { zeroUuid } from '../../protocol/schema.ts'
import { type BrokerRooms, handler, node } from '../handler.ts'
import { codeOf } from '../kafka-answers.ts'
import { topicNameProblem } from '../topics/topic-name.ts'
import type { Topic } from '../topics/topics.ts'

type TopicAnswer = ResponseOf<'Metadata'>['topics'][number]

/** What a client sees when nobody asked which operations are allowed. */
export const operationsUnknown = -2147483648

export const metadata = handler('Metadata', { min: 0, max: 12 }, (request, broker, context) => {
  // Version 0 asks for all topics with an empty list.
  const all = request.topics === null || (context.version === 0 && request.topics.length === 0)
  return {
    throttleTimeMs: 0,
    brokers: [node],
    clusterId: broker.topics.clusterId,
    controllerId: node.nodeId,
    topics: all
      ? broker.topics.all().map(described)
      : request.topics.map((asked) => find(broker, asked, context.version)),
    clusterAuthorizedOperations: operationsUnknown,
  }
})

function find(
  broker: BrokerRooms,
  asked: { readonly name: string | null; readonly topicId: string },
  version: number,
): TopicAnswer {
  const { name, topicId } = asked
  if (name === null) {
    const topic = broker.topics.getById(topicId)
    return topic === undefined ? unknown(version >= 12 ? null : '', topicId, 'UNKNOWN_TOPIC_ID') : described(topic)
  }
  const topic = broker.topics.get(name)
  if (topic !== undefined) return described(topic)
  const error = topicNameProblem(name) === null ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_TOPIC_EXCEPTION'
  return unknown(name, zeroUuid, error)
}

function unknown(name: string | null, topicId: string, error: KafkaError): TopicAnswer {
  return {
    errorCode: codeOf(error),
    name,
    topicId,
    isInternal: false,
    partitions: [],
    topicAuthorizedOperations: operationsUnknown,
  }
}

function described(topic: Topic): TopicAnswer {
  return {
    errorCode: 0,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.isInternal,
    partitions: topic.partitions.map((partition) => ({
      errorCode: codeOf(partition.online === null ? 'KAFKA_STORAGE_ERROR' : 'NONE'),
      partitionIndex: partition.index,
      leaderId: node.nodeId,
      leaderEpoch: partition.online?.leaderEpoch ?? -1,
      replicaNodes: [node.nodeId],
      isrNodes: [node.nodeId],
      offlineReplicas: partition.online === null ? [node.nodeId] : [],
    })),
    topicAuthorizedOperations: operationsUnknown,
  }
}
