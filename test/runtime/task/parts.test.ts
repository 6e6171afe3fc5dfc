import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import fc from 'fast-check'
import {
  decodeOffsetMetadata,
  encodeOffsetMetadata,
  noOffsetMetadata,
} from '../../../src/runtime/task/offset-metadata.ts'
import { TimeQueue } from '../../../src/runtime/task/time-queue.ts'

interface Vectors {
  readonly offset_metadata_v2: { partitionTime: number; processor: { [name: string]: number }; encoded: string }[]
}

const vectors = JSON.parse(readFileSync(new URL('../../golden/vectors.json', import.meta.url), 'utf8')) as Vectors

describe('offset metadata', () => {
  for (const { partitionTime, processor, encoded } of vectors.offset_metadata_v2) {
    it(`is Kafka Streams' to the byte: ${encoded}`, () => {
      const metadata = { partitionTimeMs: partitionTime, streamTimesMs: new Map(Object.entries(processor)) }
      expect(encodeOffsetMetadata(metadata)).to.equal(encoded)
      expect(decodeOffsetMetadata(encoded)).to.deep.equal(metadata)
    })
  }

  it('comes back as it was written', () => {
    const times = fc.dictionary(fc.string({ minLength: 1 }), fc.integer({ min: -1, max: 2 ** 52 }))
    fc.assert(
      fc.property(fc.integer({ min: -1, max: 2 ** 52 }), times, (partitionTimeMs, entries) => {
        const metadata = { partitionTimeMs, streamTimesMs: new Map(Object.entries(entries)) }
        expect(decodeOffsetMetadata(encodeOffsetMetadata(metadata))).to.deep.equal(metadata)
      }),
    )
  })

  it('that is none counts as unknown', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const found = decodeOffsetMetadata(Buffer.from(bytes).toString('base64'))
        expect(found.partitionTimeMs).to.be.a('number')
      }),
    )
    expect(decodeOffsetMetadata('what else')).to.equal(noOffsetMetadata)
    expect(decodeOffsetMetadata(null)).to.equal(noOffsetMetadata)
  })
})

describe('TimeQueue', () => {
  it('gives everything, the lowest timestamp first', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50)), (times) => {
        const queue = new TimeQueue<{ timestampMs: number }>()
        for (const timestampMs of times) queue.offer({ timestampMs })
        const order: number[] = []
        for (let next = queue.poll(); next !== null; next = queue.poll()) order.push(next.timestampMs)
        expect(order).to.deep.equal([...times].sort((left, right) => left - right))
      }),
    )
  })

  it('breaks ties as java.util.PriorityQueue does', () => {
    // Computed with Java 17: add a5 b5 c3 d5 e3 f5, then poll.
    const queue = new TimeQueue<{ timestampMs: number; name: string }>()
    for (const text of ['a5', 'b5', 'c3', 'd5', 'e3', 'f5']) queue.offer({ name: text, timestampMs: Number(text[1]) })
    let order = ''
    for (let next = queue.poll(); next !== null; next = queue.poll()) order += `${next.name} `
    expect(order.trim()).to.equal(javaOrder)
  })
})

const javaOrder = 'c3 e3 b5 d5 a5 f5'
