import { assert } from './assert.ts'
import { StreamError } from './errors.ts'

const shortTextChars = 24
/** From here on one native call, and the view of the source that it needs, cost less than going byte by byte. */
const longRunBytes = 32

/** Copies `source[start, start + length)` to `target[at, …)`. The two do not overlap. */
export function copyBytes(source: Uint8Array, start: number, target: Uint8Array, at: number, length: number): void {
  if (length < longRunBytes) for (let index = 0; index < length; index++) target[at + index] = source[start + index]!
  else target.set(new Uint8Array(source.buffer, source.byteOffset + start, length), at)
}

/**
 * A growing buffer that is written front to back. Hot code may use `buffer` and `position` directly after `ensure`.
 *
 * Laws
 *  W1  position ≤ buffer.length
 *  W2  growth keeps everything before position
 */
export class ByteWriter {
  buffer: Buffer
  position = 0
  readonly #bytesMax: number

  constructor(bytes = 1024, bytesMax = Number.MAX_SAFE_INTEGER) {
    this.buffer = Buffer.allocUnsafeSlow(bytes)
    this.#bytesMax = bytesMax
  }

  reset(): void {
    this.position = 0
  }

  /** Makes room for this many more bytes. */
  ensure(bytes: number): void {
    if (this.position + bytes > this.buffer.length) this.#grow(bytes)
  }

