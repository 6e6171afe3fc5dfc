import { expect } from 'chai'
import { type CrashPoint, observeCrashPoints } from '../../src/base/crash-points.ts'
import type { Files } from '../../src/base/files.ts'
import { SeededRandom } from '../../src/base/random.ts'
import { removeJournal } from '../../src/log/journal-replay.ts'
import { batchSize, lastOffsetOf } from '../../src/records/batch-format.ts'
import { Fixture, type TestProducer } from './fixture.ts'

function logOf(partition: string): string {
  return `/data/log/${partition}/00000000000000000000.log`
}

/** Takes the end of a partition away, as a power cut does: batches from this offset on, and what the journal holds. */
function lose(disk: Files, partition: string, fromOffset: number): void {
  removeJournal(disk, '/data/log')
  const bytes = disk.read(logOf(partition))
  let at = 0
  while (at < bytes.length && lastOffsetOf(bytes, at) < fromOffset) at += batchSize(bytes, at)
  const file = disk.open(logOf(partition), 'write')
  file.truncate(at)
  file.close()
}

function endOf(disk: Files, partition: string): number {
  const bytes = disk.read(logOf(partition))
  let end = 0
  for (let at = 0; at < bytes.length; at += batchSize(bytes, at)) end = lastOffsetOf(bytes, at) + 1
  return end
}

