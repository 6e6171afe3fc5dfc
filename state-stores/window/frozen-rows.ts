/**
 * One frozen generation of a window store: rows packed with what changed, on their way to the engine.
 *
 *   RowPacker.freeze  1b  every dirty window goes to the changelog, in last-update order; its row is packed anew
 *   stage             4   the chunks that changed join the batch, with the largest start put; expired buckets are cleared
 */
import type { EngineBatch } from '../../src/processor/state-engine.ts'
import type { FrozenGeneration } from '../frozen-generations.ts'
import { encodeNumber } from '../row-keys.ts'
import { bucketPrefix, chunkBytes, largestStartKey } from './bucket.ts'
import { chunkKeyOf } from './chunks.ts'
import type { WindowRow } from './row.ts'

/** How far a store was at a rotation. */
export interface FreezePoint {
  readonly largestStartMs: number
  /** Rows of earlier buckets are told and logged, and then gone. */
  readonly firstLiveBucketMs: number
}

export class FrozenRows<K, V> implements FrozenGeneration<WindowRow<K, V>, WindowRow<K, V>> {
  readonly number: number
  readonly point: FreezePoint
  readonly rows: WindowRow<K, V>[] = []
  /** Where the rotation before was. */
  readonly #before: FreezePoint
  /** Chunks to be staged, as pairs: the row, and the chunk's index, or `~index` when it goes. */
  readonly #stagedRows: WindowRow<K, V>[] = []
  readonly #stagedChunks: number[] = []
  /** Rows that the next generation packed anew, as this one packed them. */
  readonly #replaced = new Map<WindowRow<K, V>, WindowRow<K, V>>()

  constructor(number: number, point: FreezePoint, before: FreezePoint) {
    this.number = number
    this.point = point
    this.#before = before
  }

  rowOf(row: WindowRow<K, V>): WindowRow<K, V> | null {
    return row.frozenIn === this.number ? row : (this.#replaced.get(row) ?? null)
  }

  /** The row is about to be packed anew. */
  keep(row: WindowRow<K, V>): void {
    if (row.frozenIn === this.number) this.#replaced.set(row, row.packedCopy())
  }

  add(row: WindowRow<K, V>): void {
    row.frozenIn = this.number
    this.rows.push(row)
  }

  /** A chunk of the row has changed; `~index`: it is gone. */
  addChunk(row: WindowRow<K, V>, index: number): void {
    this.#stagedRows.push(row)
    this.#stagedChunks.push(index)
  }

  stage(batch: EngineBatch, storeId: number): void {
    for (const [position, row] of this.#stagedRows.entries()) {
      const index = this.#stagedChunks[position]!
      const { buffer, start, end, rest } = this.rowOf(row)!
      const key = chunkKeyOf(row.keyBuffer.subarray(row.keyStart, row.keyEnd + chunkBytes), index < 0 ? ~index : index)
      if (index < 0) batch.del(key)
      else batch.put(key, index === 0 ? buffer.subarray(start, end) : rest[index - 1]!)
    }
    const { point } = this
    const before = this.#before
    if (point.largestStartMs > before.largestStartMs)
      batch.put(largestStartKey(storeId), encodeNumber(point.largestStartMs))
    if (point.firstLiveBucketMs > before.firstLiveBucketMs)
      batch.clear(bucketPrefix(storeId, before.firstLiveBucketMs), bucketPrefix(storeId, point.firstLiveBucketMs))
  }
}
