import { assert } from '../../base/assert.ts'
import { StreamError } from '../../base/errors.ts'
import { Record } from '../../processor/record.ts'
import { BatchCursor } from '../../records/batch-cursor.ts'
import { batchSize, partitionLeaderEpochOf, recordCountOf } from '../../records/batch-format.ts'
import type { SourceNode } from '../../topology/node.ts'
import type { DropCounter } from './drops.ts'
import type { FailureHandler } from './failures.ts'
import type { TaskMoment } from './moment.ts'
import { promiseRefused } from './promises.ts'
import type { TaskNode } from './task-node.ts'
import type { Timed } from './time-queue.ts'

/** Whole batches of one partition, as they were fetched: what a queue holds. (A consumer's FetchedPartition is one.) */
export interface SourceBatches {
  readonly buffer: Buffer
  /** Where the batches to be read begin; control batches and aborted ones are left out. */
  readonly batches: readonly number[]
  /** Records below it in the first batch are not wanted. */
  readonly firstOffset: number
  /** The consumer's position after these. */
  readonly nextOffset: number
}

/**
 * The records of one input partition, waiting: raw batches, of which only the head record is decoded.
 *
 * Laws
 *  R1  offsets rise
 *  R2  a record is decoded when it becomes the head, so its errors come in order
 *  R3  `position` is the offset of the head, or the consumer's position: what was left out still counts as read
 *
 * While a record is processed the cursor stands on it: its raw bytes are there for a dead letter, at no cost.
 */
export class RecordQueue implements Timed {
  readonly topic: string
  readonly partition: number
  readonly sourceName: string
  readonly entry: TaskNode
  /** The head, decoded; null: the queue is empty. */
  record: Record<unknown, unknown> | null = null
  timestampMs = -1
  /** Of the record taken up last. */
  takenOffset = -1
  takenCount = 0
  /** The largest timestamp taken up. */
  partitionTimeMs = -1
  bufferedRecords = 0
  bufferedBytes = 0
  /** Leader epoch of the batch that holds the record taken up last, -1 when unknown. */
  leaderEpoch = -1
  /** KIP-695: until when an empty, caught-up partition is waited for; -1: not waiting. */
  idleDeadlineMs = -1
  readonly #source: SourceNode
  readonly #moment: TaskMoment
  readonly #failures: FailureHandler
  readonly #drops: DropCounter
  readonly #cursor = new BatchCursor()
  readonly #fetched: SourceBatches[] = []
  #batchIndex = 0
  #batchEpoch = -1
  #open = false
  #openBytes = 0
  #offset = -1
  #nextOffset: number

  constructor(
    source: SourceNode,
    entry: TaskNode,
    input: { readonly topic: string; readonly partition: number; readonly position: number },
    services: { readonly moment: TaskMoment; readonly failures: FailureHandler; readonly drops: DropCounter },
  ) {
    this.#source = source
    this.sourceName = source.name
    this.entry = entry
    this.topic = input.topic
    this.partition = input.partition
    this.#nextOffset = input.position
    this.#moment = services.moment
    this.#failures = services.failures
    this.#drops = services.drops
  }

  /** R3: the next offset that is not processed; -1: unknown, nothing was fetched yet. */
  get position(): number {
    return this.record === null ? this.#nextOffset : this.#offset
  }

  /** Where the consumer goes on: after all that was added. */
  get fetchedTo(): number {
    return this.#nextOffset
  }

