import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import fc from 'fast-check'
import { StreamError } from '../../src/base/errors.ts'
import { type Headers, noHeaders, type Serde } from '../../src/base/serde.ts'
import { BatchBuilder, plainHeader, singleRecordBatch } from '../../src/records/batch-builder.ts'
import { BatchCursor } from '../../src/records/batch-cursor.ts'
import {
  attributesAt,
  baseOffsetOf,
  baseSequenceOf,
  batchHeaderBytes,
  batchSize,
  crcMatches,
  lastOffsetOf,
  maxTimestampOf,
  partitionLeaderEpochOf,
  patchLogAppendTime,
  patchOffset,
  producerEpochOf,
  producerIdOf,
  recordCountOf,
} from '../../src/records/batch-format.ts'
import { decodeControl, encodeControlBatch } from '../../src/records/control-record.ts'

interface Row {
  timestampMs: number
  key: Buffer | null
  value: Buffer | null
  headers: Headers
}

const text: Serde<string> = {
  name: 'text',
  encode: (value, into) => into.utf8(value),
  decode: (bytes, start, end) => bytes.utf8Slice(start, end),
}

const raw: Serde<Buffer> = {
  name: 'raw',
  encode: (value, into) => into.bytes(value),
  decode: (bytes, start, end) => Buffer.from(bytes.subarray(start, end)),
}

function rowsOf(batch: Buffer, at = 0): (Row & { offset: number })[] {
  const cursor = new BatchCursor()
  const rows: (Row & { offset: number })[] = []
  cursor.open(batch, at)
  while (cursor.next()) {
    rows.push({
      offset: cursor.offset,
      timestampMs: cursor.timestampMs,
      key: cursor.keyStart < 0 ? null : Buffer.from(cursor.buffer.subarray(cursor.keyStart, cursor.keyEnd)),
      value: cursor.valueStart < 0 ? null : Buffer.from(cursor.buffer.subarray(cursor.valueStart, cursor.valueEnd)),
      headers: cursor.headers(),
    })
  }
  return rows
}

function batchOf(rows: readonly Row[], compression: 'none' | 'gzip' = 'none'): Buffer {
  const builder = new BatchBuilder({ bytesMax: 1 << 26, compression })
  for (const row of rows) builder.append(row.timestampMs, row.key, raw, row.value, raw, row.headers)
  return builder.build(plainHeader)
}

/** Any outcome but rows or a coded error is a failure. */
function readOrRefuse(bytes: Buffer): void {
  try {
    rowsOf(bytes)
  } catch (error) {
    if (StreamError.is(error, 'BATCH_CORRUPT') || StreamError.is(error, 'COMPRESSION_UNSUPPORTED')) return
    throw error
  }
}

const sizes = fc.oneof({ weight: 5, arbitrary: fc.nat(20) }, fc.constantFrom(63, 64, 65, 8191, 8192, 8193, 40_000))
const bytes = sizes.map((size) => Buffer.alloc(size, size & 0xff))
const nullable = fc.option(bytes, { nil: null })
const header = fc.record({
  key: fc.string({ unit: 'grapheme', maxLength: 8 }),
  value: fc.option(
    fc.uint8Array({ maxLength: 80 }).map((b) => Buffer.from(b)),
    { nil: null },
  ),
})
const row: fc.Arbitrary<Row> = fc.record({
  timestampMs: fc.oneof(fc.nat(200), fc.maxSafeNat(), fc.integer({ min: 0, max: 2 ** 31 - 1 })),
  key: nullable,
  value: nullable,
  headers: fc.oneof({ weight: 4, arbitrary: fc.constant(noHeaders) }, fc.array(header, { minLength: 1, maxLength: 3 })),
})

const golden = (
  JSON.parse(readFileSync(new URL('../golden/batches.json', import.meta.url), 'utf8')) as {
    batches: Record<string, string>
  }
).batches

const goldenRows: Row[] = [
  { timestampMs: 1000, key: Buffer.from('k1'), value: Buffer.from('v1'), headers: [] },
  {
    timestampMs: 1005,
    key: null,
    value: Buffer.from('v2'),
    headers: [
      { key: 'h', value: Buffer.from('x') },
      { key: 'n', value: null },
    ],
  },
  { timestampMs: 990, key: Buffer.from('k3'), value: null, headers: [] },
  { timestampMs: 9_000_000_000_000, key: Buffer.alloc(0), value: Buffer.alloc(300), headers: [] },
]

