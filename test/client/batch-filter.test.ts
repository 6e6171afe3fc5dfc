import { expect } from 'chai'
import fc from 'fast-check'
import { StreamError } from '../../src/base/errors.ts'
import { noHeaders } from '../../src/base/serde.ts'
import { filterBatches } from '../../src/client/consumer/batch-filter.ts'
import { recordsOf } from '../../src/client/consumer/consumer-record.ts'
import { BatchBuilder } from '../../src/records/batch-builder.ts'
import { patchLogAppendTime, patchOffset } from '../../src/records/batch-format.ts'
import { encodeControlBatch } from '../../src/records/control-record.ts'

const at = { topic: 't', partition: 0 }

function batch(
  values: readonly string[],
  offset: number,
  producerId: number,
  transactional: boolean,
  key: Buffer | null = null,
): Buffer {
  const builder = new BatchBuilder({ bytesMax: 1 << 20 })
  for (const value of values) {
    const bytes = Buffer.from(value)
    builder.appendBytes(1000, key, 0, key?.length ?? 0, bytes, 0, bytes.length, noHeaders)
  }
  const built = builder.build({ producerId, producerEpoch: 0, baseSequence: producerId < 0 ? -1 : 0, transactional })
  patchOffset(built, 0, offset, 5)
  return built
}

function marker(type: 'commit' | 'abort', offset: number, producerId: number): Buffer {
  const built = encodeControlBatch(type, producerId, 0, 0, 1000)
  patchOffset(built, 0, offset, 5)
  return built
}

/** The values that a reader at `position` sees. */
function read(
  buffers: readonly Buffer[],
  position: number,
  aborted: { producerId: number; firstOffset: number }[] | null,
): { values: string[]; next: number } {
  const buffer = Buffer.concat(buffers)
  const filtered = filterBatches(at, buffer, position, aborted, false)
  const fetched = { ...at, buffer, ...filtered, firstOffset: position, endOffset: 0 }
  return { values: recordsOf(fetched).map((record) => String(record.value)), next: filtered.nextOffset }
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

describe('the filter of fetched batches', () => {
  it('leaves out control batches for every reader', () => {
    const buffers = [batch(['a'], 0, 1, true), marker('commit', 1, 1), batch(['b'], 2, -1, false)]
    expect(read(buffers, 0, null)).to.deep.equal({ values: ['a', 'b'], next: 3 })
    expect(read(buffers, 0, [])).to.deep.equal({ values: ['a', 'b'], next: 3 })
  })

  it('leaves out an aborted transaction whose marker is not in the answer', () => {
    const buffers = [batch(['a'], 0, 1, true), batch(['b'], 1, 2, true)]
    expect(read(buffers, 0, [{ producerId: 1, firstOffset: 0 }])).to.deep.equal({ values: ['b'], next: 2 })
  })

  it('leaves out several aborted transactions of one producer, and keeps the committed one between them', () => {
    const buffers = [
      batch(['a'], 0, 1, true),
      marker('abort', 1, 1),
      batch(['b'], 2, 1, true),
      marker('commit', 3, 1),
      batch(['c'], 4, 1, true),
      marker('abort', 5, 1),
      batch(['d'], 6, 1, true),
    ]
    const aborted = [
      { producerId: 1, firstOffset: 4 },
      { producerId: 1, firstOffset: 0 },
    ]
    expect(read(buffers, 0, aborted)).to.deep.equal({ values: ['b', 'd'], next: 7 })
  })

  it('does not mind the marker of a producer that is not in the list', () => {
    const buffers = [marker('abort', 0, 9), batch(['a'], 1, 1, true), marker('abort', 2, 9), batch(['b'], 3, 1, true)]
    expect(read(buffers, 0, [{ producerId: 1, firstOffset: 1 }])).to.deep.equal({ values: [], next: 4 })
    expect(read(buffers, 0, [])).to.deep.equal({ values: ['a', 'b'], next: 4 })
  })

  it('leaves out the rest of a transaction that began before the position', () => {
    const buffers = [batch(['b', 'c'], 10, 1, true), marker('abort', 12, 1), batch(['d'], 13, 1, true)]
    expect(read(buffers, 11, [{ producerId: 1, firstOffset: 3 }])).to.deep.equal({ values: ['d'], next: 14 })
  })

  it('takes a user key that looks like a control key for a key', () => {
    const key = Buffer.from([0, 0, 0, 0])
    expect(read([batch(['a'], 0, 1, true, key)], 0, [])).to.deep.equal({ values: ['a'], next: 1 })
  })

  it('keeps records without a transaction of a producer that aborted one', () => {
    const buffers = [batch(['a'], 0, 1, false), batch(['b'], 1, 1, true), marker('abort', 2, 1)]
    expect(read(buffers, 0, [{ producerId: 1, firstOffset: 0 }])).to.deep.equal({ values: ['a'], next: 3 })
  })

  it('skips records below the position, and whole batches below it', () => {
    const buffers = [batch(['a'], 0, -1, false), batch(['b', 'c', 'd'], 1, -1, false)]
    expect(read(buffers, 2, null)).to.deep.equal({ values: ['c', 'd'], next: 4 })
  })

  it('stops before a batch that the answer cuts', () => {
    const whole = [batch(['a'], 0, -1, false), batch(['b'], 1, -1, false)]
    for (const cut of [1, 30, 60]) {
      const buffer = Buffer.concat(whole)
      expect(read([buffer.subarray(0, buffer.length - cut)], 0, null)).to.deep.equal({ values: ['a'], next: 1 })
    }
    expect(read([], 7, null)).to.deep.equal({ values: [], next: 7 })
  })

  it('reads the time of appending where the topic stamps it', () => {
    const stamped = batch(['a'], 0, -1, false)
    patchLogAppendTime(stamped, 0, 77)
    const filtered = filterBatches(at, stamped, 0, null, false)
    const [record] = recordsOf({ ...at, buffer: stamped, ...filtered, firstOffset: 0, endOffset: 1 })
    expect(record!.timestampMs).to.equal(77)
  })

  it('refuses a batch whose CRC does not fit, naming its place, unless it was checked already', () => {
    const good = batch(['a'], 0, -1, false)
    const bad = batch(['b'], 1, -1, false)
    bad[bad.length - 2] = bad[bad.length - 2]! ^ 1
    const buffer = Buffer.concat([good, bad])
    expect(() => filterBatches(at, buffer, 0, null, false)).to.throw('BATCH_CORRUPT: t-0@1')
    expect(filterBatches(at, buffer, 0, null, true).batches).to.have.length(2)
  })

  it('answers damaged bytes with a value or a coded error, and ends', () => {
    const whole = Buffer.concat([batch(['a', 'b'], 0, 1, true), marker('abort', 2, 1), batch(['c'], 3, -1, false)])
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (damage, checked) => {
          const buffer = Buffer.from(whole)
          for (const [index, byte] of damage) buffer[index] = byte
          const code = codeOf(() => filterBatches(at, buffer, 0, [{ producerId: 1, firstOffset: 0 }], checked))
          expect(code).to.be.oneOf(['none', 'BATCH_CORRUPT', 'COMPRESSION_UNSUPPORTED'])
        },
      ),
    )
  })

  it('sees what a log of transactions says, from any position, however the answers are cut', () => {
    const step = fc.record({ producer: fc.nat(2), kind: fc.constantFrom('write', 'write', 'plain', 'commit', 'abort') })
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 30 }),
        fc.nat(40),
        fc.integer({ min: 1, max: 6 }),
        (steps, from, pieces) => {
          const { batches, visible, aborted, end } = history(steps)
          const seen: string[] = []
          let position = Math.min(from, end)
          while (position < end) {
            // A broker begins with the batch that holds the position, and lists transactions that end behind it.
            const ahead = batches.filter(({ last }) => last >= position).slice(0, pieces)
            const listed = aborted
              .filter(({ last }) => last >= position)
              .map(({ producerId, firstOffset }) => ({ producerId, firstOffset }))
            const { values, next } = read(
              ahead.map(({ bytes }) => bytes),
              position,
              listed,
            )
            expect(next).to.be.greaterThan(position)
            seen.push(...values)
            position = next
          }
          expect(seen).to.deep.equal(
            visible.filter(({ offset }) => offset >= Math.min(from, end)).map(({ value }) => value),
          )
        },
      ),
    )
  })
})

