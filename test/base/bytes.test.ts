import { expect } from 'chai'
import fc from 'fast-check'
import { ByteReader, ByteWriter } from '../../src/base/bytes.ts'
import { StreamError } from '../../src/base/errors.ts'

function bigZigzag(value: bigint): number[] {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  const bytes: number[] = []
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return [...bytes, Number(rest)]
}

describe('ByteWriter and ByteReader', () => {
  it('write every safe integer as zigzag does over 64 bits, and read it back', () => {
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -100, max: 100 })), (value) => {
        const writer = new ByteWriter(1)
        writer.varlong(value)
        expect([...writer.view()]).to.deep.equal(bigZigzag(BigInt(value)))
        expect(new ByteReader(writer.copy()).varlong()).to.equal(value)
      }),
    )
  })

  it('saturate at the safe integers', () => {
    for (const [value, read] of [
      [2n ** 63n - 1n, Number.MAX_SAFE_INTEGER],
      [-(2n ** 63n), Number.MIN_SAFE_INTEGER],
    ] as const) {
      expect(new ByteReader(Buffer.from(bigZigzag(value))).varlong()).to.equal(read)
    }
  })

  it('write 64-bit numbers and 32-bit varints that come back', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.integer(), (long, int) => {
        const writer = new ByteWriter(1)
        writer.int64(long)
        writer.varint(int)
        const reader = new ByteReader(writer.copy())
        expect([reader.int64(), reader.varint(), reader.remaining]).to.deep.equal([long, int, 0])
      }),
    )
  })

  it('write any text as UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        const writer = new ByteWriter(1)
        writer.utf8(text)
        expect(writer.copy()).to.deep.equal(Buffer.from(text))
      }),
    )
  })

  it('never read past the end, whatever the bytes: PROTOCOL_INVALID', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        for (const read of ['varlong', 'varint', 'int64', 'float64'] as const) {
          try {
            new ByteReader(Buffer.from(bytes))[read]()
          } catch (error) {
            expect(StreamError.is(error, 'PROTOCOL_INVALID')).to.equal(true)
          }
        }
      }),
    )
  })
})
