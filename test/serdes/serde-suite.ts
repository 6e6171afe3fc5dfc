import { expect } from 'chai'
import fc from 'fast-check'
import { ByteWriter } from '../../src/base/bytes.ts'
import { StreamError } from '../../src/base/errors.ts'
import type { Serde } from '../../src/base/serde.ts'

export interface SerdeSamples<T> {
  readonly values: fc.Arbitrary<T>
  /** Values and the bytes that Kafka's own serializer gives for them, in hex. */
  readonly golden: readonly (readonly [T, string])[]
  /** Bytes, in hex, that are nobody's. */
  readonly malformed: readonly string[]
  /** What only a cast can hand over. */
  readonly unfit: readonly unknown[]
}

export function bytesOf<T>(serde: Serde<T>, value: T): Buffer {
  const writer = new ByteWriter(1)
  serde.encode(value, writer)
  return writer.copy()
}

export function decoded<T>(serde: Serde<T>, hex: string): T {
  const bytes = Buffer.from(hex, 'hex')
  return serde.decode(bytes, 0, bytes.length)
}

function expectSerdeFailed(act: () => unknown): void {
  expect(act)
    .to.throw()
    .that.satisfies((error: unknown) => StreamError.is(error, 'SERDE_FAILED'))
}

/** What every serde promises. */
export function serdeSuite<T>(serde: Serde<T>, samples: SerdeSamples<T>): void {
  describe(`serde ${serde.name}`, () => {
    it('gives back what it was given, wherever in a buffer it stands', () => {
      fc.assert(
        fc.property(
          samples.values,
          fc.uint8Array({ maxLength: 5 }),
          fc.uint8Array({ maxLength: 5 }),
          (value, before, after) => {
            const writer = new ByteWriter(1)
            writer.bytes(before)
            serde.encode(value, writer)
            const end = writer.position
            writer.bytes(after)
            expect(writer.copy().subarray(0, before.length)).to.deep.equal(Buffer.from(before))
            expect(serde.decode(writer.copy(), before.length, end)).to.deep.equal(value)
          },
        ),
      )
    })

    it('writes equal values as equal bytes', () => {
      fc.assert(
        fc.property(samples.values, (value) => {
          const bytes = bytesOf(serde, value)
          expect(bytesOf(serde, serde.decode(bytes, 0, bytes.length))).to.deep.equal(bytes)
        }),
      )
    })

    it('keeps nothing of the buffer it read', () => {
      fc.assert(
        fc.property(samples.values, (value) => {
          const bytes = bytesOf(serde, value)
          const again = serde.decode(bytes, 0, bytes.length)
          bytes.fill(0x5a)
          expect(again).to.deep.equal(value)
        }),
      )
    })

    it("has the bytes of Kafka's serializer", () => {
      for (const [value, hex] of samples.golden) {
        expect(bytesOf(serde, value).toString('hex')).to.equal(hex)
        expect(decoded(serde, hex)).to.deep.equal(value)
      }
    })

    it('refuses malformed bytes with SERDE_FAILED', () => {
      for (const hex of samples.malformed) expectSerdeFailed(() => decoded(serde, hex))
    })

    it('gives a value or SERDE_FAILED for any bytes', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
          try {
            serde.decode(Buffer.from(bytes), 0, bytes.length)
          } catch (error) {
            if (!StreamError.is(error, 'SERDE_FAILED')) throw error
          }
        }),
      )
    })

    it('refuses what is not of its type with SERDE_FAILED, and writes nothing', () => {
      for (const value of samples.unfit) {
        const writer = new ByteWriter()
        expectSerdeFailed(() => serde.encode(value as T, writer))
        expect(writer.position).to.equal(0)
      }
    })
  })
}
