import { expect } from 'chai'
import fc from 'fast-check'
import { hashSetOrder, JavaTreeSet, javaHash } from '../../src/topology/java-order.ts'

describe('javaHash', () => {
  it("is Java's", () => {
    expect(javaHash('')).to.equal(0)
    expect(javaHash('abc')).to.equal(96354)
    expect(javaHash('polygenelubricants')).to.equal(-2147483648)
    expect(javaHash('Aa')).to.equal(javaHash('BB'))
  })
})

describe('hashSetOrder', () => {
  it('goes by bucket, then by insertion', () => {
    expect(hashSetOrder(['b', 'a', 'c'])).to.deep.equal(['a', 'b', 'c'])
    expect(hashSetOrder(['BB', 'Aa'])).to.deep.equal(['BB', 'Aa'])
    expect(hashSetOrder(['Aa', 'BB'])).to.deep.equal(['Aa', 'BB'])
  })

  it('has a larger table when it was made as a copy: 12 texts grow none, a copy of 12 starts with 32 buckets', () => {
    const texts = ['p', 'q', 'a', 'r', 'b', 's', 'c', 't', 'd', 'u', 'e', 'v']
    expect(hashSetOrder(texts).slice(0, 4)).to.deep.equal(['p', 'q', 'a', 'r'])
    expect(hashSetOrder(texts, true).slice(0, 4)).to.deep.equal(['a', 'b', 'c', 'd'])
  })
})

describe('JavaTreeSet', () => {
  it('iterates distinct items in order, whatever the order of additions', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 60 }), (items) => {
        const set = new JavaTreeSet<number>((left, right) => left - right)
        for (const item of items) set.add(item)
        expect([...set]).to.deep.equal([...new Set(items)].sort((left, right) => left - right))
      }),
    )
  })

  it('compares with what lies on the way down only, so a comparator that changed leaves the rest as it is', () => {
    const rank = new Map([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ])
    const set = new JavaTreeSet<string>((left, right) => rank.get(left)! - rank.get(right)!)
    set.add('a')
    set.add('b')
    rank.set('a', 9)
    set.add('c')
    expect([...set]).to.deep.equal(['c', 'a', 'b'])
  })
})
