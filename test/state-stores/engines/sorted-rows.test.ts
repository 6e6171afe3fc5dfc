import { expect } from 'chai'
import fc from 'fast-check'
import { SortedRows } from '../../../state-stores/engines/sorted-rows.ts'

function key(number: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(number)
  return bytes
}

function numbers(rows: SortedRows, from = 0, to = 2 ** 32 - 1, reverse = false): number[] {
  return [...rows.scan(key(from), key(to), reverse)].map(([bytes]) => bytes.readUInt32BE())
}

function filled(count: number): SortedRows {
  const rows = new SortedRows()
  // In an order that is neither rising nor falling, so that nodes split everywhere.
  for (let index = 0; index < count; index++) rows.set(key((index * 7919) % count), key(index))
  return rows
}

describe('SortedRows', () => {
  it('keeps ten thousand rows in order and finds each', () => {
    const rows = filled(10_007)
    expect(rows.size).to.equal(10_007)
    expect(numbers(rows)).to.deep.equal(Array.from({ length: 10_007 }, (_, index) => index))
    expect(numbers(rows, 5000, 5003)).to.deep.equal([5000, 5001, 5002])
    expect(numbers(rows, 5000, 5003, true)).to.deep.equal([5002, 5001, 5000])
    expect(rows.get(key(7919))?.readUInt32BE()).to.equal(1)
    expect(rows.get(key(10_007))).to.equal(undefined)
  })

  it('replaces a value without growing', () => {
    const rows = filled(100)
    rows.set(key(5), key(55))
    expect(rows.size).to.equal(100)
    expect(rows.get(key(5))?.readUInt32BE()).to.equal(55)
  })

  it('clears ranges across many nodes, and all of it', () => {
    const rows = filled(10_007)
    rows.clear(key(10), key(9_990))
    expect(numbers(rows)).to.deep.equal([
      0,
      1,
      2,
      3,
      4,
      5,
      6,
      7,
      8,
      9,
      ...Array.from({ length: 17 }, (_, i) => 9990 + i),
    ])
    expect(rows.size).to.equal(27)
    rows.clear(key(0), key(20_000))
    expect(rows.size).to.equal(0)
    rows.set(key(3), key(3))
    expect(numbers(rows)).to.deep.equal([3])
  })

  it('lets a fork and its origin go separate ways (R2)', () => {
    const change = fc.tuple(fc.constantFrom('set', 'delete', 'clear', 'fork'), fc.nat(400), fc.nat(60), fc.boolean())
    fc.assert(
      fc.property(fc.array(change, { maxLength: 300 }), (changes) => {
        let pairs: { rows: SortedRows; model: Map<number, number> }[] = [
          {
            rows: filled(300),
            model: new Map(Array.from({ length: 300 }, (_, index) => [(index * 7919) % 300, index])),
          },
        ]
        for (const [kind, at, more, last] of changes) {
          const { rows, model } = (last ? pairs.at(-1) : pairs[0])!
          if (kind === 'set') {
            rows.set(key(at), key(more))
            model.set(at, more)
          } else if (kind === 'delete') {
            rows.delete(key(at))
            model.delete(at)
          } else if (kind === 'clear') {
            rows.clear(key(at), key(at + more))
            for (const known of [...model.keys()]) if (known >= at && known < at + more) model.delete(known)
          } else pairs = [...pairs.slice(-3), { rows: rows.fork(), model: new Map(model) }]
        }
        for (const { rows, model } of pairs) {
          const sorted = [...model].sort(([left], [right]) => left - right)
          expect(numbers(rows)).to.deep.equal(sorted.map(([number]) => number))
          expect(rows.size).to.equal(model.size)
          for (const [number, value] of model) expect(rows.get(key(number))?.readUInt32BE()).to.equal(value)
        }
      }),
      { numRuns: 100 },
    )
  })
})
