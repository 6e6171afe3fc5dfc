import { expect } from 'chai'
import { codeToName } from '../../src/protocol/error-codes.ts'
import { batchOf, Fixture, recordsOf } from './fixture.ts'

describe('Produce and Fetch', () => {
  let broker: Fixture
  beforeEach(async () => {
    broker = await Fixture.open()
    await broker.createTopic('t', 2)
  })
  afterEach(() => broker.close())

  it('gives offsets in order, and back what was appended', async () => {
    expect(await broker.produce('t', 0, ['a', 'b'])).to.equal(0)
    expect(await broker.produce('t', 0, ['c'])).to.equal(2)
    const answer = await broker.fetch('t', 0, 0)
    expect(answer.highWatermark).to.equal(3)
    expect(recordsOf(answer).map(({ offset, value }) => [offset, value])).to.deep.equal([
      [0, 'a'],
      [1, 'b'],
      [2, 'c'],
    ])
  })

  it('answers acks=1 and acks=0 too', async () => {
    expect(await broker.produce('t', 0, ['a'], 1)).to.equal(0)
    const { responses } = await broker.request('Produce', {
      transactionalId: null,
      acks: 0,
      timeoutMs: 1000,
      topicData: [{ name: 't', partitionData: [{ index: 0, records: batchOf(['b']) }] }],
    })
    expect(responses).to.deep.equal([])
    expect(await broker.values('t')).to.deep.equal(['a', 'b'])
  })

  it('refuses an unknown partition, other acks, a missing batch, and internal topics', async () => {
    expect((await broker.append('t', 2, batchOf(['a']))).error).to.equal('UNKNOWN_TOPIC_OR_PARTITION')
    expect((await broker.append('nope', 0, batchOf(['a']))).error).to.equal('UNKNOWN_TOPIC_OR_PARTITION')
    expect((await broker.append('t', 0, batchOf(['a']), 2)).error).to.equal('INVALID_REQUIRED_ACKS')
    expect((await broker.append('t', 0, null)).error).to.equal('INVALID_RECORD')
    expect((await broker.append('__consumer_offsets', 0, batchOf(['a']))).error).to.equal('INVALID_TOPIC_EXCEPTION')
  })

  it('refuses a damaged batch', async () => {
    const batch = batchOf(['abc'])
    batch[batch.length - 3] = batch[batch.length - 3]! ^ 1
    expect((await broker.append('t', 0, batch)).error).to.equal('CORRUPT_MESSAGE')
  })

  it('answers a repeated batch of an idempotent producer with its first offset, and refuses a hole', async () => {
    const { producerId } = await broker.request('InitProducerId', {
      transactionalId: null,
      transactionTimeoutMs: 0,
      producerId: -1,
      producerEpoch: -1,
    })
    const header = { producerId, producerEpoch: 0, baseSequence: 0, transactional: false }
    expect(await broker.append('t', 0, batchOf(['a', 'b'], header))).to.include({ error: 'NONE', offset: 0 })
    expect(await broker.append('t', 0, batchOf(['a', 'b'], header))).to.include({ error: 'NONE', offset: 0 })
    const later = batchOf(['d'], { ...header, baseSequence: 5 })
    expect((await broker.append('t', 0, later)).error).to.equal('OUT_OF_ORDER_SEQUENCE_NUMBER')
    expect(await broker.values('t')).to.deep.equal(['a', 'b'])
  })

  it('gives each idempotent producer an id of its own, also after a restart', async () => {
    const take = async (): Promise<number> => {
      const request = { transactionalId: null, transactionTimeoutMs: 0, producerId: -1, producerEpoch: -1 }
      return (await broker.request('InitProducerId', request)).producerId
    }
    const ids = [await take(), await take()]
    await broker.crash()
    ids.push(await take())
    expect(new Set(ids).size).to.equal(3)
  })

  it('wakes a waiting fetch when something is appended', async () => {
    const waiting = broker.fetch('t', 1, 0, { maxWaitMs: 60_000 })
    await broker.clock.pass(0)
    await broker.produce('t', 1, ['a'])
    expect(recordsOf(await waiting)).to.have.length(1)
  })

  it('answers a waiting fetch empty when its time is over', async () => {
    const request = await broker.fetchRequest([{ topic: 't', partition: 0, offset: 0 }], { maxWaitMs: 500 })
    let answered = false
    const waiting = broker.request('Fetch', request).then((answer) => {
      answered = true
      return answer
    })
    await broker.clock.pass(499)
    expect(answered).to.equal(false)
    await broker.clock.pass(1)
    expect((await waiting).responses[0]!.partitions[0]!.records).to.have.length(0)
  })

  it('waits for minBytes', async () => {
    let answered = false
    const waiting = broker.fetch('t', 0, 0, { maxWaitMs: 60_000, minBytes: 200 }).finally(() => {
      answered = true
    })
    await broker.clock.pass(0)
    await broker.produce('t', 0, ['small'])
    await broker.clock.pass(0)
    expect(answered).to.equal(false)
    await broker.produce('t', 0, ['x'.repeat(200)])
    expect(recordsOf(await waiting)).to.have.length(2)
  })

  it('gives the first batch even when it is larger than every limit, and then no more', async () => {
    await broker.produce('t', 0, ['x'.repeat(1000)])
    await broker.produce('t', 0, ['y'.repeat(1000)])
    await broker.produce('t', 1, ['z'.repeat(1000)])
    const targets = [
      { topic: 't', partition: 0, offset: 0 },
      { topic: 't', partition: 1, offset: 0 },
    ]
    const request = await broker.fetchRequest(targets, { maxBytes: 10, partitionMaxBytes: 10 })
    const { responses } = await broker.request('Fetch', request)
    const counts = responses.map(({ partitions }) => recordsOf(partitions[0]!).length)
    expect(counts.reduce((sum, count) => sum + count, 0)).to.equal(1)
  })

  it('lets partitions take turns when the total limit holds one only', async () => {
    await broker.produce('t', 0, ['x'.repeat(1000)])
    await broker.produce('t', 1, ['z'.repeat(1000)])
    const targets = [
      { topic: 't', partition: 0, offset: 0 },
      { topic: 't', partition: 1, offset: 0 },
    ]
    const request = await broker.fetchRequest(targets, { maxBytes: 1 })
    const served = new Set<number>()
    for (let round = 0; round < 50 && served.size < 2; round++) {
      const { responses } = await broker.request('Fetch', request)
      served.add(responses.findIndex(({ partitions }) => recordsOf(partitions[0]!).length > 0))
    }
    expect([...served].sort()).to.deep.equal([0, 1])
  })

  it('refuses offsets outside the log, also of a fetch that would wait', async () => {
    const answer = await broker.fetch('t', 0, 7, { maxWaitMs: 60_000 })
    expect(codeToName(answer.errorCode)).to.equal('OFFSET_OUT_OF_RANGE')
  })

  it('refuses a topic id it does not know', async () => {
    const request = await broker.fetchRequest([{ topic: 't', partition: 0, offset: 0 }])
    const topics = request.topics.map((topic) => ({ ...topic, topicId: '11111111-2222-4333-8444-555555555555' }))
    const { responses } = await broker.request('Fetch', { ...request, topics })
    expect(codeToName(responses[0]!.partitions[0]!.errorCode)).to.equal('UNKNOWN_TOPIC_ID')
  })

  it('tells a reader with another history where the histories part', async () => {
    await broker.produce('t', 0, ['a'])
    await broker.reopen()
    await broker.produce('t', 0, ['b'])
    const request = await broker.fetchRequest([{ topic: 't', partition: 0, offset: 2 }])
    const ask = async (lastFetchedEpoch: number): Promise<unknown> => {
      const topics = request.topics.map((topic) => {
        return { ...topic, partitions: topic.partitions.map((partition) => ({ ...partition, lastFetchedEpoch })) }
      })
      return (await broker.request('Fetch', { ...request, topics })).responses[0]!.partitions[0]!.divergingEpoch
    }
    expect(await ask(2)).to.equal(undefined)
    expect(await ask(1)).to.deep.equal({ epoch: 1, endOffset: 1 })
  })

  it('shares one sync among appends that come together', async () => {
    const offsets = await Promise.all(Array.from({ length: 20 }, (_, index) => broker.produce('t', 0, [`v${index}`])))
    expect([...offsets].sort((left, right) => left - right)).to.deep.equal(offsets)
    expect(await broker.values('t')).to.have.length(20)
  })

  it('keeps everything over a restart and over a crash', async () => {
    await broker.produce('t', 0, ['a'])
    await broker.reopen()
    await broker.produce('t', 0, ['b'], 1)
    await broker.crash()
    expect(await broker.values('t')).to.deep.equal(['a', 'b'])
  })

  it('refuses to produce below min.free.bytes while offsets can still be committed', async () => {
    await broker.close()
    broker = await Fixture.open({ minFreeBytes: Number.MAX_SAFE_INTEGER })
    await broker.createTopic('t')
    const { error, message } = await broker.append('t', 0, batchOf(['a']))
    expect(error).to.equal('KAFKA_STORAGE_ERROR')
    expect(message).to.match(/min\.free\.bytes/)
    expect(await broker.commitOffset('g', 't', 0, 0)).to.equal('NONE')
  })

  it('answers waiting fetches when the broker closes', async () => {
    const request = await broker.fetchRequest([{ topic: 't', partition: 0, offset: 0 }], { maxWaitMs: 60_000 })
    const waiting = broker.request('Fetch', request).then(
      (answer) => codeToName(answer.responses[0]!.partitions[0]!.errorCode),
      (error: { code: string }) => error.code,
    )
    await broker.clock.pass(0)
    await broker.broker.close()
    expect(await waiting).to.be.oneOf(['NONE', 'NET_DISCONNECTED', 'NOT_LEADER_OR_FOLLOWER'])
  })
})
