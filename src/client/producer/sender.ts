/**
 * Sends sealed batches: several partitions in one Produce request, one batch of each.
 *
 * Laws
 *  S1  what a batch needs is there before it is sent: its topic is known, the producer has an id, and the partition is
 *      in the transaction
 *  S2  of one partition nothing new is sent while a failed batch waits to be sent again (A1)
 *  S3  a batch ends once: acknowledged, or given up with an error that somebody gets
 */
import { messageOf, StreamError } from '../../base/errors.ts'
import { produceRequestBytesMax } from '../../base/limits.ts'
import type { ResponseOf } from '../../protocol/api.ts'
import { codeToName, kafkaErrors } from '../../protocol/error-codes.ts'
import { brokerError, isRetriable } from '../broker-error.ts'
import type { Caller } from '../caller.ts'
import type { Metadata } from '../metadata.ts'
import { byTopic, nameOf } from '../topic-partition.ts'
import type { Accumulator } from './accumulator.ts'
import type { IdentitySource } from './identity-source.ts'
import type { PartitionAppender } from './partition-appender.ts'
import type { Identity, PendingBatch } from './pending-batch.ts'
import type { Transactions } from './transactions.ts'

export interface SenderOptions {
  readonly acks: -1 | 0 | 1
  readonly topicLookupTimeoutMs: number
}

interface Sent {
  readonly appender: PartitionAppender
  readonly batch: PendingBatch
}

type PartitionAnswer = ResponseOf<'Produce'>['responses'][number]['partitionResponses'][number]

const anonymous: Identity = Object.freeze({ producerId: -1, epoch: -1 })
const retryPauseMsMax = 1000
const unknownPartition = kafkaErrors.UNKNOWN_TOPIC_OR_PARTITION.code

export class Sender {
  readonly #caller: Caller
  readonly #accumulator: Accumulator
  readonly #metadata: Metadata
  readonly #transactions: Transactions | null
  readonly #identity: IdentitySource | null
  readonly #options: SenderOptions
  #scheduled: boolean = false
  #preparing: boolean = false
  /** A batch left a hole in the sequences: nothing is sent until the producer has a new id. */
  #renewing: boolean = false
  #error: StreamError | null = null

  constructor(
    caller: Caller,
    accumulator: Accumulator,
    metadata: Metadata,
    transactions: Transactions | null,
    identity: IdentitySource | null,
    options: SenderOptions,
  ) {
    this.#caller = caller
    this.#accumulator = accumulator
    this.#metadata = metadata
    this.#transactions = transactions
    this.#identity = identity
    this.#options = options
  }