describe('Transactions after a crash', () => {
  let broker: Fixture
  let producer: TestProducer
  beforeEach(async () => {
    broker = await Fixture.open()
    await broker.createTopic('t', 2)
    await broker.createTopic('in')
    producer = await broker.init('tx')
  })
  afterEach(() => broker.close())

  async function fill(value: string): Promise<void> {
    await broker.send(producer, 't', 0, [value])
    await broker.send(producer, 't', 1, [value])
    await broker.addOffsets(producer, 'g')
    await broker.sendOffset(producer, 'g', 'in', 0, 7)
  }

  /** Dies the n-th time the point is reached, and goes on from what the operating system had, or what `spoil` leaves of it. */
  async function dieAt(point: CrashPoint, times = 1, spoil: (disk: Files) => void = () => {}): Promise<void> {
    let left = times
    const stop = observeCrashPoints((reached) => {
      if (reached === point && --left === 0) throw new Error('died')
    })
    const outcome = await broker.end(producer, true).catch((error: Error) => error.message)
    stop()
    expect(outcome).to.equal('died')
    await broker.crash(spoil)
  }

  async function expectCommitted(value: string): Promise<void> {
    expect(await broker.committedValues('t', 0)).to.deep.equal([value])
    expect(await broker.committedValues('t', 1)).to.deep.equal([value])
    expect(await broker.committedOffset('g', 'in', 0, true)).to.equal(7)
  }

  async function expectAborted(): Promise<void> {
    await broker.produce('t', 0, ['after'])
    expect(await broker.committedValues('t', 0)).to.deep.equal(['after'])
    expect(await broker.committedOffset('g', 'in', 0, true)).to.equal(-1)
  }

  /** The transactional id is usable, with a higher epoch. */
  async function expectUsable(): Promise<void> {
    const next = await broker.init('tx')
    expect(next.error).to.equal('NONE')
    expect(next.producerEpoch).to.be.greaterThan(producer.producerEpoch)
    await broker.send(next, 't', 0, ['next'])
    expect(await broker.end(next, true)).to.equal('NONE')
    expect((await broker.committedValues('t', 0)).at(-1)).to.equal('next')
  }

  it('an empty one: nothing to do', async () => {
    await broker.crash()
    expect(await broker.end(producer, true)).to.equal('INVALID_TXN_STATE')
    await expectUsable()
  })

  it('an open one is aborted, and its producer fenced: what it was told may be lost', async () => {
    await fill('a')
    await broker.crash()
    expect(await broker.end(producer, true)).to.equal('PRODUCER_FENCED')
    await expectAborted()
    await expectUsable()
  })

  for (const [which, offset] of [
    ['all', 4],
    ['the first', 2],
  ] as const) {
    it(`an open one is aborted also when ${which} of its records were deleted before a checkpoint`, async () => {
      await broker.produce('t', 0, ['before'])
      await broker.send(producer, 't', 0, ['a'])
      await broker.produce('t', 0, ['between'])
      await broker.send(producer, 't', 0, ['b'])
      const topics = [{ name: 't', partitions: [{ partitionIndex: 0, offset }] }]
      await broker.request('DeleteRecords', { topics, timeoutMs: 1000 })
      // Which checkpoints.
      await broker.deleteTopic('in')
      await broker.crash()
      expect(await broker.listOffset('t', 0, -2)).to.equal(offset)
      await broker.produce('t', 0, ['after'])
      const values = await broker.values('t', 0, { committed: true }, offset)
      expect(values).to.deep.equal(which === 'all' ? ['after'] : ['between', 'after'])
      expect(await broker.listOffset('t', 0, -1, true)).to.equal(await broker.listOffset('t', 0, -1))
      expect((await broker.init('tx')).error).to.equal('NONE')
    })
  }

  it('an open one goes on after a clean stop, with the time it has left', async () => {
    await fill('a')
    await broker.clock.pass(9_000)
    await broker.reopen()
    await broker.send(producer, 't', 0, ['b'])
    expect(await broker.end(producer, true)).to.equal('NONE')
    expect(await broker.committedValues('t', 0)).to.deep.equal(['a', 'b'])
    await fill('c')
    await broker.reopen()
    await broker.clock.pass(10_000)
    expect(await broker.end(producer, true)).to.equal('PRODUCER_FENCED')
  })

  it('before PREPARE_COMMIT: aborted', async () => {
    await fill('a')
    await dieAt('transaction.prepare.enter')
    await expectAborted()
    await expectUsable()
  })

  it('after PREPARE_COMMIT: committed', async () => {
    await fill('a')
    await dieAt('transaction.prepare.leave')
    await expectCommitted('a')
    await expectUsable()
  })

  describe('with PREPARE_COMMIT on the disk', () => {
    it('and not all records: aborted everywhere, its producer fenced', async () => {
      await fill('a')
      await dieAt('transaction.prepare.leave', 1, (disk) => lose(disk, 't-1', 0))
      expect(await broker.end(producer, true)).to.equal('PRODUCER_FENCED')
      await expectAborted()
      expect(await broker.committedValues('t', 1)).to.deep.equal([])
      await expectUsable()
    })

    it('and not its offsets: aborted', async () => {
      await fill('a')
      await dieAt('transaction.prepare.leave', 1, (disk) => lose(disk, '__consumer_offsets-0', 0))
      await expectAborted()
      await expectUsable()
    })

    it('and not the input that its offsets point behind: aborted', async () => {
      await broker.produce('in', 0, ['x', 'y'])
      await fill('a')
      await dieAt('transaction.prepare.leave', 1, (disk) => lose(disk, 'in-0', 0))
      await expectAborted()
      await expectUsable()
    })

    it('and the marker of the transaction before not: both committed', async () => {
      await fill('a')
      await broker.end(producer, true)
      await broker.send(producer, 't', 0, ['b'])
      await dieAt('transaction.prepare.leave', 1, (disk) => lose(disk, 't-1', 1))
      expect(await broker.committedValues('t', 0)).to.deep.equal(['a', 'b'])
      expect(await broker.committedValues('t', 1)).to.deep.equal(['a'])
      await expectUsable()
    })

    for (const seed of [1, 2, 3, 4, 5, 6]) {
      it(`and not all records: aborted for good, the next start does not ask the logs again (${seed})`, async () => {
        await fill('a')
        await dieAt('transaction.prepare.leave', 1, (disk) => lose(disk, 't-1', 0))
        await broker.produce('t', 1, ['b', 'c'])
        const after = await Fixture.open({}, broker.disk.cut(new SeededRandom(seed)))
        expect(await after.committedValues('t', 0)).to.deep.equal([])
        expect(await after.committedValues('t', 1)).to.deep.equal(['b', 'c'])
        expect(await after.committedOffset('g', 'in', 0, true)).to.equal(-1)
        await after.close()
      })
    }
  })

  it('before the first marker, between two, after the last: committed', async () => {
    await fill('a')
    await dieAt('transaction.markers.enter')
    await expectCommitted('a')
  })

  it('between two markers: committed everywhere', async () => {
    await fill('a')
    await dieAt('transaction.markers.between', 2)
    await expectCommitted('a')
    await expectUsable()
  })

  it('after the last marker: committed, and no marker is written twice', async () => {
    await fill('a')
    await dieAt('transaction.markers.leave')
    await expectCommitted('a')
    expect((await broker.fetch('t', 0, 0)).highWatermark).to.equal(2)
    await expectUsable()
  })

  it('when it was complete: as it was', async () => {
    await fill('a')
    await dieAt('transaction.complete.leave')
    await expectCommitted('a')
    expect(await broker.end(producer, true)).to.equal('NONE')
    await expectUsable()
  })

  it('an abort that was decided is finished', async () => {
    await fill('a')
    const stop = observeCrashPoints((reached) => {
      if (reached === 'transaction.markers.between') throw new Error('died')
    })
    await broker.end(producer, false).catch(() => {})
    stop()
    await broker.crash()
    await expectAborted()
    await expectUsable()
  })

  describe('that took what was not synced', () => {
    it('writes a lost commit marker again', async () => {
      await fill('a')
      await broker.end(producer, true)
      await broker.crash((disk) => {
        lose(disk, 't-0', 1)
        lose(disk, '__consumer_offsets-0', 1)
      })
      await expectCommitted('a')
      await expectUsable()
    })

    it('writes it again although the next transaction of the producer had begun there', async () => {
      await fill('a')
      await broker.end(producer, true)
      await broker.send(producer, 't', 0, ['b'])
      await broker.crash((disk) => lose(disk, 't-0', 1))
      await expectCommitted('a')
      await expectUsable()
    })

    it('does not let it commit the next transaction, whose beginning was lost', async () => {
      await fill('a')
      const state = endOf(broker.disk, '__transaction_state-0')
      await broker.end(producer, true)
      await broker.send(producer, 't', 0, ['b'])
      // PREPARE_COMMIT was synced and is there, COMPLETE_COMMIT and the new beginning are not; t-0 has everything.
      await broker.crash((disk) => lose(disk, '__transaction_state-0', state + 1))
      await expectCommitted('a')
      await expectUsable()
    })

    it('aborts a transaction of which only the records are left', async () => {
      const state = endOf(broker.disk, '__transaction_state-0')
      await fill('a')
      await broker.crash((disk) => lose(disk, '__transaction_state-0', state))
      await expectAborted()
      await expectUsable()
    })

    describe('or even what was synced', () => {
      const told = (): string => {
        const troubles: string[] = []
        broker.broker.listen((trouble) => troubles.push(trouble))()
        return troubles.filter((trouble) => trouble.includes('LOG_CORRUPT')).join()
      }

      for (const [name, values] of [
        ['with records there', ['b']],
        ['that wrote elsewhere only', []],
      ] as const) {
        it(`commits no aborted transaction by the marker of a later one ${name}`, async () => {
          await fill('a')
          await broker.end(producer, false)
          await broker.produce('t', 0, ['synced'])
          await broker.send(producer, 't', 1, ['c'])
          await broker.join(producer, 't', 0)
          for (const value of values) await broker.send(producer, 't', 0, [value])
          expect(await broker.end(producer, true)).to.equal('NONE')
          await broker.crash((disk) => lose(disk, 't-0', 1))
          await broker.produce('t', 0, ['after'])
          expect(await broker.committedValues('t', 0)).to.deep.equal(['after'])
          expect(told()).to.match(/t-0 ends at offset 1, .*synced/)
          await expectUsable()
        })
      }

      it('tells it when a committed transaction is gone as a whole', async () => {
        await broker.produce('t', 0, ['before'])
        await broker.send(producer, 't', 0, ['b'])
        expect(await broker.end(producer, true)).to.equal('NONE')
        await broker.crash((disk) => lose(disk, 't-0', 1))
        expect(await broker.committedValues('t', 0)).to.deep.equal(['before'])
        expect(told()).to.match(/t-0 ends at offset 1, .* from offset 1 on/)
      })

      it('tells nothing when only aborts are gone: nothing was synced for them', async () => {
        await fill('a')
        await broker.end(producer, false)
        await fill('b')
        await broker.end(producer, false)
        await broker.crash((disk) => lose(disk, 't-0', 1))
        expect(told()).to.equal('')
        await expectAborted()
        await expectUsable()
      })

      it('does not take a topic of the same name for the one that was written', async () => {
        await broker.produce('t', 0, ['before'])
        await broker.send(producer, 't', 0, ['b'])
        expect(await broker.end(producer, true)).to.equal('NONE')
        await broker.deleteTopic('t')
        await broker.createTopic('t')
        await broker.crash()
        expect(told()).to.equal('')
      })
    })

    it('keeps a commit when its marker was lost twice', async () => {
      await fill('a')
      await broker.end(producer, true)
      await broker.crash((disk) => lose(disk, 't-0', 1))
      await broker.crash((disk) => lose(disk, 't-0', 1))
      await expectCommitted('a')
    })

    it('aborts anew what was aborted, also behind a commit', async () => {
      await fill('a')
      await broker.end(producer, true)
      await broker.send(producer, 't', 0, ['b'])
      await broker.end(producer, false)
      await broker.crash((disk) => lose(disk, 't-0', 3))
      await expectCommitted('a')
      await broker.produce('t', 0, ['after'])
      expect(await broker.committedValues('t', 0)).to.deep.equal(['a', 'after'])
    })
  })
})
