/**
 * Where a store's rows lie in its engine. Every row begins with the store's number, 4 bytes big-endian.
 *
 *   key-value   `storeId ‖ 1 ‖ key` → value (timestamped: `int64 timestamp ‖ value`)
 *               `storeId ‖ 0`       → int64: how many rows there are
 *   window      `storeId ‖ int64 bucketStart ‖ key ‖ uint16 chunk` → packed entries (window/packed-row.ts)
 *               `storeId ‖ 0x80 00 …` → int64: the largest start that was ever put
 */
import { readInt64, writeInt64 } from '../src/base/bytes.ts'

export const storeIdBytes = 4

export function rowPrefix(storeId: number, ...more: number[]): Buffer {
  const prefix = Buffer.alloc(storeIdBytes + more.length)
  prefix.writeUInt32BE(storeId)
  prefix.set(more, storeIdBytes)
  return prefix
}

/** The first key after all that begin with `prefix`; null when there is none. */
export function afterPrefix(prefix: Buffer): Buffer | null {
  let length = prefix.length
  while (length > 0 && prefix[length - 1] === 0xff) length--
  if (length === 0) return null
  const after = Buffer.from(prefix.subarray(0, length))
  after[length - 1] = after[length - 1]! + 1
  return after
}

export function encodeNumber(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  writeInt64(bytes, value, 0)
  return bytes
}

export function decodeNumber(bytes: Buffer): number {
  return readInt64(bytes, 0)
}