interface History {
  readonly batches: { bytes: Buffer; last: number }[]
  readonly visible: { value: string; offset: number }[]
  readonly aborted: { producerId: number; firstOffset: number; last: number }[]
  readonly end: number
}

/** A naive log: what each step wrote, and what a read_committed reader sees of it in the end. */
function history(steps: readonly { producer: number; kind: string }[]): History {
  const batches: History['batches'] = []
  const written: { value: string; offset: number; open: number | null }[] = []
  const aborted: History['aborted'] = []
  const begun = new Map<number, number>()
  let offset = 0
  const end = (producer: number, type: 'commit' | 'abort'): void => {
    const first = begun.get(producer)
    if (first === undefined) return
    begun.delete(producer)
    batches.push({ bytes: marker(type, offset, producer), last: offset })
    if (type === 'abort') aborted.push({ producerId: producer, firstOffset: first, last: offset })
    for (const record of written) if (record.open === producer) record.open = type === 'commit' ? null : -1
    offset++
  }
  for (const [index, { producer, kind }] of steps.entries()) {
    if (kind === 'commit' || kind === 'abort') {
      end(producer, kind)
      continue
    }
    const transactional = kind === 'write'
    if (transactional && !begun.has(producer)) begun.set(producer, offset)
    const values = Array.from({ length: 1 + (index % 3) }, (_, each) => `${index}.${each}`)
    const bytes = batch(values, offset, transactional ? producer : -1, transactional)
    for (const value of values) written.push({ value, offset: offset++, open: transactional ? producer : null })
    batches.push({ bytes, last: offset - 1 })
  }
  for (const producer of [...begun.keys()]) end(producer, 'abort')
  const visible = written
    .filter((record) => record.open === null)
    .map(({ value, offset: place }) => ({ value, offset: place }))
  return { batches, visible, aborted, end: offset }
}
