/**
 * AddPartitionsToTxn, versions 0–3.
 * All partitions join the producer's transaction, or none does.
 * Left out: versions 4 and 5, which brokers use among each other.
 */
import type { RequestOf, ResponseOf } from '../../protocol/api.ts'
import type { KafkaError } from '../../protocol/error-codes.ts'
import { handler } from '../handler.ts'
import { codeOf } from '../kafka-answers.ts'
import { fencedSince } from '../producer-fencing.ts'

export const addPartitionsToTxn = handler(
  'AddPartitionsToTxn',
  { min: 0, max: 3 },
  async (request, broker, context) => {
    const partitions = request.v3AndBelowTopics.flatMap(({ name, partitions: indexes }) => {
      return indexes.map((partition) => ({ topic: name, partition }))
    })
    const isUnknown = (topic: string, partition: number): boolean => broker.topics.find(topic, partition) === null
    if (partitions.some(({ topic, partition }) => isUnknown(topic, partition))) {
      return answers(request, (topic, partition) => {
        return isUnknown(topic, partition) ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'OPERATION_NOT_ATTEMPTED'
      })
    }
    const claim = {
      transactionalId: request.v3AndBelowTransactionalId,
      producerId: request.v3AndBelowProducerId,
      producerEpoch: request.v3AndBelowProducerEpoch,
    }
    const error = fencedSince(2, context.version, await broker.transactions.addPartitions(claim, partitions))
    return answers(request, () => error)
  },
)

function answers(
  request: RequestOf<'AddPartitionsToTxn'>,
  errorOf: (topic: string, partition: number) => KafkaError,
): ResponseOf<'AddPartitionsToTxn'> {
  return {
    throttleTimeMs: 0,
    resultsByTopicV3AndBelow: request.v3AndBelowTopics.map(({ name, partitions }) => ({
      name,
      resultsByPartition: partitions.map((partitionIndex) => {
        return { partitionIndex, partitionErrorCode: codeOf(errorOf(name, partitionIndex)) }
      }),
    })),
  }
}
