/**
 * One partition as a producer sees it: the open batch, the sealed ones in order, the ones in flight in order.
 *
 * Laws
 *  A1  batches are acknowledged in the order of their sequences; a later one never overtakes an earlier one
 *  A2  a sequence is given when a batch is sent first, and stays with it as long as the producer's identity does
 *  A3  at most `producerInFlightMax` batches are in flight: the broker remembers as many to see duplicates. Only one,
 *      until the first of an identity is acknowledged: a broker that does not know a producer takes any first sequence,
 *      so that a second batch could get ahead of a first one that has to be sent again
 */
import { assert } from '../../base/assert.ts'
import { deferred } from '../../base/deferred.ts'
import { StreamError } from '../../base/errors.ts'
import { producerInFlightMax } from '../../base/limits.ts'
import type { Headers, Serde } from '../../base/serde.ts'
import type { BatchBuilder } from '../../records/batch-builder.ts'
import type { Accumulator } from './accumulator.ts'
import type { Identity, PendingBatch, RecordMetadata, Waiter } from './pending-batch.ts'

const sequenceMax = 0x7fffffff

/** What `send` takes: bytes as they are, texts as UTF-8. It only writes. */
const plainSerde: Serde<Buffer | string> = {
  name: 'plain',
  encode: (value, into) => (typeof value === 'string' ? into.utf8(value) : into.bytes(value)),
  decode: (bytes, start, end) => Buffer.from(bytes.subarray(start, end)),
}

export class PartitionAppender {
  readonly topic: string
  readonly partition: number
  /** The offset after the last acknowledged record that this producer wrote here; -1: none yet. */
  endOffset = -1
  /** Sealed, not in flight, in order. */
  readonly queue: PendingBatch[] = []
  /** Sent and not acknowledged, in order. */
  inFlight: PendingBatch[] = []
  /** Failed sends in a row. */
  attempts = 0
  /** Nothing is sent before the pause is over. */
  pausing: boolean = false
  /** Under this identity a batch was acknowledged here. */
  provenBy: Identity | null = null
  /** A batch that had a sequence was given up: nothing is sent before sequences begin anew. */
  hole: boolean = false
  /** The topic's max.message.bytes where it is known: no batch is larger, and a record beyond it is refused at once. */
  messageBytesMax = Number.POSITIVE_INFINITY
  /** The broker knows that this partition is in the open transaction. */
  inTransaction = false
  readonly #accumulator: Accumulator
  #builder: BatchBuilder | null = null
  #waiters: Waiter[] = []
  #silent = false
  #nextSequence = 0

  constructor(accumulator: Accumulator, topic: string, partition: number) {
    this.#accumulator = accumulator
    this.topic = topic
    this.partition = partition
  }

  /**
   * Lays one record down in the open batch. Synchronous. What goes wrong later is thrown by the producer's next `flush`
   * or commit. Throws what the producer refuses with: TRANSACTION_STATE_INVALID, BUFFER_FULL, CLOSED, the error of the
   * transaction; and RECORD_TOO_LARGE (`messageBytesMax`).
   */
  append<K, V>(
    timestampMs: number,
    key: K | null,
    keySerde: Serde<K>,
    value: V | null,
    valueSerde: Serde<V>,
    headers: Headers,
  ): void {
    this.#append(timestampMs, key, keySerde, value, valueSerde, headers)
    this.#silent = true
  }

