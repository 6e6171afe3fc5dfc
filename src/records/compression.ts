import { gunzipSync, gzipSync } from 'node:zlib'
import { messageOf, StreamError } from '../base/errors.ts'
import { inflatedBatchBytesMax } from '../base/limits.ts'
import type { CompressionName } from './batch-format.ts'

/** Codecs this version writes and reads; others are refused by name. */
export type Compression = 'none' | 'gzip'

/** Refuses a codec that is not built in: COMPRESSION_UNSUPPORTED. */
export function requireCodec(name: CompressionName): asserts name is Compression {
  if (name === 'none' || name === 'gzip') return
  throw new StreamError('COMPRESSION_UNSUPPORTED', `${name} is not supported; produce with gzip or without compression`)
}

export function deflate(bytes: Buffer): Buffer {
  return gzipSync(bytes)
}

/** Inflates to at most `inflatedBatchBytesMax` bytes; BATCH_CORRUPT when it is not gzip, or larger. */
export function inflate(bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: inflatedBatchBytesMax })
  } catch (error) {
    const message = `${bytes.length} compressed bytes cannot be inflated (at most to ${inflatedBatchBytesMax}): ${messageOf(error)}; produce the batch again`
    throw new StreamError('BATCH_CORRUPT', message, { cause: error })
  }
}