describe('BatchBuilder', () => {
  it('writes the bytes that the Java client writes', () => {
    const idempotent = { producerId: 4711, producerEpoch: 5, baseSequence: 20, transactional: false }
    const headers = { plain: plainHeader, idempotent, transactional: { ...idempotent, transactional: true } }
    for (const [name, fields] of Object.entries(headers)) {
      const builder = new BatchBuilder({ bytesMax: 1 << 20 })
      for (const { timestampMs, key, value, headers } of goldenRows) {
        builder.appendBytes(timestampMs, key, 0, key?.length ?? 0, value, 0, value?.length ?? 0, headers)
      }
      const batch = builder.build(fields)
      patchOffset(batch, 0, 7, 3)
      expect(batch.toString('hex'), name).to.equal(golden[name])
    }
  })

  it('gives back what was appended, whatever the sizes, through both ways of appending', () => {
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 12 }),
        fc.constantFrom('none' as const, 'gzip' as const),
        (rows, compression) => {
          const encoded = batchOf(rows, compression)
          const builder = new BatchBuilder({ bytesMax: 1 << 26, compression })
          for (const { timestampMs, key, value, headers } of rows) {
            builder.appendBytes(timestampMs, key, 0, key?.length ?? 0, value, 0, value?.length ?? 0, headers)
          }
          expect(builder.build(plainHeader).equals(encoded)).to.equal(true)
          expect(crcMatches(encoded, 0)).to.equal(true)
          expect(recordCountOf(encoded, 0)).to.equal(rows.length)
          expect(maxTimestampOf(encoded, 0)).to.equal(Math.max(...rows.map((one) => one.timestampMs)))
          expect(rowsOf(encoded)).to.deep.equal(rows.map((one, offset) => ({ offset, ...one })))
        },
      ),
      { numRuns: 300 },
    )
  })

  it('shows where the key of the last record lies, also when its length field grew', () => {
    const builder = new BatchBuilder({ bytesMax: 1 << 20, initialBytes: 64 })
    for (const size of [3, 100, 2, 9000, 0]) {
      builder.append(0, 'k'.repeat(size), text, 'v'.repeat(size * 2), text, noHeaders)
      expect(builder.buffer.toString('latin1', builder.lastKeyStart, builder.lastKeyEnd)).to.equal('k'.repeat(size))
    }
    builder.append(0, null, text, 'v', text, noHeaders)
    expect(builder.lastKeyStart).to.equal(-1)
  })

  it('refuses the record that would make the batch too large, and stays as it was', () => {
    const builder = new BatchBuilder({ bytesMax: 200 })
    expect(builder.append(1, 'first', text, 'x'.repeat(500), text, noHeaders)).to.equal(true)
    builder.reset()
    builder.append(1, 'a', text, 'x'.repeat(60), text, noHeaders)
    const before = builder.sizeBytes
    expect(builder.append(99, 'b', text, 'x'.repeat(100), text, noHeaders)).to.equal(false)
    expect(builder.sizeBytes).to.equal(before)
    expect(builder.append(2, 'c', text, 'y', text, noHeaders)).to.equal(true)
    const rows = rowsOf(builder.build(plainHeader))
    expect(rows.map((one) => [one.timestampMs, String(one.key)])).to.deep.equal([
      [1, 'a'],
      [2, 'c'],
    ])
  })

  it('is as it was when a serde throws', () => {
    const failing: Serde<string> = {
      ...text,
      encode(value, into) {
        into.utf8(value)
        throw new Error('no')
      },
    }
    const builder = new BatchBuilder({ bytesMax: 1000 })
    builder.append(5, 'a', text, 'A', text, noHeaders)
    expect(() => builder.append(7, 'b', text, 'B', failing, noHeaders)).to.throw('no')
    expect(() => builder.append(7, 'b', failing, 'B', text, noHeaders)).to.throw('no')
    builder.append(6, 'c', text, 'C', text, noHeaders)
    const batch = builder.build(plainHeader)
    expect(rowsOf(batch).map((one) => String(one.value))).to.deep.equal(['A', 'C'])
    expect(maxTimestampOf(batch, 0)).to.equal(6)
  })

  it('never writes into a batch it has handed over', () => {
    const builder = new BatchBuilder({ bytesMax: 1 << 16, initialBytes: 64 })
    const made: { batch: Buffer; copy: Buffer }[] = []
    for (let round = 0; round < 50; round++) {
      for (let index = 0; index <= round; index++)
        builder.append(round, `k${index}`, text, 'v'.repeat(round), text, noHeaders)
      const batch = builder.build(plainHeader)
      made.push({ batch, copy: Buffer.from(batch) })
    }
    for (const { batch, copy } of made) expect(batch.equals(copy)).to.equal(true)
  })
})

