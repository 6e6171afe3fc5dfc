import { expect } from 'chai'
import { encodeTransaction } from '../../src/broker/transactions/transaction-records.ts'
import { codeToName } from '../../src/protocol/error-codes.ts'
import { batchOf, Fixture } from './fixture.ts'

describe('Transactions', () => {
  let broker: Fixture
  beforeEach(async () => {
    broker = await Fixture.open()
    await broker.createTopic('t', 2)
    await broker.createTopic('in')
  })
  afterEach(() => broker.close())

  it('become visible to read_committed when they commit, all at once', async () => {
    const producer = await broker.init('tx')
    await broker.send(producer, 't', 0, ['a'])
    await broker.send(producer, 't', 1, ['b'])
    expect(await broker.committedValues('t', 0)).to.deep.equal([])
    expect(await broker.values('t', 0)).to.deep.equal(['a'])
    expect(await broker.end(producer, true)).to.equal('NONE')
    expect(await broker.committedValues('t', 0)).to.deep.equal(['a'])
    expect(await broker.committedValues('t', 1)).to.deep.equal(['b'])
  })

  it('leave nothing behind for read_committed when they abort', async () => {
    const producer = await broker.init('tx')
    await broker.send(producer, 't', 0, ['a'])
    expect(await broker.end(producer, false)).to.equal('NONE')
    await broker.send(producer, 't', 0, ['b'])
    expect(await broker.end(producer, true)).to.equal('NONE')
    expect(await broker.committedValues('t', 0)).to.deep.equal(['b'])
    expect(await broker.values('t', 0)).to.deep.equal(['a', 'b'])
  })

  it('hold back what others wrote after them, until they end', async () => {
    const slow = await broker.init('slow')
    await broker.send(slow, 't', 0, ['slow'])
    await broker.produce('t', 0, ['plain'])
    expect(await broker.committedValues('t', 0)).to.deep.equal([])
    const waiting = broker.fetch('t', 0, 0, { committed: true, maxWaitMs: 60_000 })
    await broker.clock.pass(0)
    await broker.end(slow, true)
    expect((await waiting).lastStableOffset).to.equal(3)
    expect(await broker.committedValues('t', 0)).to.deep.equal(['slow', 'plain'])
  })

  it('take nothing for partitions that have not joined', async () => {
    const producer = await broker.init('tx')
    expect(await broker.write(producer, 't', 0, ['a'])).to.equal('INVALID_TXN_STATE')
    await broker.join(producer, 't', 0)
    expect(await broker.write(producer, 't', 1, ['a'])).to.equal('INVALID_TXN_STATE')
    await broker.end(producer, true)
    expect(await broker.write(producer, 't', 0, ['a'])).to.equal('INVALID_TXN_STATE')
  })

  it('take nothing from a producer id that has no transactional id', async () => {
    const header = { producerId: 999_999, producerEpoch: 0, baseSequence: 0, transactional: true }
    expect((await broker.append('t', 0, batchOf(['a'], header))).error).to.equal('INVALID_PRODUCER_ID_MAPPING')
  })

  it('answer EndTxn the same when it is asked again, and refuse the opposite', async () => {
    const producer = await broker.init('tx')
    await broker.send(producer, 't', 0, ['a'])
    expect(await broker.end(producer, true)).to.equal('NONE')
    expect(await broker.end(producer, true)).to.equal('NONE')
    expect(await broker.end(producer, false)).to.equal('INVALID_TXN_STATE')
    await broker.send(producer, 't', 0, ['b'])
    expect(await broker.end(producer, false)).to.equal('NONE')
    expect(await broker.end(producer, false)).to.equal('NONE')
    expect(await broker.end(producer, true)).to.equal('INVALID_TXN_STATE')
  })

  it('cannot end before they began', async () => {
    const producer = await broker.init('tx')
    expect(await broker.end(producer, true)).to.equal('INVALID_TXN_STATE')
  })

  it('wait for each other: what is asked while one commits is answered after it', async () => {
    const producer = await broker.init('tx')
    await broker.send(producer, 't', 0, ['a'])
    const [ended, joined, fenced] = await Promise.all([
      broker.end(producer, true),
      broker.join(producer, 't', 1),
      broker.init('tx'),
    ])
    expect([ended, joined, fenced.error]).to.deep.equal(['NONE', 'NONE', 'NONE'])
    expect(fenced.producerEpoch).to.be.greaterThan(producer.producerEpoch)
    expect(await broker.committedValues('t', 0)).to.deep.equal(['a'])
  })

  it('refuse unknown partitions, and then no partition joins', async () => {
    const producer = await broker.init('tx')
    const { resultsByTopicV3AndBelow: results } = await broker.request('AddPartitionsToTxn', {
      v3AndBelowTransactionalId: 'tx',
      v3AndBelowProducerId: producer.producerId,
      v3AndBelowProducerEpoch: producer.producerEpoch,
      v3AndBelowTopics: [
        { name: 't', partitions: [0] },
        { name: 'nope', partitions: [0] },
      ],
    })
    const errors = results.map(({ resultsByPartition }) => codeToName(resultsByPartition[0]!.partitionErrorCode))
    expect(errors).to.deep.equal(['OPERATION_NOT_ATTEMPTED', 'UNKNOWN_TOPIC_OR_PARTITION'])
    expect(await broker.write(producer, 't', 0, ['a'])).to.equal('INVALID_TXN_STATE')
  })

  describe('fencing', () => {
    it('ends the transaction of the former producer and keeps it out', async () => {
      const old = await broker.init('tx')
      await broker.send(old, 't', 0, ['old'])
      const next = await broker.init('tx')
      expect(next.producerId).to.equal(old.producerId)
      expect(next.producerEpoch).to.equal(old.producerEpoch + 2)
      expect(await broker.write(old, 't', 0, ['more'])).to.equal('INVALID_PRODUCER_EPOCH')
      expect(await broker.join(old, 't', 0)).to.equal('PRODUCER_FENCED')
      expect(await broker.end(old, true)).to.equal('PRODUCER_FENCED')
      expect(await broker.sendOffset(old, 'g', 'in', 0, 1)).to.equal('INVALID_PRODUCER_EPOCH')
      await broker.send(next, 't', 0, ['new'])
      await broker.end(next, true)
      expect(await broker.committedValues('t', 0)).to.deep.equal(['new'])
    })

    it('lets a producer raise its own epoch, and answers the same when its call is repeated', async () => {
      const first = await broker.init('tx')
      const second = await broker.init('tx', 10_000, first)
      expect(second).to.include({ error: 'NONE', producerEpoch: first.producerEpoch + 1 })
      const again = await broker.init('tx', 10_000, first)
      expect(again).to.include({ error: 'NONE', producerEpoch: second.producerEpoch })
      await broker.init('tx')
      expect((await broker.init('tx', 10_000, second)).error).to.equal('PRODUCER_FENCED')
    })

    for (const state of ['Empty', 'Ongoing'] as const) {
      it(`gives a new producer id when the epochs are used up, also ${state}`, async () => {
        const old = await broker.init('tx')
        const producerEpoch = 0x7fff - 1
        await broker.reopenWith('__transaction_state', {
          ...encodeTransaction({
            transactionalId: 'tx',
            producerId: old.producerId,
            producerEpoch,
            lastProducerEpoch: -1,
            timeoutMs: 10_000,
            state,
            partitions: new Map(state === 'Ongoing' ? [['t', new Set([0])]] : []),
            updatedAtMs: broker.clock.now(),
            startedAtMs: broker.clock.now(),
            unsettled: [],
            staged: null,
          }),
        })
        const next = await broker.init('tx')
        expect(next).to.include({ error: 'NONE', producerEpoch: 0 })
        expect(next.producerId).not.to.equal(old.producerId)
        expect(await broker.join({ ...old, producerEpoch }, 't', 0)).to.equal('INVALID_PRODUCER_ID_MAPPING')
        await broker.send(next, 't', 0, ['new'])
        expect(await broker.end(next, true)).to.equal('NONE')
        expect(await broker.committedValues('t', 0)).to.deep.equal(['new'])
      })
    }

    it('refuses time-outs out of range', async () => {
      expect((await broker.init('tx', 0)).error).to.equal('INVALID_TRANSACTION_TIMEOUT')
      expect((await broker.init('tx', 1e9)).error).to.equal('INVALID_TRANSACTION_TIMEOUT')
    })

    it('aborts a transaction whose time is over, and fences its producer', async () => {
      const producer = await broker.init('tx', 1000)
      await broker.send(producer, 't', 0, ['a'])
      await broker.produce('t', 0, ['plain'])
      await broker.clock.pass(999)
      expect(await broker.committedValues('t', 0)).to.deep.equal([])
      await broker.clock.pass(1)
      expect(await broker.committedValues('t', 0)).to.deep.equal(['plain'])
      expect(await broker.end(producer, true)).to.equal('PRODUCER_FENCED')
      expect(await broker.write(producer, 't', 0, ['b'])).to.equal('INVALID_PRODUCER_EPOCH')
    })

    it('does not time a transaction out that ended, or its successor too early', async () => {
      const producer = await broker.init('tx', 1000)
      await broker.send(producer, 't', 0, ['a'])
      await broker.clock.pass(900)
      await broker.end(producer, true)
      await broker.send(producer, 't', 0, ['b'])
      await broker.clock.pass(900)
      expect(await broker.end(producer, true)).to.equal('NONE')
      await broker.clock.pass(5000)
      expect(await broker.committedValues('t', 0)).to.deep.equal(['a', 'b'])
    })
  })

  describe('with offsets', () => {
    it('commit them together with what was written', async () => {
      await broker.produce('in', 0, ['1', '2'], 1)
      const producer = await broker.init('tx')
      await broker.send(producer, 't', 0, ['a'])
      expect(await broker.addOffsets(producer, 'g')).to.equal('NONE')
      expect(await broker.sendOffset(producer, 'g', 'in', 0, 2)).to.equal('NONE')
      expect(await broker.committedOffset('g', 'in', 0)).to.equal(-1)
      expect(await broker.committedOffset('g', 'in', 0, true)).to.equal('UNSTABLE_OFFSET_COMMIT')
      await broker.end(producer, true)
      expect(await broker.committedOffset('g', 'in', 0, true)).to.equal(2)
      await broker.crash()
      expect(await broker.committedOffset('g', 'in', 0, true)).to.equal(2)
    })

    it('do not undo a commit that came after them', async () => {
      const producer = await broker.init('tx')
      await broker.addOffsets(producer, 'g')
      await broker.sendOffset(producer, 'g', 'in', 0, 2)
      await broker.commitOffset('g', 'in', 0, 5)
      await broker.end(producer, true)
      expect(await broker.committedOffset('g', 'in', 0, true)).to.equal(5)
      await broker.crash()
      expect(await broker.committedOffset('g', 'in', 0, true)).to.equal(5)
    })

    it('forget them when they abort', async () => {
      const producer = await broker.init('tx')
      await broker.addOffsets(producer, 'g')
      await broker.sendOffset(producer, 'g', 'in', 0, 2)
      await broker.sendOffset(producer, 'g', 'in', 0, 3)
      await broker.end(producer, false)
      expect(await broker.committedOffset('g', 'in', 0, true)).to.equal(-1)
      await broker.crash()
      expect(await broker.committedOffset('g', 'in', 0, true)).to.equal(-1)
    })

    it('take no offsets before the group joined', async () => {
      const producer = await broker.init('tx')
      await broker.join(producer, 't', 0)
      expect(await broker.sendOffset(producer, 'g', 'in', 0, 2)).to.equal('INVALID_TXN_STATE')
    })

    it('take several offset commits, also many transactions in a row', async () => {
      const producer = await broker.init('tx')
      for (let round = 1; round <= 5; round++) {
        await broker.addOffsets(producer, 'g')
        expect(await broker.sendOffset(producer, 'g', 'in', 0, round)).to.equal('NONE')
        expect(await broker.sendOffset(producer, 'g', 't', 0, round)).to.equal('NONE')
        await broker.end(producer, true)
      }
      expect(await broker.committedOffset('g', 'in', 0, true)).to.equal(5)
      await broker.crash()
      expect(await broker.committedOffset('g', 't', 0, true)).to.equal(5)
    })

    it('refuse the offsets of a member that is not one any more', async () => {
      const producer = await broker.init('tx')
      await broker.addOffsets(producer, 'g')
      const zombie = { memberId: 'm', generationId: 3 }
      expect(await broker.sendOffset(producer, 'g', 'in', 0, 2, zombie)).to.equal('ILLEGAL_GENERATION')
      const request = {
        groupId: 'g',
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 10_000,
        memberId: '',
        groupInstanceId: 'i',
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
        reason: null,
      }
      const first = await broker.request('JoinGroup', request)
      await broker.request('SyncGroup', {
        groupId: 'g',
        generationId: first.generationId,
        memberId: first.memberId,
        groupInstanceId: 'i',
        protocolType: null,
        protocolName: null,
        assignments: [],
      })
      const second = await broker.request('JoinGroup', request)
      const { generationId } = second
      const claim = { memberId: first.memberId, generationId, groupInstanceId: 'i' }
      expect(await broker.sendOffset(producer, 'g', 'in', 0, 2, claim)).to.equal('FENCED_INSTANCE_ID')
      expect(await broker.sendOffset(producer, 'g', 'in', 0, 2, { ...claim, memberId: second.memberId })).to.equal(
        'NONE',
      )
      const later = { ...claim, memberId: second.memberId, generationId: generationId + 1 }
      expect(await broker.sendOffset(producer, 'g', 'in', 0, 2, later)).to.equal('ILLEGAL_GENERATION')
    })
  })
})
