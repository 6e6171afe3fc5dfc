import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import fc from 'fast-check'
import {
  bigint64,
  boolean,
  bytes,
  float64,
  int32,
  int64,
  json,
  string,
  timeWindowed,
  uuid,
  Windowed,
} from '../../src/serdes/index.ts'
import { bytesOf, decoded, serdeSuite } from './serde-suite.ts'

const safeIntegers = fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -1000, max: 1000 }))
const texts = fc.oneof(
  fc.string({ unit: 'grapheme-ascii', maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 30 }),
)

serdeSuite(string, {
  values: texts,
  golden: [
    ['', ''],
    ['abc', '616263'],
    ['é世界', 'c3a9e4b896e7958c'],
    ['\u0000', '00'],
  ],
  malformed: [],
  unfit: [1, {}, undefined],
})

serdeSuite(uuid, {
  values: fc.uuid(),
  golden: [
    ['f81d4fae-7dec-11d0-a765-00a0c91e6bf6', Buffer.from('f81d4fae-7dec-11d0-a765-00a0c91e6bf6').toString('hex')],
  ],
  malformed: ['', '00', Buffer.from('f81d4fae-7dec-11d0-a765-00a0c91e6bfg').toString('hex')],
  unfit: ['', 'f81d4fae7dec11d0a76500a0c91e6bf6', 7],
})

serdeSuite(bytes, {
  values: fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array)),
  golden: [[Buffer.from([0, 255]), '00ff']],
  malformed: [],
  unfit: ['text', [1, 2]],
})

serdeSuite(boolean, {
  values: fc.boolean(),
  golden: [
    [true, '01'],
    [false, '00'],
  ],
  malformed: ['', '02', 'ff', '0000'],
  unfit: [0, 'true'],
})

serdeSuite(int32, {
  values: fc.integer(),
  golden: [
    [1, '00000001'],
    [-1, 'ffffffff'],
    [-2147483648, '80000000'],
  ],
  malformed: ['', '000000', '0000000000'],
  unfit: [2147483648, 1.5, Number.NaN, '1'],
})

serdeSuite(int64, {
  values: safeIntegers,
  golden: [
    [1, '0000000000000001'],
    [-1, 'ffffffffffffffff'],
    [4294967296, '0000000100000000'],
    [1700000000000, '0000018bcfe56800'],
    [Number.MAX_SAFE_INTEGER, '001fffffffffffff'],
    [Number.MIN_SAFE_INTEGER, 'ffe0000000000001'],
  ],
  malformed: ['', '00000000000001', '000000000000000001', '0020000000000000', 'ffe0000000000000', '7fffffffffffffff'],
  unfit: [2 ** 53, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 1n, '1'],
})

serdeSuite(bigint64, {
  values: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  golden: [
    [-1n, 'ffffffffffffffff'],
    [2n ** 63n - 1n, '7fffffffffffffff'],
  ],
  malformed: ['', '00', '000000000000000000'],
  unfit: [2n ** 63n, 1],
})

serdeSuite(float64, {
  values: fc.double(),
  golden: [
    [1.5, '3ff8000000000000'],
    [-0, '8000000000000000'],
  ],
  malformed: ['', '3ff80000', '3ff800000000000000'],
  unfit: ['1', 1n],
})

const cyclic: { self?: unknown } = {}
cyclic.self = cyclic

serdeSuite(json<unknown>(), {
  values: fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown),
  golden: [[{ name: 'é', list: [1, null] }, Buffer.from('{"name":"é","list":[1,null]}').toString('hex')]],
  malformed: ['', '7b', '27612722', 'ff'],
  unfit: [undefined, () => 1, 1n, cyclic],
})

serdeSuite(timeWindowed(string, 10), {
  values: fc.tuple(texts, fc.nat()).map(([key, startMs]) => new Windowed(key, startMs, startMs + 10)),
  golden: [[new Windowed('a', 10, 20), '61000000000000000a']],
  malformed: ['', '61', '0000000000000a', '61ffffffffffffffff', '617fffffffffffffff'],
  unfit: ['a', new Windowed('a', -1, 9), new Windowed('a', 0.5, 10.5)],
})

serdeSuite(timeWindowed(timeWindowed(int32, 5), 1000), {
  values: fc
    .tuple(fc.integer(), fc.nat(), fc.nat())
    .map(([key, inner, outer]) => new Windowed(new Windowed(key, inner, inner + 5), outer, outer + 1000)),
  golden: [[new Windowed(new Windowed(1, 2, 7), 3, 1003), '0000000100000000000000020000000000000003']],
  malformed: ['', '00000000000000020000000000000003'],
  unfit: [new Windowed(1, 2, 3)],
})

describe('timeWindowed', () => {
  it("is a window store's key without its sequence number", () => {
    const vectors = JSON.parse(readFileSync(new URL('../golden/vectors.json', import.meta.url), 'utf8')) as {
      window_store_key: { key: string; start: number; sequence: number; bytes: string }[]
    }
    for (const { key, start, sequence, bytes } of vectors.window_store_key) {
      const sequenceHex = sequence.toString(16).padStart(8, '0')
      expect(
        bytesOf(timeWindowed(string, 10), new Windowed(key, start, start + 10)).toString('hex') + sequenceHex,
      ).to.equal(bytes)
    }
  })

  it('tells the end of a window by its size', () => {
    expect(decoded(timeWindowed(string, 86_400_000), '0000000000000000').endMs).to.equal(86_400_000)
  })

  it('has a name that tells key and size, for the fingerprint of a store', () => {
    expect(timeWindowed(string, 10_000).name).to.equal('windowed(string,10000)')
  })

  it('refuses a size that is no window', () => {
    const noSizes: readonly unknown[] = [0, -1, 1.5, Number.NaN, undefined, '10', Symbol('10')]
    for (const size of noSizes) expect(() => timeWindowed(string, size as number)).to.throw('CONFIG_INVALID')
  })

  it('refuses keys without a serde, naming what it was given', () => {
    const says = "CONFIG_INVALID: timeWindowed was given 'string' for its keys; give a serde"
    expect(() => timeWindowed('string' as unknown as typeof string, 10)).to.throw(says)
  })
})

describe('string', () => {
  it('reads every length of ASCII, and the same length with one other byte, as UTF-8 does', () => {
    for (let length = 0; length < 40; length++) {
      const bytes = Buffer.from('abcdefghijklmnopqrstuvwxyz0123456789ABCDEF'.slice(0, length))
      expect(string.decode(bytes, 0, length)).to.equal(bytes.toString('utf8'))
      for (let index = 0; index < length; index++) {
        const odd = Buffer.from(bytes)
        odd[index] = 0xe9
        expect(string.decode(odd, 0, length)).to.equal(odd.toString('utf8'))
      }
    }
  })
})
