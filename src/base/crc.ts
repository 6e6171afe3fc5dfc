import { crc32c as native } from '@node-rs/crc32'

/** CRC-32C (Castagnoli) of `buffer[start, end)`, unsigned. The one checksum of batches, snapshots and checkpoints. */
export function crc32c(buffer: Buffer, start: number, end: number): number {
  return native(start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end))
}
