/**
 * DeleteRecords, versions 0–2.
 * Moves the start of a partition forward (-1: to its end). Topics that are only compacted refuse it, as in Kafka.
 * Left out: the time-out, which is not needed.
 */
import type { ResponseOf } from '../../protocol/api.ts'
import type { KafkaError } from '../../protocol/error-codes.ts'
import { type BrokerRooms, handler } from '../handler.ts'
import { answerTo, codeOf } from '../kafka-answers.ts'
import { isDeletable } from '../topics/topic-configs.ts'

type Answer = ResponseOf<'DeleteRecords'>['topics'][number]['partitions'][number]

export const deleteRecords = handler('DeleteRecords', { min: 0, max: 2 }, (request, broker) => ({
  throttleTimeMs: 0,
  topics: request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, offset }) => answer(broker, name, partitionIndex, offset)),
  })),
}))

function answer(broker: BrokerRooms, name: string, partitionIndex: number, offset: number): Answer {
  const topic = broker.topics.get(name)
  const partition = topic?.partitions[partitionIndex]
  if (topic === undefined || partition === undefined) return failed(partitionIndex, 'UNKNOWN_TOPIC_OR_PARTITION')
  if (topic.isInternal || !isDeletable(topic.configs)) return failed(partitionIndex, 'POLICY_VIOLATION')
  try {
    const { log } = partition
    const before = offset === -1 ? log.highWatermark : offset
    if (before < 0 || before > log.highWatermark) return failed(partitionIndex, 'OFFSET_OUT_OF_RANGE')
    return { partitionIndex, lowWatermark: log.deleteRecordsBefore(before), errorCode: 0 }
  } catch (failure) {
    return failed(partitionIndex, answerTo(failure))
  }
}

function failed(partitionIndex: number, error: KafkaError): Answer {
  return { partitionIndex, lowWatermark: -1, errorCode: codeOf(error) }
}
