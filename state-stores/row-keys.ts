/**
 * Where a store's rows lie in its engine, and in what order. Every row begins with the store's number, 4 bytes big-endian.
 *
 *   key-value   `storeId ‖ 1 ‖ key` → value (timestamped: `int64 timestamp ‖ value`)
 *               `storeId ‖ 0`       → int64: how many rows there are
 *   window      `storeId ‖ int64 bucketStart ‖ key ‖ uint16 chunk` → packed entries (window/packed-row.ts)
 *               `storeId ‖ 0x80 00 …` → int64: the largest start that was ever put
 */
import { readInt64, writeInt64 } from '../src/base/bytes.ts'

export const storeIdBytes = 4
/** Of a key-value row's key, what lies before the key. */
export const rowPrefixBytes = storeIdBytes + 1

export function storePrefix(storeId: number): Buffer {
  const prefix = Buffer.alloc(storeIdBytes)
  prefix.writeUInt32BE(storeId)
  return prefix
}

/** How the keys of a key-value store's rows begin. */
export function rowPrefix(storeId: number): Buffer {
  return Buffer.concat([storePrefix(storeId), Buffer.of(1)])
}

/** The first key after a key-value store's rows. */
export function rowsEnd(storeId: number): Buffer {
  return Buffer.concat([storePrefix(storeId), Buffer.of(2)])
}

/** Where a key-value store says how many rows it has. */
export function countKey(storeId: number): Buffer {
  return Buffer.concat([storePrefix(storeId), Buffer.of(0)])
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

/** The order of rows, that of unsigned bytes; by hand, since keys here are short and a native call costs more than a few comparisons. */
export function compareBytes(left: Buffer, right: Buffer): number {
  const shorter = Math.min(left.length, right.length)
  for (let index = 0; index < shorter; index++) {
    const difference = left[index]! - right[index]!
    if (difference !== 0) return difference
  }
  return left.length - right.length
}
