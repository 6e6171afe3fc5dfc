/**
 * What a producer holds: its partitions, their open batches, and how many bytes are sealed and not yet answered.
 *
 * Laws
 *  U1  bytes = the sum of the sizes of all queued batches and all in flight
 *  U2  `full` from bufferBytes on: the caller should wait. Beyond `producerOverrun` times as much an append is refused,
 *      BUFFER_FULL: one synchronous piece of work may overrun the buffer, but not without bound. Open batches come on
 *      top, one of at most batchBytes per partition.
 */
import { assert } from '../../base/assert.ts'
import type { Clock } from '../../base/clock.ts'
import { type Deferred, deferred } from '../../base/deferred.ts'
import { StreamError } from '../../base/errors.ts'
import { producerOverrun } from '../../base/limits.ts'
import { BatchBuilder } from '../../records/batch-builder.ts'
import { PartitionAppender } from './partition-appender.ts'
import { type FlushWaiter, PendingBatch, type Waiter } from './pending-batch.ts'

export interface AccumulatorOptions {
  readonly batchBytes: number
  readonly bufferBytes: number
  readonly compression: 'none' | 'gzip'
  readonly deliveryTimeoutMs: number
}

const spareBuildersMax = 16

export class Accumulator {
  /** Partitions with batches that are queued or in flight. */
  readonly busy = new Set<PartitionAppender>()
  /** Called when a partition opens a batch, and when one is sealed. */
  onOpened: (() => void) | null = null
  onSealed: (() => void) | null = null
  readonly #clock: Clock
  readonly #options: AccumulatorOptions
  readonly #topics = new Map<string, PartitionAppender[]>()
  readonly #openPartitions = new Set<PartitionAppender>()
  readonly #spare: BatchBuilder[] = []
  #bytes = 0
  #space: Deferred<void> | null = null
  #makeRefusal: (() => StreamError) | null = null
  #refusal: StreamError | null = null

  constructor(clock: Clock, options: AccumulatorOptions) {
    this.#clock = clock
    this.#options = options
  }

  /** Why nothing is accepted now, or null: always the same error until it is accepted again. */
  get refusal(): StreamError | null {
    if (this.#makeRefusal !== null) this.#refusal ??= this.#makeRefusal()
    return this.#refusal
  }

  accept(): void {
    this.#makeRefusal = null
    this.#refusal = null
  }

  /** Takes a function, since most refusals end before anybody gets to see them. */
  refuse(makeRefusal: () => StreamError): void {
    this.#makeRefusal = makeRefusal
    this.#refusal = null
  }

  partition(topic: string, partition: number): PartitionAppender {
    let partitions = this.#topics.get(topic)
    if (partitions === undefined) {
      partitions = []
      this.#topics.set(topic, partitions)
    }
    let appender = partitions[partition]
    if (appender === undefined) {
      assert(Number.isInteger(partition) && partition >= 0, 'a partition is a whole number from 0')
      appender = new PartitionAppender(this, topic, partition)
      partitions[partition] = appender
    }
    return appender
  }

  *partitions(): Generator<PartitionAppender> {
    // A list may have holes: partitions that were never written to.
    for (const partitions of this.#topics.values()) for (const each of partitions) if (each !== undefined) yield each
  }

  get full(): boolean {
    return this.#bytes >= this.#options.bufferBytes
  }

  /** Resolves when the buffer is not full. */
  async ready(): Promise<void> {
    while (this.full) {
      this.#space ??= deferred<void>()
      await this.#space.promise
    }
  }

  /** A builder for a partition that has no open batch. */
  opened(appender: PartitionAppender): BatchBuilder {
    const { bufferBytes, batchBytes, compression } = this.#options
    if (this.#bytes >= bufferBytes * producerOverrun) {
      throw new StreamError(
        'BUFFER_FULL',
        `${this.#bytes} bytes wait to be sent, ${producerOverrun} times the buffer; await ready() when full is true`,
      )
    }
    this.#openPartitions.add(appender)
    this.onOpened?.()
    const bytesMax = Math.min(batchBytes, appender.messageBytesMax)
    const spare = bytesMax === batchBytes ? this.#spare.pop() : undefined
    return spare ?? new BatchBuilder({ bytesMax, compression })
  }

  /** Counts a batch that its partition is about to queue. */
  sealed(
    appender: PartitionAppender,
    builder: BatchBuilder,
    waiters: readonly Waiter[],
    silent: boolean,
  ): PendingBatch {
    const deadlineMs = this.#clock.monotonic() + this.#options.deliveryTimeoutMs
    const batch = new PendingBatch(builder, deadlineMs, waiters, silent)
    this.#bytes += batch.sizeBytes
    this.busy.add(appender)
    this.#openPartitions.delete(appender)
    this.onSealed?.()
    return batch
  }

  /** An open batch is given back without being sent. */
  unopened(appender: PartitionAppender, builder: BatchBuilder): void {
    this.#openPartitions.delete(appender)
    builder.reset()
    this.recycle(builder)
  }

  sealAll(): void {
    for (const appender of this.#openPartitions) appender.seal()
  }

  dropOpen(error: StreamError): void {
    for (const appender of this.#openPartitions) appender.drop(error)
  }

  readonly recycle = (builder: BatchBuilder): void => {
    if (this.#spare.length < spareBuildersMax && builder.bytesMax === this.#options.batchBytes)
      this.#spare.push(builder)
  }

  /** A batch is acknowledged or given up; it is neither queued nor in flight any more. */
  finished(appender: PartitionAppender, batch: PendingBatch): void {
    this.#bytes -= batch.sizeBytes
    assert(this.#bytes >= 0, 'U1: no batch is counted off twice')
    batch.discard(this.recycle)
    if (appender.queue.length === 0 && appender.inFlight.length === 0) this.busy.delete(appender)
    for (const flush of batch.flushes) if (--flush.remaining === 0) flush.done.resolve()
    if (this.#space !== null && !this.full) {
      this.#space.resolve()
      this.#space = null
    }
  }

  /** Resolves when each batch that is pending now is acknowledged or given up. */
  allFinished(): Promise<void> {
    const flush: FlushWaiter = { remaining: 0, done: deferred<void>() }
    for (const appender of this.busy) {
      for (const list of [appender.queue, appender.inFlight]) {
        for (const batch of list) {
          batch.flushes.push(flush)
          flush.remaining++
        }
      }
    }
    if (flush.remaining === 0) flush.done.resolve()
    return flush.done.promise
  }
}
