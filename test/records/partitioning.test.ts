import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { murmur2, partitionForKey } from '../../src/records/partitioning.ts'

interface Vector {
  utf8: string
  murmur2: number
  p4: number
  p7: number
  p12: number
}

const file = new URL('../golden/vectors.json', import.meta.url)
const vectors = (JSON.parse(readFileSync(file, 'utf8')) as { murmur2_partition: Vector[] }).murmur2_partition

describe('partitioning', () => {
  it('hashes and places every key as Java does', () => {
    for (const vector of vectors) {
      const bytes = Buffer.from(vector.utf8, 'hex')
      expect(murmur2(bytes, 0, bytes.length), vector.utf8).to.equal(vector.murmur2)
      expect(partitionForKey(bytes, 0, bytes.length, 4), vector.utf8).to.equal(vector.p4)
      expect(partitionForKey(bytes, 0, bytes.length, 7), vector.utf8).to.equal(vector.p7)
      expect(partitionForKey(bytes, 0, bytes.length, 12), vector.utf8).to.equal(vector.p12)
    }
  })

  it('hashes a part of a buffer as it hashes a copy of that part', () => {
    const bytes = Buffer.from('--foobar--')
    expect(murmur2(bytes, 2, 8)).to.equal(murmur2(Buffer.from('foobar'), 0, 6))
  })
})
