/**
 * OffsetForLeaderEpoch, versions 2–4.
 * Where an epoch ends in our history: a reader that has more of it has data that is not ours.
 * Left out: replicas other than the leader.
 */
import type { ResponseOf } from '../../protocol/api.ts'
import type { KafkaError } from '../../protocol/error-codes.ts'
import { type BrokerRooms, handler } from '../handler.ts'
import { answerTo, codeOf } from '../kafka-answers.ts'
import { epochProblem } from '../leader-epoch.ts'

type Answer = ResponseOf<'OffsetForLeaderEpoch'>['topics'][number]['partitions'][number]

export const offsetForLeaderEpoch = handler('OffsetForLeaderEpoch', { min: 2, max: 4 }, (request, broker) => ({
  throttleTimeMs: 0,
  topics: request.topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map((asked) => answer(broker, topic, asked)),
  })),
}))

function answer(
  broker: BrokerRooms,
  topic: string,
  asked: { readonly partition: number; readonly currentLeaderEpoch: number; readonly leaderEpoch: number },
): Answer {
  const partition = broker.topics.find(topic, asked.partition)
  if (partition === null) return failed(asked.partition, 'UNKNOWN_TOPIC_OR_PARTITION')
  try {
    const { log } = partition
    const error = epochProblem(log, asked.currentLeaderEpoch)
    if (error !== 'NONE') return failed(asked.partition, error)
    return { errorCode: 0, partition: asked.partition, ...log.endOffsetForEpoch(asked.leaderEpoch) }
  } catch (failure) {
    return failed(asked.partition, answerTo(failure))
  }
}

function failed(partition: number, error: KafkaError): Answer {
  return { errorCode: codeOf(error), partition, leaderEpoch: -1, endOffset: -1 }
}
