/**
 * Changelog records of a window store on their way into the engine. Records of one batch are gathered by row and join the
 * batch when it is written, so that a row with many changed windows is read, packed and written once.
 */
import { ByteWriter, readInt64 } from '../../src/base/bytes.ts'
import { StreamError } from '../../src/base/errors.ts'
import type { EngineBatch } from '../../src/processor/state-engine.ts'
import type { RestoredRecord, StoreContext } from '../../src/processor/state-store.ts'
import { Arena } from '../arena.ts'
import { encodeNumber } from '../row-keys.ts'
import { bucketPrefix, bucketPrefixBytes, changelogSuffixBytes, chunkBytes, largestStartKey } from './bucket.ts'
import { chunkKeyOf, readRest } from './chunks.ts'
import { mergeChunks, type RowChange } from './packed-row.ts'
import type { Retention } from './retention.ts'

interface PendingRow {
  readonly rowKey: Buffer
  readonly changes: Map<number, RowChange>
}

export class WindowRestore {
  readonly #context: StoreContext
  readonly #retention: Retention
  readonly #writer = new ByteWriter(1024)
  #batch: EngineBatch | null = null
  #pending = new Map<number, Map<string, PendingRow>>()
  #arena = new Arena()
  /** Later buckets have no rows in the engine yet. */
  #writtenBucketMs: number
  #clearedToMs: number
  largestStartMs: number

  constructor(context: StoreContext, retention: Retention, largestStartMs: number) {
    this.#context = context
    this.#retention = retention
    this.largestStartMs = largestStartMs
    this.#writtenBucketMs = retention.lastBucketMs(largestStartMs)
    this.#clearedToMs = retention.firstLiveBucketMs(largestStartMs)
  }

  /** True for the first record of a batch. */
  apply(batch: EngineBatch, record: RestoredRecord): boolean {
    const isFirst = this.#batch !== batch
    if (isFirst) {
      this.#batch = batch
      batch.beforeWrite(() => this.#join(batch))
    }
    const { buffer, keyStart, keyEnd, valueStart, valueEnd, timestampMs } = record
    const keyBytes = keyEnd - keyStart - changelogSuffixBytes
    if (keyBytes < 0) {
      throw new StreamError(
        'STORE_CORRUPT',
        `a changelog key of ${keyEnd - keyStart} bytes is no window's; check the topic`,
      )
    }
    const startMs = readInt64(buffer, keyEnd - changelogSuffixBytes)
    if (startMs > this.largestStartMs) this.largestStartMs = startMs
    const row = this.#rowOf(this.#retention.bucketOf(startMs), buffer, keyStart, keyEnd - changelogSuffixBytes)
    const start = valueStart < 0 ? -1 : this.#arena.place(buffer, valueStart, valueEnd)
    const end = valueStart < 0 ? -1 : start + valueEnd - valueStart
    row.changes.set(startMs, { startMs, timestamp: timestampMs, buffer: this.#arena.buffer, start, end })
    return isFirst
  }

  #rowOf(bucketMs: number, buffer: Buffer, keyStart: number, keyEnd: number): PendingRow {
    let rows = this.#pending.get(bucketMs)
    if (rows === undefined) {
      rows = new Map()
      this.#pending.set(bucketMs, rows)
    }
    const identity = buffer.latin1Slice(keyStart, keyEnd)
    let row = rows.get(identity)
    if (row === undefined) {
      const rowKey = Buffer.alloc(bucketPrefixBytes + keyEnd - keyStart + chunkBytes)
      bucketPrefix(this.#context.storeId, bucketMs).copy(rowKey)
      buffer.copy(rowKey, bucketPrefixBytes, keyStart, keyEnd)
      row = { rowKey, changes: new Map() }
      rows.set(identity, row)
    }
    return row
  }

  #join(batch: EngineBatch): void {
    const live = this.#retention.firstLiveBucketMs(this.largestStartMs)
    for (const [bucketMs, rows] of this.#pending) {
      // Changelogs keep windows for longer than the store does.
      if (bucketMs < live) continue
      for (const row of rows.values()) this.#put(batch, row, bucketMs > this.#writtenBucketMs)
    }
    const { storeId } = this.#context
    batch.put(largestStartKey(storeId), encodeNumber(this.largestStartMs))
    if (live > this.#clearedToMs) {
      batch.clear(bucketPrefix(storeId, this.#clearedToMs), bucketPrefix(storeId, live))
      this.#clearedToMs = live
    }
    this.#writtenBucketMs = this.#retention.lastBucketMs(this.largestStartMs)
    this.#pending = new Map()
    this.#arena = new Arena()
    this.#batch = null
  }

  #put(batch: EngineBatch, row: PendingRow, isNew: boolean): void {
    const before = isNew ? [] : this.#chunksOf(row.rowKey)
    const changes = [...row.changes.values()].sort((left, right) => left.startMs - right.startMs)
    const after = mergeChunks(this.#writer, before, changes)
    for (const [index, chunk] of after.entries()) {
      if (chunk !== before[index]) batch.put(chunkKeyOf(row.rowKey, index), chunk)
    }
    for (let index = after.length; index < before.length; index++) batch.del(chunkKeyOf(row.rowKey, index))
  }

  #chunksOf(rowKey: Buffer): Buffer[] {
    const { engine } = this.#context
    const first = engine.get(rowKey)
    return first === undefined ? [] : [first, ...readRest(engine, rowKey, first)]
  }
}
