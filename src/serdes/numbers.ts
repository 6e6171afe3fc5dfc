/**
 * Numbers, big-endian, in the bytes of Kafka's IntegerSerializer, LongSerializer and DoubleSerializer.
 *
 * Laws
 *  N1  what is decoded is exactly the number that was written: one that does not fit is refused, never rounded (D7)
 */
import { type ByteWriter, writeInt64 } from '../base/bytes.ts'
import type { Serde } from '../base/serde.ts'
import { malformed, unfit } from './failure.ts'

class Int32Serde implements Serde<number> {
  readonly name = 'int32'

  encode(value: number, into: ByteWriter): void {
    if (!this.fits(value)) throw unfit(this.name, value, 'a whole number from -2147483648 to 2147483647')
    into.int32(value)
  }

  fits(value: number): boolean {
    return (value | 0) === value
  }

  decode(bytes: Buffer, start: number, end: number): number {
    if (end - start !== 4) throw malformed(this.name, `${end - start} bytes, it is four`)
    return bytes.readInt32BE(start)
  }
}

/** A whole number of 32 bits with sign. */
export const int32: Serde<number> = new Int32Serde()

class Int64Serde implements Serde<number> {
  readonly name = 'int64'

  encode(value: number, into: ByteWriter): void {
    if (!this.fits(value)) throw unfit(this.name, value, 'a safe integer, or use bigint64')
    into.ensure(8)
    writeInt64(into.buffer, value, into.position)
    into.position += 8
  }

  fits(value: number): boolean {
    return Number.isSafeInteger(value)
  }

  decode(bytes: Buffer, start: number, end: number): number {
    if (end - start !== 8) throw malformed(this.name, `${end - start} bytes, it is eight`)
    const value = bytes.readInt32BE(start) * 0x100000000 + bytes.readUInt32BE(start + 4)
    if (!Number.isSafeInteger(value))
      throw malformed(this.name, `${bytes.readBigInt64BE(start)}, beyond the safe integers (bigint64 can)`)
    return value
  }
}

/** A whole number in 64 bits, as a `number`: one beyond ±(2^53 - 1) is refused, `bigint64` takes it. */
export const int64: Serde<number> = new Int64Serde()

class Bigint64Serde implements Serde<bigint> {
  readonly name = 'bigint64'

  encode(value: bigint, into: ByteWriter): void {
    if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) {
      throw unfit(this.name, value, 'a bigint of at most 64 bits with sign')
    }
    into.bigint64(value)
  }

  decode(bytes: Buffer, start: number, end: number): bigint {
    if (end - start !== 8) throw malformed(this.name, `${end - start} bytes, it is eight`)
    return bytes.readBigInt64BE(start)
  }
}

/** A whole number of 64 bits with sign, as a `bigint`. */
export const bigint64: Serde<bigint> = new Bigint64Serde()

class Float64Serde implements Serde<number> {
  readonly name = 'float64'

  encode(value: number, into: ByteWriter): void {
    if (!this.fits(value)) throw unfit(this.name, value, 'a number')
    into.float64(value)
  }

  fits(value: number): boolean {
    return typeof value === 'number'
  }

  decode(bytes: Buffer, start: number, end: number): number {
    if (end - start !== 8) throw malformed(this.name, `${end - start} bytes, it is eight`)
    return bytes.readDoubleBE(start)
  }
}

/** A number in the 64 bits of IEEE 754. */
export const float64: Serde<number> = new Float64Serde()
