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
import { bucketPrefix, bucketPrefixBytes, chunkBytes, largestStartKey } from './bucket.ts'
import { isContinued, mergeChunks, type RowChange } from './packed-row.ts'
import { changelogSuffixBytes } from './row-cache.ts'

interface PendingRow {
  readonly rowKey: Buffer
  readonly changes: Map<number, RowChange>
}

export class WindowRestore {
  readonly #context: StoreContext
  readonly #bucketMs: number
  readonly #retentionMs: number
  readonly #writer = new ByteWriter(1024)
  #batch: EngineBatch | null = null
  #pending = new Map<number, Map<string, PendingRow>>()
  #arena = new Arena()
  /** Later buckets have no rows in the engine yet. */
  #writtenBucketMs: number
  #clearedToMs = 0
  largestStartMs: number

  constructor(context: StoreContext, bucketMs: number, retentionMs: number, largestStartMs: number) {
    this.#context = context
    this.#bucketMs = bucketMs
    this.#retentionMs = retentionMs
    this.largestStartMs = largestStartMs
    this.#writtenBucketMs = largestStartMs < 0 ? -1 : largestStartMs - (largestStartMs % bucketMs)
    this.#clearedToMs = this.#firstLiveBucketMs()
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
    const row = this.#rowOf(startMs - (startMs % this.#bucketMs), buffer, keyStart, keyEnd - changelogSuffixBytes)
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

  #firstLiveBucketMs(): number {
    const horizon = Math.max(0, this.largestStartMs - this.#retentionMs)
    return horizon - (horizon % this.#bucketMs)
  }

  #join(batch: EngineBatch): void {
    const live = this.#firstLiveBucketMs()
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
    this.#writtenBucketMs = this.largestStartMs - (this.largestStartMs % this.#bucketMs)
    this.#pending = new Map()
    this.#arena = new Arena()
    this.#batch = null
  }

  #put(batch: EngineBatch, row: PendingRow, isNew: boolean): void {
    const before = isNew ? [] : this.#chunksOf(row.rowKey)
    const changes = [...row.changes.values()].sort((left, right) => left.startMs - right.startMs)
    const after = mergeChunks(this.#writer, before, changes)
    for (const [index, chunk] of after.entries()) {
      if (chunk !== before[index]) batch.put(chunkKey(row.rowKey, index), chunk)
    }
    for (let index = after.length; index < before.length; index++) batch.del(chunkKey(row.rowKey, index))
  }

  #chunksOf(rowKey: Buffer): Buffer[] {
    const chunks: Buffer[] = []
    let chunk = this.#context.engine.get(rowKey)
    while (chunk !== undefined) {
      chunks.push(chunk)
      if (!isContinued(chunk, 0)) break
      chunk = this.#context.engine.get(chunkKey(rowKey, chunks.length))
    }
    return chunks
  }
}

function chunkKey(rowKey: Buffer, chunk: number): Buffer {
  const key = Buffer.from(rowKey)
  key.writeUInt16BE(chunk, key.length - chunkBytes)
  return key
}
