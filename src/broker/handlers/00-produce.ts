/**
 * Produce, versions 3–11.
 * Appends one batch per partition. acks=all is answered when the disk has it, many appends sharing one fdatasync, but for
 * batches of a transaction, which EndTxn makes durable; acks=1 when the operating system has it; acks=0 at once.
 * Left out: more than one batch per partition, record-level errors, message formats 0 and 1.
 */
import { StreamError } from '../../base/errors.ts'
import type { AppendResult } from '../../log/log-config.ts'
import type { PartitionLog } from '../../log/partition-log.ts'
import type { RequestOf, ResponseOf } from '../../protocol/api.ts'
import { batchHeaderBytes, isTransactional, producerEpochOf, producerIdOf } from '../../records/batch-format.ts'
import { type BrokerRooms, handler } from '../handler.ts'
import { codeOf, type Refusal, refused, refusedBy } from '../kafka-answers.ts'
import { isInternalTopic } from '../topics/topic-name.ts'

type PartitionAnswer = ResponseOf<'Produce'>['responses'][number]['partitionResponses'][number]

export const produce = handler('Produce', { min: 3, max: 11 }, async (request, broker) => {
  const refusal = refuseAll(request, broker)
  const syncs: Promise<void>[] = []
  const responses = request.topicData.map(({ name, partitionData }) => {
    const answers: PartitionAnswer[] = partitionData.map(({ index, records }, position) => {
      if (refusal !== null) return refusedAnswer(index, refusal)
      try {
        const log = partitionLog(broker, name, index)
        const durable = appendable(request, broker, name, index, records)
        const result = log.append(records!, { origin: 'client' })
        broker.disk.written(records!.length)
        if (durable && log.unsynced) {
          const failed = (error: unknown): void => {
            answers[position] = refusedAnswer(index, refusedBy(error))
          }
          syncs.push(log.sync().catch(failed))
        }
        return appendedAnswer(index, result)
      } catch (error) {
        if (StreamError.is(error, 'DISK_FULL')) broker.disk.refused(error)
        return refusedAnswer(index, error instanceof RefusedError ? error.refusal : refusedBy(error))
      }
    })
    return { name, partitionResponses: answers }
  })
  if (syncs.length > 0) await Promise.all(syncs)
  return { responses: request.acks === 0 ? [] : responses, throttleTimeMs: 0 }
})

/** Carries a refusal out of the steps of one partition. */
class RefusedError extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.error)
    this.refusal = refusal
  }
}

function refuseAll(request: RequestOf<'Produce'>, broker: BrokerRooms): Refusal | null {
  if (request.acks !== -1 && request.acks !== 0 && request.acks !== 1) {
    return refused('INVALID_REQUIRED_ACKS', `acks is ${request.acks}; -1, 0 and 1 are known`)
  }
  const full = broker.disk.refusal()
  return full === null ? null : refusedBy(full)
}

function partitionLog(broker: BrokerRooms, topic: string, index: number): PartitionLog {
  const partition = broker.topics.find(topic, index)
  if (partition === null)
    throw new StreamError('TOPIC_UNKNOWN', `there is no ${topic}-${index}; create the topic first`)
  return partition.log
}

/** Checks one batch, and says whether its answer waits for the disk. */
function appendable(
  request: RequestOf<'Produce'>,
  broker: BrokerRooms,
  topic: string,
  index: number,
  records: Buffer | null,
): boolean {
  if (isInternalTopic(topic)) {
    throw new RefusedError(refused('INVALID_TOPIC_EXCEPTION', `${topic} is written by the broker only`))
  }
  if (records === null || records.length < batchHeaderBytes) {
    throw new RefusedError(refused('INVALID_RECORD', `${topic}-${index}: no record batch was sent`))
  }
  if (!isTransactional(records, 0)) return request.acks === -1
  const producerId = producerIdOf(records, 0)
  const error = broker.transactions.verify(producerId, producerEpochOf(records, 0), topic, index)
  if (error !== 'NONE') {
    throw new RefusedError(
      refused(error, `${topic}-${index} takes nothing of producer ${producerId}: not in its transaction`),
    )
  }
  return false
}

function appendedAnswer(index: number, result: AppendResult): PartitionAnswer {
  return {
    index,
    errorCode: 0,
    baseOffset: result.baseOffset,
    logAppendTimeMs: result.logAppendTimeMs,
    logStartOffset: result.logStartOffset,
    recordErrors: [],
    errorMessage: null,
  }
}

function refusedAnswer(index: number, { error, message }: Refusal): PartitionAnswer {
  return {
    index,
    errorCode: codeOf(error),
    baseOffset: -1,
    logAppendTimeMs: -1,
    logStartOffset: -1,
    recordErrors: [],
    errorMessage: message,
  }
}