describe('BatchCursor', () => {
  it('reads what the Java client wrote, compressed or not', () => {
    for (const name of ['plain', 'idempotent', 'transactional', 'gzip']) {
      const batch = Buffer.from(golden[name]!, 'hex')
      expect(crcMatches(batch, 0), name).to.equal(true)
      expect(rowsOf(batch), name).to.deep.equal(goldenRows.map((one, index) => ({ offset: 7 + index, ...one })))
      expect(partitionLeaderEpochOf(batch, 0)).to.equal(3)
      expect(lastOffsetOf(batch, 0)).to.equal(10)
    }
    const batch = Buffer.from(golden.transactional!, 'hex')
    expect([producerIdOf(batch, 0), producerEpochOf(batch, 0), baseSequenceOf(batch, 0)]).to.deep.equal([4711, 5, 20])
  })

  it('walks batches that stand behind each other', () => {
    const all = Buffer.concat([batchOf(goldenRows), batchOf(goldenRows, 'gzip'), batchOf(goldenRows.slice(1))])
    let at = 0
    let count = 0
    while (at < all.length) {
      count += rowsOf(all, at).length
      at += batchSize(all, at)
    }
    expect(count).to.equal(11)
  })

  it('gives every record the time of appending when the batch carries that', () => {
    const batch = batchOf(goldenRows)
    patchLogAppendTime(batch, 0, 123_456)
    expect(crcMatches(batch, 0)).to.equal(true)
    expect(rowsOf(batch).map((one) => one.timestampMs)).to.deep.equal([123_456, 123_456, 123_456, 123_456])
  })

  it('does not keep the batch alive by a header value', () => {
    const value = rowsOf(batchOf(goldenRows))[1]!.headers[0]!.value!
    expect(value.buffer.byteLength).to.be.lessThan(10_000)
  })

  it('refuses codecs that are not built in, by name', () => {
    for (const [code, name] of [
      [2, 'snappy'],
      [3, 'lz4'],
      [4, 'zstd'],
    ] as const) {
      const batch = batchOf(goldenRows)
      batch[attributesAt + 1] = code
      expect(() => rowsOf(batch)).to.throw(StreamError, `COMPRESSION_UNSUPPORTED: ${name}`)
    }
  })

  it('refuses a compressed batch that would become too large', () => {
    const batch = batchOf([{ timestampMs: 0, key: null, value: Buffer.alloc(70 << 20), headers: [] }], 'gzip')
    expect(batch.length).to.be.lessThan(1 << 20)
    expect(() => rowsOf(batch)).to.throw(StreamError, 'BATCH_CORRUPT')
  })

  it('gives a value or BATCH_CORRUPT for any damaged bytes, and never hangs', () => {
    const damage = fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 5 }),
        damage,
        fc.boolean(),
        fc.option(fc.nat(400), { nil: null }),
        (rows, flips, keepHeader, cut) => {
          const batch = batchOf(rows)
          for (const [place, byte] of flips) {
            const from = keepHeader ? batchHeaderBytes : 0
            batch[from + (place % Math.max(1, Math.min(batch.length, 300) - from))] = byte
          }
          readOrRefuse(cut === null ? batch : batch.subarray(0, cut))
        },
      ),
      { numRuns: 3000 },
    )
  })

  it('gives a value or BATCH_CORRUPT for random bytes behind a sound header', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.integer({ min: -1, max: 40 }),
        fc.integer({ min: -1, max: 40 }),
        (body, count, delta) => {
          const batch = Buffer.concat([singleRecordBatch(0, null, null).subarray(0, batchHeaderBytes), body])
          batch.writeInt32BE(batch.length - 12, 8)
          batch.writeInt32BE(delta, 23)
          batch.writeInt32BE(count, 57)
          readOrRefuse(batch)
        },
      ),
      { numRuns: 3000 },
    )
  })

  it('keeps key and value inside the record, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 3 }), fc.nat(100), fc.nat(255), (rows, place, byte) => {
        const batch = batchOf(rows)
        batch[batchHeaderBytes + (place % (batch.length - batchHeaderBytes))] = byte
        const cursor = new BatchCursor()
        try {
          cursor.open(batch, 0)
          while (cursor.next()) {
            expect(cursor.keyEnd).to.be.at.most(batch.length)
            expect(cursor.valueEnd).to.be.at.most(batch.length)
            if (cursor.keyStart >= 0) expect(cursor.keyEnd).to.be.at.least(cursor.keyStart)
            if (cursor.valueStart >= 0) expect(cursor.valueEnd).to.be.at.least(cursor.valueStart)
          }
        } catch (error) {
          if (!StreamError.is(error, 'BATCH_CORRUPT')) throw error
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('control records', () => {
  it('are the bytes that Kafka writes', () => {
    for (const type of ['commit', 'abort'] as const) {
      const batch = encodeControlBatch(type, 4711, 5, 9, 1234)
      patchOffset(batch, 0, 7, 3)
      expect(batch.toString('hex')).to.equal(golden[type])
      expect(decodeControl(batch, 0)).to.deep.equal({ type, coordinatorEpoch: 9 })
      expect(baseOffsetOf(batch, 0)).to.equal(7)
    }
  })

  it('are refused when the batch is of another kind', () => {
    expect(() => decodeControl(batchOf(goldenRows), 0)).to.throw(StreamError, 'BATCH_CORRUPT')
  })
})