  /** Sends what is sealed, soon: as a microtask, so that several batches sealed together go together. */
  wake(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#pump()
    })
  }

  /** Everything sealed is acknowledged or given up. Throws the first error that nobody has got yet, once. */
  async flush(): Promise<void> {
    this.wake()
    await this.#accumulator.allFinished()
    const error = this.#error
    this.#error = null
    if (error !== null) throw error
  }

  /** Gives up all that is queued; what is in flight ends by itself. */
  dropQueued(error: StreamError): void {
    for (const appender of this.#accumulator.busy) {
      for (const batch of appender.queue.splice(0)) this.#giveUp(appender, batch, error)
    }
  }

  /** After an abort: what failed in the transaction is nobody's business any more. */
  forgetError(): void {
    this.#error = null
  }

  #pump(): void {
    while (!this.#preparing && !this.#caller.closed && this.#transactions?.ending !== true) {
      if (this.#transactions !== null && !this.#transactions.sending) {
        // S3: batches may be sealed after the transaction has failed, too.
        this.dropQueued(new StreamError('TRANSACTION_ABORTED', 'not sent, its transaction failed'))
        return
      }
      const undecided = this.#renewing ? this.#undecided() : []
      const sendable = this.#sendable(undecided.length > 0 ? undecided : this.#accumulator.busy)
      if (sendable.length === 0) return
      if (undecided.length > 0) {
        this.#send(sendable)
        continue
      }
      const unprepared = this.#renewing ? sendable : sendable.filter((appender) => !this.#isPrepared(appender))
      if (unprepared.length > 0) {
        this.#preparing = true
        void this.#prepare(unprepared).finally(() => {
          this.#preparing = false
          this.wake()
        })
        return
      }
      this.#send(sendable)
    }
  }

  /** A batch was given up that had a sequence: the broker would refuse what follows it. */
  #leavesHole(appender: PartitionAppender): void {
    if (this.#transactions !== null) this.#transactions.leavesHole()
    else if (this.#identity !== null) this.#renewing = true
    appender.hole = true
  }

  /** Before the producer gets a new id, batches whose fate is not known are sent again under the old one. */
  #undecided(): PartitionAppender[] {
    return [...this.#accumulator.busy].filter((appender) => {
      const next = appender.queue[0]
      return appender.inFlight.length > 0 || (!appender.hole && next !== undefined && next.baseSequence >= 0)
    })
  }

  #sendable(appenders: Iterable<PartitionAppender>): PartitionAppender[] {
    // Without sequences only one batch in flight keeps the order; so it is while the producer waits for a new id.
    const single = this.#identity === null || this.#renewing
    const identity = this.#identity?.current ?? anonymous
    const sendable: PartitionAppender[] = []
    for (const appender of appenders) {
      const { queue, inFlight } = appender
      if (
        queue.length === 0 ||
        inFlight.length >= (single ? 1 : appender.inFlightMax(identity)) ||
        appender.recovering ||
        appender.pausing
      )
        continue
      sendable.push(appender)
    }
    return sendable
  }

  #isPrepared(appender: PartitionAppender): boolean {
    if (this.#identity !== null && !this.#identity.known) return false
    if (this.#transactions !== null && !appender.inTransaction) return false
    return this.#metadata.has(appender)
  }

  /** S1. An error ends the batches concerned, so it is not thrown. */
  async #prepare(appenders: readonly PartitionAppender[]): Promise<void> {
    try {
      if (this.#identity !== null && (this.#renewing || !this.#identity.known))
        await this.#renewIdentity(this.#identity)
    } catch (error) {
      return this.#unprepared(appenders, error)
    }
    const known: PartitionAppender[] = []
    for (const [topic, list] of byTopic(appenders)) {
      try {
        await this.#metadata.ensure([topic], this.#options.topicLookupTimeoutMs)
        for (const appender of list) {
          if (this.#metadata.has(appender)) known.push(appender)
          else this.#unprepared([appender], brokerError(unknownPartition, `write to ${nameOf(appender)}`))
        }
      } catch (error) {
        this.#unprepared(list, error)
      }
    }
    const outside = known.filter((appender) => !appender.inTransaction)
    if (this.#transactions === null || !this.#transactions.sending || outside.length === 0) return
    try {
      await this.#transactions.addPartitions(outside, async () => {
        for (const { topic } of outside) this.#metadata.forget(topic)
        await this.#metadata.ensure(byTopic(outside).keys(), this.#options.topicLookupTimeoutMs)
      })
    } catch (error) {
      this.#unprepared(outside, error)
    }
  }

  async #renewIdentity(identity: IdentitySource): Promise<void> {
    await identity.renew('fresh')
    this.#renewing = false
    for (const appender of this.#accumulator.partitions()) appender.resetSequence()
  }

  #unprepared(appenders: readonly PartitionAppender[], error: unknown): void {
    for (const appender of appenders) {
      for (const batch of appender.queue.splice(0)) this.#giveUp(appender, batch, asStreamError(error))
    }
  }

  #send(appenders: readonly PartitionAppender[]): void {
    const identity = this.#identity?.current ?? anonymous
    const sent: Sent[] = []
    const topics = new Map<string, { index: number; records: Buffer }[]>()
    let size = 0
    for (const appender of appenders) {
      if (size > 0 && size + appender.queue[0]!.sizeBytes > produceRequestBytesMax) break
      const { batch, bytes } = appender.take(identity, this.#transactions !== null)
      size += bytes.length
      sent.push({ appender, batch })
      const partition = { index: appender.partition, records: bytes }
      const list = topics.get(appender.topic)
      if (list === undefined) topics.set(appender.topic, [partition])
      else list.push(partition)
    }
    const request = this.#caller.request('Produce', {
      transactionalId: this.#transactions?.transactionalId ?? null,
      acks: this.#options.acks,
      timeoutMs: this.#caller.requestTimeoutMs,
      topicData: [...topics].map(([name, partitionData]) => ({ name, partitionData })),
    })
    void request.then(
      (response) => this.#answered(sent, response),
      (error: unknown) => this.#unanswered(sent, error),
    )
  }

  #answered(sent: readonly Sent[], response: ResponseOf<'Produce'>): void {
    const answers = new Map<string, Map<number, PartitionAnswer>>()
    for (const { name, partitionResponses } of response.responses) {
      answers.set(name, new Map(partitionResponses.map((answer) => [answer.index, answer])))
    }
    for (const { appender, batch } of sent) {
      const answer = answers.get(appender.topic)?.get(appender.partition)
      if (this.#options.acks === 0) this.#acknowledge(appender, batch, -1, -1)
      else if (answer === undefined)
        this.#again(appender, batch, new StreamError('PROTOCOL_INVALID', noAnswer(appender)))
      else this.#partitionAnswered(appender, batch, answer)
    }
    this.wake()
  }

  #partitionAnswered(appender: PartitionAppender, batch: PendingBatch, answer: PartitionAnswer): void {
    const { errorCode, baseOffset, logAppendTimeMs, errorMessage } = answer
    const name = codeToName(errorCode)
    if (name === 'NONE' || name === 'DUPLICATE_SEQUENCE_NUMBER') {
      this.#acknowledge(appender, batch, baseOffset, logAppendTimeMs)
      return
    }
    const error = brokerError(errorCode, `write to ${nameOf(appender)}`, errorMessage)
    // A gap before it: the batch in front was not written, so both are sent again.
    const follows = name === 'OUT_OF_ORDER_SEQUENCE_NUMBER' && appender.inFlight[0] !== batch
    if (isRetriable(errorCode)) this.#metadata.forget(appender.topic)
    if (isRetriable(errorCode) || follows) this.#again(appender, batch, error)
    else this.#refused(appender, batch, error)
  }

  #unanswered(sent: readonly Sent[], error: unknown): void {
    for (const { appender, batch } of sent) {
      if (this.#caller.isTransient(error)) this.#again(appender, batch, asStreamError(error))
      else this.#refused(appender, batch, asStreamError(error))
    }
    this.wake()
  }

  #acknowledge(appender: PartitionAppender, batch: PendingBatch, baseOffset: number, logAppendTimeMs: number): void {
    appender.settle(batch)
    appender.attempts = 0
    appender.provenBy = this.#identity?.current ?? null
    if (baseOffset >= 0) appender.endOffset = Math.max(appender.endOffset, baseOffset + batch.recordCount)
    for (const { index, timestampMs, done } of batch.waiters) {
      done.resolve({
        topic: appender.topic,
        partition: appender.partition,
        offset: baseOffset < 0 ? -1 : baseOffset + index,
        timestampMs: logAppendTimeMs >= 0 ? logAppendTimeMs : timestampMs,
      })
    }
    this.#accumulator.finished(appender, batch)
    this.#requeue(appender)
  }

  /** Sent again when all that is in flight of this partition is known, unless its time is over. */
  #again(appender: PartitionAppender, batch: PendingBatch, error: StreamError): void {
    if (this.#transactions !== null && !this.#transactions.sending) {
      this.#refused(appender, batch, error)
    } else if (this.#caller.clock.monotonic() >= batch.deadlineMs) {
      const text = `${nameOf(appender)}: not written in time: ${error.message}`
      this.#refused(appender, batch, new StreamError('TIMED_OUT', text, { cause: error }))
    } else {
      batch.failed = error
      this.#requeue(appender)
    }
  }

  /** S2 */
  #requeue(appender: PartitionAppender): void {
    if (!appender.requeueFailed()) return
    if (this.#transactions !== null && !this.#transactions.sending) {
      this.dropQueued(new StreamError('TRANSACTION_ABORTED', 'not sent again, its transaction failed'))
      return
    }
    appender.attempts++
    const pauseMs = Math.min(retryPauseMsMax, 5 * 2 ** Math.min(appender.attempts, 10))
    appender.pausing = true
    void this.#caller.pause(pauseMs).then(() => {
      appender.pausing = false
      this.wake()
    })
  }

  /** In flight, and not to be sent again. */
  #refused(appender: PartitionAppender, batch: PendingBatch, error: StreamError): void {
    appender.settle(batch)
    this.#giveUp(appender, batch, error)
    this.#requeue(appender)
  }

  /** S3 */
  #giveUp(appender: PartitionAppender, batch: PendingBatch, error: StreamError): void {
    if (batch.baseSequence >= 0) this.#leavesHole(appender)
    for (const { done } of batch.waiters) done.reject(error)
    if (batch.silent) this.#error ??= error
    this.#accumulator.finished(appender, batch)
    if (this.#transactions?.sending !== true) return
    this.#transactions.failed(error)
    this.dropQueued(
      new StreamError('TRANSACTION_ABORTED', `not sent, its transaction failed: ${error.message}`, { cause: error }),
    )
  }
}

function noAnswer(appender: PartitionAppender): string {
  return `the answer to a produce request leaves out ${nameOf(appender)}`
}

function asStreamError(error: unknown): StreamError {
  return StreamError.is(error) ? error : new StreamError('BROKER_ERROR', messageOf(error), { cause: error })
}
