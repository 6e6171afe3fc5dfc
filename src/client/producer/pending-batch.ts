/**
 * A batch on its way: sealed, sent, answered. Its bytes are made when it is sent for the first time, because only then
 * its sequence and the producer's epoch are certain.
 */
import type { Deferred } from '../../base/deferred.ts'
import type { BatchBuilder } from '../../records/batch-builder.ts'
import {
  attributesOf,
  baseTimestampOf,
  lastOffsetDeltaOf,
  maxTimestampOf,
  recordCountOf,
  writeHeader,
} from '../../records/batch-format.ts'
import type { TopicPartition } from '../topic-partition.ts'

/** Where a record went. */
export interface RecordMetadata extends TopicPartition {
  readonly offset: number
  /** The record's own, or the broker's where the topic says LogAppendTime. */
  readonly timestampMs: number
}

/** Somebody waits for one record of a batch. */
export interface Waiter {
  /** The record's place in the batch, from 0. */
  readonly index: number
  readonly timestampMs: number
  readonly done: Deferred<RecordMetadata>
}

/** Somebody waits for all batches that were pending when he asked. */
export interface FlushWaiter {
  remaining: number
  readonly done: Deferred<void>
}

/** Who writes: -1 and -1 when the producer is not idempotent. */
export interface Identity {
  readonly producerId: number
  readonly epoch: number
}

export class PendingBatch {
  readonly recordCount: number
  readonly sizeBytes: number
  /** On the monotonic clock: when to give up. */
  readonly deadlineMs: number
  readonly waiters: readonly Waiter[]
  /** It holds records that nobody waits for one by one: their error belongs to the next flush. */
  readonly silent: boolean
  readonly flushes: FlushWaiter[] = []
  baseSequence = -1
  /** An answer (or the lack of one) is known, and it is to be sent again. */
  failed: Error | null = null
  #builder: BatchBuilder | null
  #bytes: Buffer | null = null
  #identity: Identity | null = null

  constructor(builder: BatchBuilder, deadlineMs: number, waiters: readonly Waiter[], silent: boolean) {
    this.#builder = builder
    this.recordCount = builder.recordCount
    this.sizeBytes = builder.sizeBytes
    this.deadlineMs = deadlineMs
    this.waiters = waiters
    this.silent = silent
  }

  /** Was it sent under this identity already? Then its sequence stands. */
  isStamped(identity: Identity): boolean {
    return this.#identity === identity
  }

  /**
   * The final bytes. `recycle` takes the builder, once. Bytes that were handed over under another identity are left as
   * they are: a copy gets the new header.
   */
  bytes(
    identity: Identity,
    baseSequence: number,
    transactional: boolean,
    recycle: (builder: BatchBuilder) => void,
  ): Buffer {
    const { producerId, epoch } = identity
    if (this.#builder !== null) {
      this.#bytes = this.#builder.build({ producerId, producerEpoch: epoch, baseSequence, transactional })
      recycle(this.#builder)
      this.#builder = null
    } else if (this.#identity !== identity) {
      this.#bytes = restamped(this.#bytes!, identity, baseSequence)
    }
    this.#identity = identity
    this.baseSequence = baseSequence
    return this.#bytes!
  }

  /** It will not be sent (again): gives the builder back. */
  discard(recycle: (builder: BatchBuilder) => void): void {
    if (this.#builder === null) return
    this.#builder.reset()
    recycle(this.#builder)
    this.#builder = null
  }
}

function restamped(bytes: Buffer, identity: Identity, baseSequence: number): Buffer {
  const copy = Buffer.from(bytes)
  writeHeader(copy, copy.length, {
    attributes: attributesOf(copy, 0),
    lastOffsetDelta: lastOffsetDeltaOf(copy, 0),
    baseTimestampMs: baseTimestampOf(copy, 0),
    maxTimestampMs: maxTimestampOf(copy, 0),
    producerId: identity.producerId,
    producerEpoch: identity.epoch,
    baseSequence,
    recordCount: recordCountOf(copy, 0),
  })
  return copy
}
