import { expect } from 'chai'
import { errorOf, take, values, type World } from './world.ts'

export function producing(world: () => World): void {
  it('gives back keys, values, headers and timestamps, null ones too', async () => {
    const [at] = await world().topic('t')
    const producer = world().producer()
    const headers = [
      { key: 'h', value: Buffer.from('1') },
      { key: 'h', value: null },
    ]
    await producer.send({ topic: 't', key: 'größe', value: null, timestampMs: 5, headers })
    await producer.send({ topic: 't', key: null, value: 'v', timestampMs: 4 })
    const consumer = world().consumer()
    consumer.assign([at!])
    const read = await take(consumer, 2)
    expect(read).to.deep.equal([
      { topic: 't', partition: 0, offset: 0, timestampMs: 5, key: Buffer.from('größe'), value: null, headers },
      { topic: 't', partition: 0, offset: 1, timestampMs: 4, key: null, value: Buffer.from('v'), headers: [] },
    ])
    expect(consumer.position(at!)).to.equal(2)
    expect(consumer.lag(at!)).to.equal(0)
  })

  it('keeps the order of many batches, compressed ones among them, over several partitions', async () => {
    const partitions = await world().topic('t', 3)
    const count = 3000
    for (const compression of ['none', 'gzip'] as const) {
      const producer = world().producer({ batchBytes: 2000, compression })
      const value = Buffer.alloc(40)
      for (let index = 0; index < count; index++) {
        value.writeUInt32BE(index)
        producer.appendBytes('t', index % 3, index, null, 0, 0, value, 0, 40, [])
        if (producer.full) await producer.ready()
      }
      await producer.flush()
    }
    const consumer = world().consumer({ partitionBytesMax: 10_000 })
    consumer.assign(partitions)
    const read = await take(consumer, 2 * count)
    for (const { partition } of partitions) {
      const mine = read.filter((record) => record.partition === partition)
      const expected = Array.from({ length: count / 3 }, (_, index) => index * 3 + partition)
      expect(mine.map((record) => record.value!.readUInt32BE())).to.deep.equal([...expected, ...expected])
      expect(mine.map((record) => record.offset)).to.deep.equal(mine.map((_, index) => index))
    }
  })

  it('starts where it is told, and goes where it is sent', async () => {
    const [at] = await world().topic('t')
    const producer = world().producer({ batchBytes: 100 })
    for (let index = 0; index < 10; index++) await producer.send({ topic: 't', value: `${index}`, timestampMs: index })
    const latest = world().consumer({ autoOffsetReset: 'latest' })
    latest.assign([at!])
    await latest.poll(50)
    await producer.send({ topic: 't', value: '10' })
    expect(values(await take(latest, 1))).to.deep.equal(['10'])
    latest.seek(at!, 7)
    expect(values(await take(latest, 4))).to.deep.equal(['7', '8', '9', '10'])
    latest.seekToEnd(at!, 'earliest')
    expect(values(await take(latest, 11))[0]).to.equal('0')
    const none = world().consumer({ autoOffsetReset: 'none' })
    none.assign([at!])
    const polled = async (): Promise<void> => {
      for (let polls = 0; polls < 20; polls++) await none.poll(20)
    }
    expect(await errorOf(polled())).to.equal('LOG_OFFSET_OUT_OF_RANGE')
    none.seek(at!, 99)
    expect(await errorOf(polled())).to.equal('LOG_OFFSET_OUT_OF_RANGE')
    none.seek(at!, 9)
    expect(values(await take(none, 2))).to.deep.equal(['9', '10'])
  })

  it('goes to an end of the log when the position is no longer there', async () => {
    const [at] = await world().topic('t')
    const producer = world().producer({ batchBytes: 100 })
    for (let index = 0; index < 10; index++) await producer.send({ topic: 't', value: `${index}` })
    expect(await world().admin.deleteRecords([{ ...at!, offset: 6 }])).to.deep.equal([{ ...at!, lowWatermark: 6 }])
    const consumer = world().consumer()
    consumer.assign([at!])
    consumer.seek(at!, 2)
    expect(values(await take(consumer, 4))).to.deep.equal(['6', '7', '8', '9'])
  })

  it('hands nothing over of a paused partition, and what was fetched of it after resume', async () => {
    const partitions = await world().topic('t', 2)
    const producer = world().producer()
    const consumer = world().consumer()
    consumer.assign(partitions)
    await consumer.poll(20)
    consumer.pause([partitions[0]!])
    for (const { partition } of partitions) await producer.send({ topic: 't', partition, value: `${partition}` })
    expect(values(await take(consumer, 1))).to.deep.equal(['1'])
    expect(await consumer.poll(100)).to.deep.equal([])
    expect(consumer.position(partitions[0]!)).to.equal(0)
    consumer.resume([partitions[0]!])
    expect(values(await take(consumer, 1))).to.deep.equal(['0'])
  })

  it('wakes a waiting poll when a record comes', async () => {
    const [at] = await world().topic('t')
    const consumer = world().consumer({ fetchWaitMs: 10_000 })
    consumer.assign([at!])
    await consumer.poll(20)
    const started = performance.now()
    const polled = take(consumer, 1)
    await world().producer().send({ topic: 't', value: 'x' })
    expect(values(await polled)).to.deep.equal(['x'])
    expect(performance.now() - started).to.be.lessThan(2000)
  })

  it('commits positions without a group, and finds them again', async () => {
    const partitions = await world().topic('t', 2)
    const producer = world().producer()
    for (const value of ['a', 'b', 'c']) await producer.send({ topic: 't', partition: 0, value })
    const first = world().consumer({ groupId: 'solo' })
    first.assign(partitions)
    await take(first, 3)
    await first.commit([{ topic: 't', partition: 0, offset: 2, leaderEpoch: -1, metadata: 'note' }])
    const found = await first.committed(partitions)
    expect(found.get('t-0')).to.deep.equal({ offset: 2, leaderEpoch: -1, metadata: 'note' })
    expect(found.get('t-1')).to.equal(null)
    const second = world().consumer({ groupId: 'solo' })
    second.assign(partitions)
    expect(values(await take(second, 1))).to.deep.equal(['c'])
    await second.commit()
    expect((await second.committed([partitions[0]!])).get('t-0')!.offset).to.equal(3)
  })

  it('says TOPIC_UNKNOWN for a topic that is not there, when producing and when consuming', async () => {
    const producer = world().producer({ topicLookupTimeoutMs: 50 })
    expect(await errorOf(producer.send({ topic: 'none', value: 'x' }))).to.equal('TOPIC_UNKNOWN')
    await world().topic('t', 2)
    producer.appendBytes('t', 2, 0, null, 0, 0, null, 0, 0, [])
    expect(await errorOf(producer.flush())).to.equal('TOPIC_UNKNOWN')
    for (const missing of [
      { topic: 'none', partition: 0 },
      { topic: 't', partition: 2 },
    ]) {
      const consumer = world().consumer({ topicLookupTimeoutMs: 50 })
      consumer.assign([missing])
      consumer.seek(missing, 0)
      const polled = async (): Promise<void> => {
        for (let polls = 0; polls < 20; polls++) await consumer.poll(20)
      }
      expect(await errorOf(polled())).to.equal('TOPIC_UNKNOWN')
    }
  })
}
