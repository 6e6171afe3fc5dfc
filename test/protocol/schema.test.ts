import { expect } from 'chai'
import { expectTypeOf } from 'expect-type'
import { ByteReader, ByteWriter } from '../../src/base/bytes.ts'
import { StreamError } from '../../src/base/errors.ts'
import type { RequestOf } from '../../src/protocol/api.ts'
import {
  array,
  boolean,
  bytes,
  from,
  type Infer,
  int16,
  int32,
  int64,
  nullable,
  string,
  struct,
  type Type,
  tagged,
  uuid,
} from '../../src/protocol/schema.ts'

const order = struct({
  id: int64,
  note: from('2+', nullable(string), null),
  lines: array(struct({ sku: string, count: int16 })),
  rush: tagged(0, '3+', boolean, false),
  weights: tagged(4, '3+', array(int32), []),
})

function written<T>(type: Type<T>, value: T, version: number, flexible: boolean): Buffer {
  const writer = new ByteWriter()
  type.write(writer, value, version, flexible)
  return writer.copy()
}

function throughBytes<T>(type: Type<T>, value: T, version: number, flexible: boolean): T {
  const reader = new ByteReader(written(type, value, version, flexible))
  const back = type.read(reader, version, flexible)
  expect(reader.remaining).to.equal(0)
  return back
}

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (StreamError.is(error)) return error.code
    throw error
  }
  return 'none'
}

const value = { id: -7, note: 'größe', lines: [{ sku: 'a', count: 3 }], rush: true, weights: [1, 2] }

describe('a schema table', () => {
  it('gives a value back as it was, in a version that has all fields (P1)', () => {
    expect(throughBytes(order, value, 3, true)).to.deep.equal(value)
  })

  it('leaves out what a version lacks, and reads its default there (P1)', () => {
    expect(throughBytes(order, value, 1, false)).to.deep.equal({ ...value, note: null, rush: false, weights: [] })
  })

  it('reads fields in the order of the table, whatever was written (P2)', () => {
    const names = ['id', 'note', 'lines', 'rush', 'weights']
    expect(Object.keys(throughBytes(order, { id: 1, lines: [], note: null }, 3, true))).to.deep.equal(names)
    expect(Object.keys(throughBytes(order, value, 0, false))).to.deep.equal(names)
  })

  it('writes no tagged field that has its default value', () => {
    const without = written(order, { id: 1, note: null, lines: [] }, 3, true)
    expect(written(order, { id: 1, note: null, lines: [], rush: false, weights: [] }, 3, true)).to.deep.equal(without)
  })

  it('skips tagged fields that it does not know (P4)', () => {
    const future = struct({ id: int64, extra: tagged(9, '0+', string, ''), other: tagged(1, '0+', int32, 0) })
    const reader = new ByteReader(written(future, { id: 5, extra: 'new', other: 3 }, 0, true))
    expect(struct({ id: int64 }).read(reader, 0, true)).to.deep.equal({ id: 5 })
    expect(reader.remaining).to.equal(0)
  })

  it('saturates 64-bit values that a number cannot hold (D7)', () => {
    const reader = new ByteReader(Buffer.from('7fffffffffffffff8000000000000000', 'hex'))
    expect(int64.read(reader, 0, false)).to.equal(Number.MAX_SAFE_INTEGER)
    expect(int64.read(reader, 0, false)).to.equal(Number.MIN_SAFE_INTEGER)
  })

  it('refuses a length beyond the message before it allocates (P3)', () => {
    const claims = [
      () => array(int32).read(new ByteReader(Buffer.from('7fffffff', 'hex')), 0, false),
      () => array(int32).read(new ByteReader(Buffer.from('ffffffff0f', 'hex')), 0, true),
      () => string.read(new ByteReader(Buffer.from('7fff', 'hex')), 0, false),
      () => bytes.read(new ByteReader(Buffer.from('80000000', 'hex')), 0, false),
      () => struct({}).read(new ByteReader(Buffer.from('ffffffff07', 'hex')), 0, true),
      () => struct({}).read(new ByteReader(Buffer.from('0100ffffffff07', 'hex')), 0, true),
    ]
    for (const claim of claims) expect(codeOf(claim)).to.equal('PROTOCOL_INVALID')
  })

  it('refuses null where a version does not allow it, in both directions', () => {
    const maybe = nullable(string, '2+')
    expect(throughBytes(maybe, null, 2, false)).to.equal(null)
    expect(codeOf(() => written(maybe, null, 1, false))).to.equal('PROTOCOL_INVALID')
    expect(codeOf(() => maybe.read(new ByteReader(Buffer.from('ffff', 'hex')), 1, false))).to.equal('PROTOCOL_INVALID')
    expect(codeOf(() => uuid.write(new ByteWriter(), 'no uuid', 0, false))).to.equal('PROTOCOL_INVALID')
  })

  it('refuses a tagged field whose size is not the size of its content', () => {
    const table = struct({ count: tagged(0, '0+', int32, 0) })
    const reader = (hex: string): ByteReader => new ByteReader(Buffer.from(hex, 'hex'))
    expect(table.read(reader('01000400000007'), 0, true)).to.deep.equal({ count: 7 })
    expect(codeOf(() => table.read(reader('0100050000000700'), 0, true))).to.equal('PROTOCOL_INVALID')
  })

  it('gives its values a type', () => {
    expectTypeOf<RequestOf<'EndTxn'>>().toEqualTypeOf<{
      readonly transactionalId: string
      readonly producerId: number
      readonly producerEpoch: number
      readonly committed: boolean
    }>()
    expectTypeOf<{ id: number; note: null; lines: [] }>().toExtend<Infer<typeof order>>()
    expectTypeOf<{ id: number; note: null }>().not.toExtend<Infer<typeof order>>()
  })
})
