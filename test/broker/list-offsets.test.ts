import { expect } from 'chai'
import { batchOf, Fixture } from './fixture.ts'

const latest = -1
const earliest = -2
const largest = -3

describe('ListOffsets', () => {
  let broker: Fixture
  before(async () => {
    broker = await Fixture.open()
    await broker.createTopic('t')
    await broker.append('t', 0, batchOf(['a', 'b'], undefined, 1000))
    await broker.append('t', 0, batchOf(['late'], undefined, 5000))
    await broker.append('t', 0, batchOf(['c'], undefined, 2000))
  })
  after(() => broker.close())

  it('knows the earliest and the latest', async () => {
    expect(await broker.listOffset('t', 0, earliest)).to.equal(0)
    expect(await broker.listOffset('t', 0, latest)).to.equal(4)
  })

  it('finds the first record at or after a time', async () => {
    expect(await broker.listOffset('t', 0, 1001)).to.equal(1)
    expect(await broker.listOffset('t', 0, 1002)).to.equal(2)
    expect(await broker.listOffset('t', 0, 5001)).to.equal(-1)
  })

  it('finds the record with the largest time', async () => {
    expect(await broker.listOffset('t', 0, largest)).to.equal(2)
  })

  it('stops at the last stable offset for read_committed', async () => {
    const producer = await broker.init('tx')
    await broker.send(producer, 't', 0, ['open'])
    expect(await broker.listOffset('t', 0, latest)).to.equal(5)
    expect(await broker.listOffset('t', 0, latest, true)).to.equal(4)
    await broker.end(producer, true)
    expect(await broker.listOffset('t', 0, latest, true)).to.equal(6)
  })

  it('knows nothing of an empty partition', async () => {
    await broker.createTopic('empty')
    expect(await broker.listOffset('empty', 0, largest)).to.equal(-1)
    expect(await broker.listOffset('empty', 0, latest)).to.equal(0)
  })

  it('moves with deleted records', async () => {
    await broker.request('DeleteRecords', {
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: 2 }] }],
      timeoutMs: 1000,
    })
    expect(await broker.listOffset('t', 0, earliest)).to.equal(2)
  })
})
