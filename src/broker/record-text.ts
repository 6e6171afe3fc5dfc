/** Texts and byte strings of Kafka's record formats that are not flexible: a length of 2 or 4 bytes in front, -1 for null. */
import { assert } from '../base/assert.ts'
import type { ByteReader, ByteWriter } from '../base/bytes.ts'
import { StreamError } from '../base/errors.ts'

export const textBytesMax = 0x7fff

export function writeText(writer: ByteWriter, text: string | null): void {
  if (text === null) {
    writer.int16(-1)
    return
  }
  const bytes = Buffer.byteLength(text)
  assert(bytes <= textBytesMax, 'the broker refuses texts that its records cannot hold')
  writer.int16(bytes)
  writer.utf8(text)
}

export function readText(reader: ByteReader): string {
  const text = readNullableText(reader)
  if (text === null) throw new StreamError('LOG_CORRUPT', `null at ${reader.position}, where a record has a text`)
  return text
}

export function readNullableText(reader: ByteReader): string | null {
  const bytes = reader.int16()
  return bytes === -1 ? null : reader.utf8(bytes)
}

export function writeBytes(writer: ByteWriter, bytes: Buffer): void {
  writer.int32(bytes.length)
  writer.bytes(bytes)
}

/** Copied: a small piece must not keep the whole batch alive. */
export function readBytes(reader: ByteReader): Buffer {
  const bytes = reader.int32()
  return bytes === -1 ? Buffer.alloc(0) : Buffer.from(reader.bytes(bytes))
}

/** The count of a list whose elements take a byte at least. */
export function readCount(reader: ByteReader): number {
  const count = reader.int32()
  if (count < -1 || count > reader.remaining) {
    throw new StreamError('LOG_CORRUPT', `a list of ${count} at ${reader.position}, ${reader.remaining} bytes remain`)
  }
  return Math.max(0, count)
}