  #grow(bytes: number): void {
    const needed = this.position + bytes
    if (needed > this.#bytesMax) {
      throw new StreamError(
        'RECORD_TOO_LARGE',
        `${needed} bytes do not fit into ${this.#bytesMax}; send smaller records`,
      )
    }
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#bytesMax, Math.max(needed, this.buffer.length * 2)))
    this.buffer.copy(larger, 0, 0, this.position)
    this.buffer = larger
    assert(this.position + bytes <= this.buffer.length, 'W1: the position stays inside the buffer')
  }

  /** The bytes written so far, not copied: valid until the next write. */
  view(): Buffer {
    return this.buffer.subarray(0, this.position)
  }

  /** The bytes written so far, copied. */
  copy(): Buffer {
    return Buffer.from(this.view())
  }

  int8(value: number): void {
    this.ensure(1)
    this.buffer[this.position++] = value & 0xff
  }

  int16(value: number): void {
    this.ensure(2)
    this.position = this.buffer.writeInt16BE(value, this.position)
  }

  uint16(value: number): void {
    this.ensure(2)
    this.position = this.buffer.writeUInt16BE(value, this.position)
  }

  int32(value: number): void {
    this.ensure(4)
    this.position = this.buffer.writeInt32BE(value, this.position)
  }

  uint32(value: number): void {
    this.ensure(4)
    this.position = this.buffer.writeUInt32BE(value, this.position)
  }

  /** A safe integer as 8 bytes, big-endian, without a BigInt. */
  int64(value: number): void {
    assert(Number.isSafeInteger(value), 'D7: a 64-bit number is safe inside')
    this.ensure(8)
    writeInt64(this.buffer, value, this.position)
    this.position += 8
  }

  float64(value: number): void {
    this.ensure(8)
    this.position = this.buffer.writeDoubleBE(value, this.position)
  }

  bigint64(value: bigint): void {
    this.ensure(8)
    this.position = this.buffer.writeBigInt64BE(value, this.position)
  }

  unsignedVarint(value: number): void {
    this.ensure(5)
    const { buffer } = this
    let rest = value >>> 0
    while (rest >= 0x80) {
      buffer[this.position++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    buffer[this.position++] = rest
  }

  /** Zigzag, 32 bits. */
  varint(value: number): void {
    this.unsignedVarint(((value << 1) ^ (value >> 31)) >>> 0)
  }

  /** Zigzag, any safe integer. */
  varlong(value: number): void {
    if (value >= -0x40000000 && value < 0x40000000) {
      this.varint(value)
      return
    }
    this.ensure(10)
    const { buffer } = this
    // Zigzag of a safe integer may need 54 bits: the first byte takes the sign and six bits, division gives the rest.
    const sign = value < 0 ? 1 : 0
    const magnitude = sign === 1 ? -(value + 1) : value
    let rest = Math.floor(magnitude / 64)
    buffer[this.position++] = ((magnitude % 64) << 1) | sign | (rest > 0 ? 0x80 : 0)
    while (rest > 0) {
      const low = rest % 128
      rest = Math.floor(rest / 128)
      buffer[this.position++] = low | (rest > 0 ? 0x80 : 0)
    }
  }

  /** UTF-8 without a length; short ASCII text is written by hand, several times faster than a native call. */
  utf8(text: string): void {
    const { length } = text
    this.ensure(length * 3)
    const { buffer, position } = this
    if (length <= shortTextChars) {
      let index = 0
      for (; index < length; index++) {
        const code = text.charCodeAt(index)
        if (code >= 0x80) break
        buffer[position + index] = code
      }
      if (index === length) {
        this.position = position + length
        return
      }
    }
    this.position = position + buffer.utf8Write(text, position)
  }

  bytes(source: Uint8Array, start = 0, end = source.length): void {
    const length = end - start
    this.ensure(length)
    copyBytes(source, start, this.buffer, this.position, length)
    this.position += length
  }
}

/** Byte by byte: `writeInt32BE` checks its arguments again at each call, which is most of its cost. */
export function writeInt64(buffer: Buffer, value: number, position: number): void {
  const high = Math.floor(value / 0x100000000)
  const low = value - high * 0x100000000
  buffer[position] = high >> 24
  buffer[position + 1] = high >> 16
  buffer[position + 2] = high >> 8
  buffer[position + 3] = high
  buffer[position + 4] = low >>> 24
  buffer[position + 5] = low >>> 16
  buffer[position + 6] = low >>> 8
  buffer[position + 7] = low
}

/** 8 bytes, big-endian, saturating at the safe integers (D7). */
export function readInt64(buffer: Buffer, position: number): number {
  const value = buffer.readInt32BE(position) * 0x100000000 + buffer.readUInt32BE(position + 4)
  if (value > Number.MAX_SAFE_INTEGER) return Number.MAX_SAFE_INTEGER
  if (value < Number.MIN_SAFE_INTEGER) return Number.MIN_SAFE_INTEGER
  return value
}

/**
 * Reads a buffer front to back and never past its end: a short read is PROTOCOL_INVALID, never a RangeError.
 */
export class ByteReader {
  readonly buffer: Buffer
  readonly end: number
  position: number

  constructor(buffer: Buffer, start = 0, end = buffer.length) {
    this.buffer = buffer
    this.position = start
    this.end = end
  }

  get remaining(): number {
    return this.end - this.position
  }

  /** Takes `bytes` bytes and returns where they begin. */
  take(bytes: number): number {
    const at = this.position
    if (bytes < 0 || at + bytes > this.end) {
      throw new StreamError('PROTOCOL_INVALID', `${bytes} bytes wanted at ${at}, the message ends at ${this.end}`)
    }
    this.position = at + bytes
    return at
  }

  int8(): number {
    return this.buffer.readInt8(this.take(1))
  }

  uint8(): number {
    return this.buffer[this.take(1)]!
  }

  int16(): number {
    return this.buffer.readInt16BE(this.take(2))
  }

  uint16(): number {
    return this.buffer.readUInt16BE(this.take(2))
  }

  int32(): number {
    return this.buffer.readInt32BE(this.take(4))
  }

  uint32(): number {
    return this.buffer.readUInt32BE(this.take(4))
  }

  int64(): number {
    return readInt64(this.buffer, this.take(8))
  }

  float64(): number {
    return this.buffer.readDoubleBE(this.take(8))
  }

  unsignedVarint(): number {
    let result = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.uint8()
      result |= (byte & 0x7f) << shift
      if (byte < 0x80) return result >>> 0
    }
    throw new StreamError('PROTOCOL_INVALID', `a varint at ${this.position} is longer than 5 bytes`)
  }

  varint(): number {
    const raw = this.unsignedVarint()
    return (raw >>> 1) ^ -(raw & 1)
  }

  /** Zigzag, saturating at the safe integers (D7). */
  varlong(): number {
    let byte = this.uint8()
    const negative = (byte & 1) === 1
    let magnitude = (byte & 0x7f) >>> 1
    let scale = 64
    for (let length = 1; byte >= 0x80; length++) {
      if (length === 10)
        throw new StreamError('PROTOCOL_INVALID', `a varlong at ${this.position} is longer than 10 bytes`)
      byte = this.uint8()
      magnitude += (byte & 0x7f) * scale
      scale *= 128
    }
    const limited = Math.min(magnitude, Number.MAX_SAFE_INTEGER)
    if (!negative) return limited
    return limited === Number.MAX_SAFE_INTEGER ? Number.MIN_SAFE_INTEGER : -limited - 1
  }

  utf8(bytes: number): string {
    const at = this.take(bytes)
    return this.buffer.utf8Slice(at, at + bytes)
  }

  /** The next bytes, not copied. */
  bytes(count: number): Buffer {
    const at = this.take(count)
    return this.buffer.subarray(at, at + count)
  }
}
