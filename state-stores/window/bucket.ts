import { writeInt64 } from '../../src/base/bytes.ts'
import { AgedTable } from '../aged-table.ts'
import { storeIdBytes, storePrefix } from '../row-keys.ts'
import type { WindowRow } from './row.ts'

export const bucketPrefixBytes = storeIdBytes + 8
export const chunkBytes = 2
/** int64 start and int32 sequence number: what follows the key in a changelog record. */
export const changelogSuffixBytes = 12

/** `storeId ‖ bucketStart`: how the keys of a bucket's rows begin. */
export function bucketPrefix(storeId: number, startMs: number): Buffer {
  const prefix = Buffer.alloc(bucketPrefixBytes)
  storePrefix(storeId).copy(prefix)
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
