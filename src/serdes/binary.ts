/**
 * Bytes as they are, and one byte for true or false.
 */
import type { ByteWriter } from '../base/bytes.ts'
import type { Serde } from '../base/serde.ts'
import { malformed, unfit } from './failure.ts'

class BytesSerde implements Serde<Buffer> {
  readonly name = 'bytes'

  encode(value: Buffer, into: ByteWriter): void {
    if (!(value instanceof Uint8Array)) throw unfit(this.name, value, 'a Buffer')
    into.bytes(value)
  }

  // A copy: a view of 20 bytes would keep a whole fetched batch alive (D1).
  decode(bytes: Buffer, start: number, end: number): Buffer {
    const copy = Buffer.allocUnsafe(end - start)
    bytes.copy(copy, 0, start, end)
    return copy
  }
}

/** Bytes as they are. What is decoded is a copy and yours to keep. */
export const bytes: Serde<Buffer> = new BytesSerde()

class BooleanSerde implements Serde<boolean> {
  readonly name = 'boolean'

  encode(value: boolean, into: ByteWriter): void {
    if (typeof value !== 'boolean') throw unfit(this.name, value, 'true or false')
    into.int8(value ? 1 : 0)
  }

  decode(from: Buffer, start: number, end: number): boolean {
    if (end - start !== 1) throw malformed(this.name, `${end - start} bytes, it is one`)
    const byte = from[start]!
    if (byte > 1) throw malformed(this.name, `the byte ${byte}, it is 0 or 1`)
    return byte === 1
  }
}

/** One byte, 0 or 1. */
export const boolean: Serde<boolean> = new BooleanSerde()