  add(fetched: SourceBatches): void {
    assert(fetched.nextOffset >= this.#nextOffset, 'R1: offsets rise from fetch to fetch')
    this.#nextOffset = fetched.nextOffset
    if (fetched.batches.length === 0) return
    for (const at of fetched.batches) {
      this.bufferedRecords += recordCountOf(fetched.buffer, at)
      this.bufferedBytes += batchSize(fetched.buffer, at)
    }
    this.#fetched.push(fetched)
    if (this.record === null) this.advance()
  }

  /** The head is taken up: the task's time and the partition's follow it. */
  take(): Record<unknown, unknown> {
    const record = this.record!
    const { timestampMs } = this
    this.takenOffset = this.#offset
    this.takenCount++
    this.leaderEpoch = this.#batchEpoch
    if (timestampMs > this.partitionTimeMs) this.partitionTimeMs = timestampMs
    return record
  }

  /** Decodes the next record into the head. Throws where the error policy says fail. */
  advance(): void {
    const cursor = this.#cursor
    for (;;) {
      while (!this.#open || !cursor.next()) {
        if (!this.#openNext()) {
          this.record = null
          return
        }
      }
      this.bufferedRecords--
      if (cursor.offset < this.#fetched[0]!.firstOffset) continue
      assert(cursor.offset > this.#offset, 'R1: offsets rise')
      this.#offset = cursor.offset
      const record = this.#decode()
      if (record === null) continue
      this.record = record
      this.timestampMs = record.timestamp
      return
    }
  }

  /** The cursor still stands on the record taken up last: its raw bytes are there. */
  get standsOnTaken(): boolean {
    return this.#offset === this.takenOffset
  }

  /** The source record's key as it came; null when it had none. Valid while the record is processed. */
  rawKey(): Buffer | null {
    const { buffer, keyStart, keyEnd } = this.#cursor
    return keyStart < 0 ? null : buffer.subarray(keyStart, keyEnd)
  }

  rawValue(): Buffer | null {
    const { buffer, valueStart, valueEnd } = this.#cursor
    return valueStart < 0 ? null : buffer.subarray(valueStart, valueEnd)
  }

  #openNext(): boolean {
    if (this.#open) {
      this.bufferedBytes -= this.#openBytes
      this.#open = false
      this.#batchIndex++
    }
    while (this.#fetched.length > 0 && this.#batchIndex >= this.#fetched[0]!.batches.length) {
      this.#fetched.shift()
      this.#batchIndex = 0
    }
    const fetched = this.#fetched[0]
    if (fetched === undefined) return false
    const at = fetched.batches[this.#batchIndex]!
    this.#cursor.open(fetched.buffer, at)
    this.#openBytes = batchSize(fetched.buffer, at)
    this.#batchEpoch = partitionLeaderEpochOf(fetched.buffer, at)
    this.#open = true
    return true
  }

  /** null: left out, as the policy or the timestamp says. */
  #decode(): Record<unknown, unknown> | null {
    const cursor = this.#cursor
    const source = this.#source
    let key: unknown = null
    let value: unknown = null
    try {
      if (cursor.keyStart >= 0) key = source.keySerde.decode(cursor.buffer, cursor.keyStart, cursor.keyEnd)
      if (cursor.valueStart >= 0) value = source.valueSerde.decode(cursor.buffer, cursor.valueStart, cursor.valueEnd)
    } catch (error) {
      this.#refuse(error)
      return null
    }
    const record = new Record(key, value, cursor.timestampMs, cursor.headers())
    return source.timestampExtractor === null && cursor.timestampMs >= 0 ? record : this.#stamp(record)
  }

  #refuse(error: unknown): void {
    const moment = this.#moment
    const { queue, hasSource } = moment
    const { takenOffset } = this
    // The failed record is the one at hand for as long as it is told; then the one before it again.
    moment.queue = this
    moment.hasSource = true
    this.takenOffset = this.#offset
    const record = { timestamp: this.#cursor.timestampMs, headers: this.#cursor.headers() }
    this.#failures.handle('deserialize', this.#source.name, this.#source.onError, error, record)
    moment.queue = queue
    moment.hasSource = hasSource
    this.takenOffset = takenOffset
  }

  /** The time its extractor gives; null when that is negative. Without an extractor a negative time is an error, as in Kafka. */
  #stamp(record: Record<unknown, unknown>): Record<unknown, unknown> | null {
    const { timestampExtractor } = this.#source
    const metadata = { topic: this.topic, partition: this.partition, offset: this.#offset }
    const place = `${this.topic}-${this.partition}@${this.#offset}`
    if (timestampExtractor === null) {
      const what = `the record ${place} has the timestamp ${record.timestamp}; give the source ${this.#source.name} a timestamp extractor that knows better`
      throw this.#failures.end(new StreamError('RECORD_FAILED', what))
    }
    let timestamp: number
    try {
      timestamp = timestampExtractor(record, this.partitionTimeMs, metadata)
    } catch (cause) {
      const what = `the timestamp extractor of ${this.#source.name} refused the record ${place}; correct it, or give a time for such records`
      throw this.#failures.end(new StreamError('RECORD_FAILED', what, { cause }))
    }
    if (!Number.isSafeInteger(timestamp)) throw this.#failures.end(this.#notATime(timestamp, place))
    if (timestamp >= 0) return timestamp === record.timestamp ? record : record.withTimestamp(timestamp)
    this.#drops.count(this.#source.name, 'negative-timestamp', place)
    return null
  }

  #notATime(timestamp: unknown, place: string): StreamError {
    const extractor = `the timestamp extractor of ${this.#source.name}`
    const promised = promiseRefused(timestamp, `${extractor} returned a promise; make it synchronous`)
    const what = `${extractor} gave ${String(timestamp)} for the record ${place}; give whole milliseconds since 1970, negative to leave the record out`
    return promised ?? new StreamError('RECORD_FAILED', what)
  }
}
