import { writeInt64 } from '../../src/base/bytes.ts'
import { AgedTable } from '../aged-table.ts'
import { rowPrefix, storeIdBytes } from '../row-keys.ts'
import type { WindowRow } from './row.ts'

export const bucketPrefixBytes = storeIdBytes + 8
export const chunkBytes = 2

const bucketMsMin = 60_000

/** How much time one bucket of rows covers: as Kafka Streams' segments, half the retention, but at least a minute. */
export function bucketMsOf(retentionMs: number): number {
  return Math.max(Math.floor(retentionMs / 2), bucketMsMin)
}

/** `storeId ‖ bucketStart`: how the keys of a bucket's rows begin. */
export function bucketPrefix(storeId: number, startMs: number): Buffer {
  const prefix = Buffer.alloc(bucketPrefixBytes)
  rowPrefix(storeId).copy(prefix)
  writeInt64(prefix, startMs, storeIdBytes)
  return prefix
}

/** Where the largest start ever put is kept: a bucket that no row can have. */
export function largestStartKey(storeId: number): Buffer {
  const key = bucketPrefix(storeId, 0)
  key[storeIdBytes] = 0x80
  return key
}

/** The rows of one stretch of time that are in memory. */
export class Bucket<K, V> {
  readonly startMs: number
  readonly endMs: number
  readonly prefix: Buffer
  readonly table: AgedTable<WindowRow<K, V>>

  constructor(storeId: number, startMs: number, bucketMs: number, complete: boolean) {
    this.startMs = startMs
    this.endMs = startMs + bucketMs
    this.prefix = bucketPrefix(storeId, startMs)
    this.table = new AgedTable(complete)
  }
}