  /** As `append`, for bytes: `key[keyStart, keyEnd)` and `value[valueStart, valueEnd)`. */
  appendBytes(
    timestampMs: number,
    key: Buffer | null,
    keyStart: number,
    keyEnd: number,
    value: Buffer | null,
    valueStart: number,
    valueEnd: number,
    headers: Headers,
  ): void {
    if (this.#accumulator.refusal !== null) throw this.#accumulator.refusal
    let builder = this.#builder ?? this.#open()
    if (!builder.appendBytes(timestampMs, key, keyStart, keyEnd, value, valueStart, valueEnd, headers)) {
      this.seal()
      builder = this.#open()
      builder.appendBytes(timestampMs, key, keyStart, keyEnd, value, valueStart, valueEnd, headers)
    }
    if (builder.sizeBytes > this.messageBytesMax) this.#refuseIfAlone(builder)
    this.#silent = true
  }

  /** One record with a promise of its own. */
  appendAwaited(
    timestampMs: number,
    key: Buffer | null,
    value: Buffer | string | null,
    headers: Headers,
  ): Promise<RecordMetadata> {
    this.#append(timestampMs, key, plainSerde, value, plainSerde, headers)
    const done = deferred<RecordMetadata>()
    this.#waiters.push({ index: this.#builder!.recordCount - 1, timestampMs, done })
    return done.promise
  }

  #append<K, V>(
    timestampMs: number,
    key: K | null,
    keySerde: Serde<K>,
    value: V | null,
    valueSerde: Serde<V>,
    headers: Headers,
  ): void {
    if (this.#accumulator.refusal !== null) throw this.#accumulator.refusal
    let builder = this.#builder ?? this.#open()
    if (!builder.append(timestampMs, key, keySerde, value, valueSerde, headers)) {
      this.seal()
      builder = this.#open()
      builder.append(timestampMs, key, keySerde, value, valueSerde, headers)
    }
    if (builder.sizeBytes > this.messageBytesMax) this.#refuseIfAlone(builder)
  }

  /** A single record makes the batch too large for its topic: the batch is forgotten with it, and nothing else is lost. */
  #refuseIfAlone(builder: BatchBuilder): void {
    if (builder.recordCount > 1) return
    const what = `a record of ${builder.sizeBytes} bytes for ${this.topic}-${this.partition} is refused, max.message.bytes of the topic is ${this.messageBytesMax}; send smaller records or raise it`
    this.#builder = null
    this.#accumulator.unopened(this, builder)
    throw new StreamError('RECORD_TOO_LARGE', what)
  }

  #open(): BatchBuilder {
    this.#builder = this.#accumulator.opened(this)
    return this.#builder
  }

  /** Closes the open batch, if it has records, and queues it. */
  seal(): void {
    const builder = this.#builder
    if (builder === null) return
    this.#builder = null
    if (builder.recordCount === 0) {
      // Its first record could not be encoded.
      this.#accumulator.unopened(this, builder)
      return
    }
    const batch = this.#accumulator.sealed(this, builder, this.#waiters, this.#silent)
    this.queue.push(batch)
    this.#waiters = []
    this.#silent = false
  }

  /** Forgets the open batch. */
  drop(error: StreamError): void {
    if (this.#builder === null) return
    this.#accumulator.unopened(this, this.#builder)
    this.#builder = null
    for (const waiter of this.#waiters) waiter.done.reject(error)
    this.#waiters = []
    this.#silent = false
  }

  /** The next batch to send, now in flight, with its final bytes. */
  take(identity: Identity, transactional: boolean): { batch: PendingBatch; bytes: Buffer } {
    const batch = this.queue.shift()
    assert(batch !== undefined, 'A1: there is a batch to send')
    const stamped = batch.isStamped(identity)
    const sequence = stamped ? batch.baseSequence : identity.producerId < 0 ? -1 : this.#nextSequence
    if (!stamped && sequence >= 0) this.#nextSequence = sequenceAfter(sequence, batch.recordCount)
    const bytes = batch.bytes(identity, sequence, transactional, this.#accumulator.recycle)
    batch.failed = null
    this.inFlight.push(batch)
    return { batch, bytes }
  }

  /** A2: under a new identity sequences begin at 0. */
  resetSequence(): void {
    assert(this.inFlight.length === 0, 'A1: nothing is in flight when sequences begin anew')
    this.#nextSequence = 0
    this.hole = false
  }

  /** A3: how many batches may be in flight. */
  inFlightMax(identity: Identity): number {
    return this.provenBy === identity ? producerInFlightMax : 1
  }

  /** Takes a batch out of the ones in flight. */
  settle(batch: PendingBatch): void {
    this.inFlight = this.inFlight.filter((other) => other !== batch)
  }

  /** Once all that is in flight is known to have failed, it stands before the queue again, in order (A1). */
  requeueFailed(): boolean {
    if (this.inFlight.length === 0 || this.inFlight.some((batch) => batch.failed === null)) return false
    this.queue.unshift(...this.inFlight)
    this.inFlight = []
    return true
  }

  /** A failed batch waits for the others in flight: nothing new is sent until then. */
  get recovering(): boolean {
    return this.inFlight.some((batch) => batch.failed !== null)
  }
}

export function sequenceAfter(sequence: number, count: number): number {
  return sequence > sequenceMax - count ? count - (sequenceMax - sequence) - 1 : sequence + count
}
