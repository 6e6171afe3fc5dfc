import { expect } from 'chai'
import { deferred } from '../../src/base/deferred.ts'
import { Producer, type ProducerOptions } from '../../src/client/producer/producer.ts'
import { isTransactional } from '../../src/records/batch-format.ts'
import { codeOf, lost, metadataAnswer } from '../support/scripted-connection.ts'
import { append, errorOf, settle, type World, world } from './producer-world.ts'

describe('a transactional Producer', () => {
  async function open(options: ProducerOptions = {}): Promise<World> {
    const made = world({ transactionalId: 'tx', ...options })
    await settle(made.clock, made.producer.initTransactions())
    made.producer.beginTransaction()
    return made
  }

  it('adds all partitions before the first batch is sent, and ends the transaction', async () => {
    const { producer, connection, log } = await open()
    append(producer, 0, 'x')
    append(producer, 3, 'x')
    await producer.commitTransaction()
    expect(connection.names()).to.deep.equal([
      'FindCoordinator',
      'InitProducerId',
      'Metadata',
      'AddPartitionsToTxn',
      'Produce',
      'EndTxn',
    ])
    expect(connection.bodies('InitProducerId')[0]).to.deep.equal({
      transactionalId: 'tx',
      transactionTimeoutMs: 10_000,
      producerId: -1,
      producerEpoch: -1,
    })
    expect(connection.bodies('AddPartitionsToTxn')[0]!.v3AndBelowTopics).to.deep.equal([
      { name: 't', partitions: [0, 3] },
    ])
    const produced = connection.bodies('Produce')[0]!
    expect(produced.transactionalId).to.equal('tx')
    expect(isTransactional(produced.topicData[0]!.partitionData[0]!.records!, 0)).to.equal(true)
    expect(connection.bodies('EndTxn')[0]).to.include({ committed: true, producerId: 7, producerEpoch: 0 })
    expect(log.recordsIn('t-0')).to.equal(1)
    await producer.close()
  })

  it('adds partitions anew in each transaction, and asks nothing for an empty one', async () => {
    const { producer, connection } = await open()
    append(producer, 0, 'x')
    await producer.commitTransaction()
    producer.beginTransaction()
    await producer.commitTransaction()
    expect(connection.count('EndTxn')).to.equal(1)
    producer.beginTransaction()
    append(producer, 0, 'x')
    await producer.commitTransaction()
    expect(connection.count('AddPartitionsToTxn')).to.equal(2)
    expect(connection.count('EndTxn')).to.equal(2)
    await producer.close()
  })

  it('keeps records of append for full batches, and sends those of send at the next turn', async () => {
    const { producer, log, clock } = await open()
    append(producer, 0, 'x')
    await clock.pass(100)
    expect(log.recordsIn('t-0')).to.equal(0)
    const sent = await settle(clock, producer.send({ topic: 't', partition: 0, value: 'y' }))
    expect(sent.offset).to.equal(1)
    await producer.commitTransaction()
    await producer.close()
  })

  it('waits while the transaction before is still being ended', async () => {
    const { producer, connection, clock } = await open()
    connection.on('AddPartitionsToTxn', ({ v3AndBelowTopics }, call) => ({
      throttleTimeMs: 0,
      resultsByTopicV3AndBelow: v3AndBelowTopics.map(({ name, partitions }) => ({
        name,
        resultsByPartition: partitions.map((partitionIndex, index) => {
          const error = index === 0 ? 'CONCURRENT_TRANSACTIONS' : 'OPERATION_NOT_ATTEMPTED'
          return { partitionIndex, partitionErrorCode: call < 4 ? codeOf(error) : 0 }
        }),
      })),
    }))
    append(producer, 0, 'x')
    append(producer, 1, 'x')
    await settle(clock, producer.commitTransaction())
    expect(connection.count('AddPartitionsToTxn')).to.equal(4)
    await producer.close()
  })

  it('asks again for the end of a transaction until the answer is known', async () => {
    const { producer, connection, clock } = await open()
    connection.on('EndTxn', (_body, call) => {
      if (call < 4) lost()
      return { throttleTimeMs: 0, errorCode: call === 4 ? codeOf('CONCURRENT_TRANSACTIONS') : 0 }
    })
    append(producer, 0, 'x')
    await settle(clock, producer.commitTransaction())
    expect(connection.bodies('EndTxn').map((body) => body.committed)).to.deep.equal([true, true, true, true, true])
    producer.beginTransaction()
    await producer.abortTransaction()
    await producer.close()
  })

  it('waits at the end of a transaction for records whose topic is still looked up, in their order', async () => {
    const { producer, connection, log, clock } = await open()
    const found = deferred<void>()
    connection.holdBack('Metadata', found.promise)
    const sent = ['a', 'b', 'c'].map((value) => producer.send({ topic: 't', partition: 0, value }))
    const committed = producer.commitTransaction()
    await clock.pass(100)
    expect(connection.count('EndTxn')).to.equal(0)
    found.resolve()
    await settle(clock, committed)
    expect((await Promise.all(sent)).map(({ offset }) => offset)).to.deep.equal([0, 1, 2])
    expect(log.recordsIn('t-0')).to.equal(3)
    await producer.close()
  })

  it('lays nothing of an aborted transaction down in the next one', async () => {
    const { producer, connection, log, clock } = await open()
    const found = deferred<void>()
    connection.holdBack('Metadata', found.promise)
    const first = errorOf(producer.send({ topic: 't', partition: 0, value: 'first' }))
    await producer.abortTransaction()
    producer.beginTransaction()
    const second = producer.send({ topic: 't', partition: 0, value: 'second' })
    found.resolve()
    expect(await settle(clock, first)).to.equal('TRANSACTION_ABORTED')
    expect((await settle(clock, second)).offset).to.equal(0)
    await producer.commitTransaction()
    expect(log.recordsIn('t-0')).to.equal(1)
    await producer.close()
  })

  for (const { title, topicError, partition } of [
    { title: 'whose topic is not there', topicError: 'UNKNOWN_TOPIC_OR_PARTITION', partition: 0 },
    { title: 'whose partition is not there', topicError: 'NONE', partition: 9 },
  ] as const) {
    it(`commits nothing without a record of send ${title}, also when nobody waits for it`, async () => {
      const { producer, connection, clock } = await open({ topicLookupTimeoutMs: 1000 })
      connection.on('Metadata', (request) => metadataAnswer(request, topicError))
      const sent = errorOf(producer.send({ topic: 'u', partition, value: 'x' }))
      expect(await settle(clock, errorOf(producer.commitTransaction()))).to.equal('TOPIC_UNKNOWN')
      expect(await sent).to.equal('TOPIC_UNKNOWN')
      await producer.abortTransaction()
      producer.beginTransaction()
      await producer.commitTransaction()
      expect(connection.count('EndTxn')).to.equal(0)
      await producer.close()
    })
  }

  it('fails the next transaction, not the one that ends, for a record that cannot be laid down meanwhile', async () => {
    const { producer, connection, clock } = await open()
    const answered = deferred<void>()
    connection.holdBack('EndTxn', answered.promise)
    append(producer, 0, 'x')
    await producer.flush()
    const first = producer.commitAndBeginTransaction()
    expect(await settle(clock, errorOf(producer.send({ topic: 't', partition: 9, value: 'y' })))).to.equal(
      'TOPIC_UNKNOWN',
    )
    answered.resolve()
    await first
    expect(await settle(clock, errorOf(producer.commitTransaction()))).to.equal('TOPIC_UNKNOWN')
    await producer.abortTransaction()
    await producer.close()
  })

  it('lays records of the next transaction down while the last one ends, and sends them when that is known', async () => {
    const { producer, connection, log, clock } = await open({ batchBytes: 200 })
    const answered = deferred<void>()
    connection.holdBack('EndTxn', answered.promise)
    append(producer, 0, 'x')
    await producer.flush()
    const first = producer.commitAndBeginTransaction()
    for (let count = 0; count < 10; count++) append(producer, 0, 'y'.repeat(100))
    const sent = producer.send({ topic: 't', partition: 1, value: 'z' })
    await clock.pass(1000)
    expect(log.recordsIn('t-0')).to.equal(1)
    expect(log.recordsIn('t-1')).to.equal(0)
    expect(connection.count('AddPartitionsToTxn')).to.equal(1)
    answered.resolve()
    await first
    expect((await settle(clock, sent)).offset).to.equal(0)
    await producer.commitTransaction()
    expect(log.recordsIn('t-0')).to.equal(11)
    expect(connection.names().filter((name) => /Txn/.test(name))).to.deep.equal([
      'AddPartitionsToTxn',
      'EndTxn',
      'AddPartitionsToTxn',
      'EndTxn',
    ])
    await producer.close()
  })

  it('gives up what was laid down for the next transaction when the last one cannot be ended', async () => {
    const { producer, connection, log, clock } = await open({ batchBytes: 200, bufferBytes: 1000 })
    const answered = deferred<void>()
    connection.holdBack('EndTxn', answered.promise)
    connection.on('EndTxn', () => ({ throttleTimeMs: 0, errorCode: codeOf('PRODUCER_FENCED') }))
    append(producer, 0, 'x')
    await producer.flush()
    const committed = errorOf(producer.commitAndBeginTransaction())
    while (!producer.full) append(producer, 0, 'y'.repeat(100))
    const ready = producer.ready()
    const sent = errorOf(producer.send({ topic: 't', partition: 1, value: 'z' }))
    answered.resolve()
    expect(await settle(clock, committed)).to.equal('PRODUCER_FENCED')
    await settle(clock, ready)
    expect(await settle(clock, sent)).to.equal('PRODUCER_FENCED')
    expect(() => append(producer, 0, 'x')).to.throw('PRODUCER_FENCED')
    expect(log.recordsIn('t-0')).to.equal(1)
    await producer.close()
  })

  it('is fenced when the outcome stays unknown: only a new producer finds out', async () => {
    const { producer, connection, clock } = await open({ requestTimeoutMs: 500, transactionTimeoutMs: 1000 })
    connection.on('EndTxn', () => lost())
    append(producer, 0, 'x')
    expect(await settle(clock, errorOf(producer.commitTransaction()))).to.equal('TIMED_OUT')
    expect(() => producer.beginTransaction()).to.throw('TIMED_OUT')
    expect(() => append(producer, 0, 'x')).to.throw('TIMED_OUT')
    await producer.close()
  })

  for (const name of ['PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH'] as const) {
    it(`says PRODUCER_FENCED for ${name}, wherever it is met`, async () => {
      const produce = await open()
      produce.connection.on('Produce', (body) => produce.log.produce(body, () => name))
      append(produce.producer, 0, 'x')
      expect(await settle(produce.clock, errorOf(produce.producer.commitTransaction()))).to.equal('PRODUCER_FENCED')
      expect(() => append(produce.producer, 0, 'x')).to.throw('PRODUCER_FENCED')
      expect(await errorOf(produce.producer.abortTransaction())).to.equal('PRODUCER_FENCED')
      const end = await open()
      end.connection.on('EndTxn', () => ({ throttleTimeMs: 0, errorCode: codeOf(name) }))
      append(end.producer, 0, 'x')
      expect(await settle(end.clock, errorOf(end.producer.commitTransaction()))).to.equal('PRODUCER_FENCED')
      const offsets = await open()
      offsets.connection.on('AddOffsetsToTxn', () => ({ throttleTimeMs: 0, errorCode: codeOf(name) }))
      const one = { topic: 't', partition: 0, offset: 5, leaderEpoch: 2, metadata: 'm' }
      const member = { memberId: 'm', generationId: 3, groupInstanceId: null }
      expect(await settle(offsets.clock, errorOf(offsets.producer.sendOffsets('g', [one], member)))).to.equal(
        'PRODUCER_FENCED',
      )
      await Promise.all([produce, end, offsets].map((each) => each.producer.close()))
    })
  }

  it('throws from flush when a batch was refused while another was still open', async () => {
    const { producer, connection, log, clock } = await open({ batchBytes: 200 })
    connection.on('Produce', (body) => log.produce(body, () => 'MESSAGE_TOO_LARGE'))
    append(producer, 0, 'x'.repeat(500))
    append(producer, 0, 'still open')
    await clock.pass(100)
    expect(await settle(clock, errorOf(producer.flush()))).to.equal('RECORD_TOO_LARGE')
    await settle(clock, producer.abortTransaction())
    producer.beginTransaction()
    connection.on('Produce', (body) => log.produce(body))
    append(producer, 0, 'y')
    await settle(clock, producer.commitTransaction())
    expect(log.recordsIn('t-0')).to.equal(1)
    await producer.close()
  })

  it('aborts: forgets what was not sent, and goes on under the same epoch', async () => {
    const { producer, connection, log } = await open()
    append(producer, 0, 'x')
    await producer.flush()
    append(producer, 1, 'never sent')
    const waiting = errorOf(producer.send({ topic: 't', partition: 2, value: 'never sent' }))
    await Promise.resolve()
    await producer.abortTransaction()
    expect(await waiting).to.equal('TRANSACTION_ABORTED')
    expect(connection.bodies('EndTxn').map((body) => body.committed)).to.deep.equal([false])
    expect(connection.count('InitProducerId')).to.equal(1)
    expect(log.recordsIn('t-1') + log.recordsIn('t-2')).to.equal(0)
    producer.beginTransaction()
    append(producer, 0, 'x')
    await producer.commitTransaction()
    expect(log.batches.map((batch) => [batch.sequence, batch.epoch])).to.deep.equal([
      [0, 0],
      [1, 0],
    ])
    await producer.close()
  })

  it('raises its epoch after an abort that left a batch with unknown fate', async () => {
    const { producer, connection, log, clock } = await open()
    connection.on('Produce', (body, call) => log.produce(body, () => (call === 1 ? 'MESSAGE_TOO_LARGE' : 'NONE')))
    append(producer, 0, 'x')
    expect(await settle(clock, errorOf(producer.flush()))).to.equal('RECORD_TOO_LARGE')
    expect(() => append(producer, 0, 'x')).to.throw('RECORD_TOO_LARGE')
    expect(await settle(clock, errorOf(producer.commitTransaction()))).to.equal('RECORD_TOO_LARGE')
    await settle(clock, producer.abortTransaction())
    expect(connection.bodies('InitProducerId')[1]).to.include({ producerId: 7, producerEpoch: 0 })
    producer.beginTransaction()
    append(producer, 0, 'x')
    await producer.commitTransaction()
    expect(log.batches).to.deep.equal([{ at: 't-0', sequence: 0, count: 1, epoch: 1, baseOffset: 0 }])
    await producer.close()
  })

  it('does not wait for a batch that would be sent again, when a later one ends the transaction', async () => {
    const { producer, connection, log, clock } = await open({ batchBytes: 100 })
    append(producer, 0, 'x')
    await producer.flush()
    connection.on('Produce', (body, call) => (call === 2 ? lost() : log.produce(body, () => 'MESSAGE_TOO_LARGE')))
    append(producer, 0, 'lost on its way')
    append(producer, 0, 'y'.repeat(200))
    expect(await settle(clock, errorOf(producer.commitTransaction()))).to.equal('RECORD_TOO_LARGE')
    await settle(clock, producer.abortTransaction())
    expect(connection.count('InitProducerId')).to.equal(2)
    await producer.close()
  })

  it('sends offsets in one request, with generation, member and instance', async () => {
    const { producer, connection } = await open()
    const member = { memberId: 'm-1', generationId: 9, groupInstanceId: 'i-1' }
    await producer.sendOffsets(
      'g',
      [
        { topic: 't', partition: 0, offset: 5, leaderEpoch: 2, metadata: 'a' },
        { topic: 'u', partition: 1, offset: 6, leaderEpoch: -1, metadata: '' },
        { topic: 't', partition: 2, offset: 7, leaderEpoch: 2, metadata: 'b' },
      ],
      member,
    )
    await producer.commitTransaction()
    expect(connection.count('AddOffsetsToTxn')).to.equal(1)
    expect(connection.count('EndTxn')).to.equal(1)
    expect(connection.bodies('TxnOffsetCommit')).to.have.length(1)
    expect(connection.bodies('TxnOffsetCommit')[0]).to.deep.include({
      groupId: 'g',
      transactionalId: 'tx',
      ...member,
    })
    expect(connection.bodies('TxnOffsetCommit')[0]!.topics[0]).to.deep.equal({
      name: 't',
      partitions: [
        { partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: 2, committedMetadata: 'a' },
        { partitionIndex: 2, committedOffset: 7, committedLeaderEpoch: 2, committedMetadata: 'b' },
      ],
    })
    await producer.close()
  })

  for (const [name, code] of [
    ['UNKNOWN_MEMBER_ID', 'MEMBER_UNKNOWN'],
    ['ILLEGAL_GENERATION', 'MEMBER_UNKNOWN'],
    ['FENCED_INSTANCE_ID', 'INSTANCE_FENCED'],
    ['REBALANCE_IN_PROGRESS', 'REBALANCE_IN_PROGRESS'],
  ] as const) {
    it(`says ${code} when offsets are refused with ${name}, and can abort`, async () => {
      const { producer, connection } = await open()
      connection.on('TxnOffsetCommit', ({ topics }) => ({
        throttleTimeMs: 0,
        topics: topics.map((topic) => ({
          name: topic.name,
          partitions: topic.partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: codeOf(name) })),
        })),
      }))
      const one = { topic: 't', partition: 0, offset: 5, leaderEpoch: 2, metadata: 'm' }
      const member = { memberId: 'm', generationId: 3, groupInstanceId: null }
      expect(await errorOf(producer.sendOffsets('g', [one], member))).to.equal(code)
      expect(await errorOf(producer.commitTransaction())).to.equal(code)
      await producer.abortTransaction()
      producer.beginTransaction()
      await producer.close()
    })
  }

  it('refuses what does not belong to its state', async () => {
    const { producer, clock } = world({ transactionalId: 'tx' })
    expect(() => append(producer, 0, 'x')).to.throw('TRANSACTION_STATE_INVALID')
    expect(() => producer.beginTransaction()).to.throw('TRANSACTION_STATE_INVALID')
    await settle(clock, producer.initTransactions())
    expect(() => append(producer, 0, 'x')).to.throw('TRANSACTION_STATE_INVALID')
    expect(await errorOf(producer.commitTransaction())).to.equal('TRANSACTION_STATE_INVALID')
    expect(await errorOf(producer.abortTransaction())).to.equal('TRANSACTION_STATE_INVALID')
    expect(await errorOf(producer.initTransactions())).to.equal('TRANSACTION_STATE_INVALID')
    await producer.close()
    const plain = world()
    expect(() => plain.producer.beginTransaction()).to.throw('TRANSACTION_STATE_INVALID')
    expect(() => new Producer(plain.connection, { transactionalId: 'tx', acks: 1 })).to.throw('CONFIG_INVALID')
    await plain.producer.close()
  })

  it('aborts what is open when it is closed', async () => {
    const { producer, connection } = await open()
    append(producer, 0, 'x')
    await producer.flush()
    await producer.close()
    expect(connection.bodies('EndTxn').map((body) => body.committed)).to.deep.equal([false])
  })
})
