import { expect } from 'chai'
import { AssertionError } from '../../../src/base/assert.ts'
import { StreamError } from '../../../src/base/errors.ts'
import type { StateStore } from '../../../src/processor/state-store.ts'
import { string } from '../../../src/serdes/index.ts'
import { TopologyBuilder } from '../../../src/topology/topology-builder.ts'
import { fetched, forever, forward, line, processor, startTask, thrownBy } from './fixture.ts'

/** All that a task looks at while it processes. */
const fullStore = { name: 'full', dirtyEntries: 1000, dirtyBytes: 1 } as StateStore

describe('Task', () => {
  it('takes up the record with the lowest timestamp among its partitions', () => {
    const { task, collector } = startTask({ topology: line(forward, { topics: ['A', 'B'] }) })
    task.add('A', 0, fetched(0, ['a', '1', 10], ['a', '2', 30]))
    task.add('B', 0, fetched(0, ['b', '1', 5], ['b', '2', 20], ['b', '3', 25]))
    expect(task.process(forever)).to.equal(5)
    expect(collector.sent).to.deep.equal(['O: b=1@5', 'O: a=1@10', 'O: b=2@20', 'O: b=3@25', 'O: a=2@30'])
  })

  it('takes turns between partitions whose heads are equally old', () => {
    const { task, collector } = startTask({ topology: line(forward, { topics: ['A', 'B'] }) })
    task.add('A', 0, fetched(0, ['a', '1', 7], ['a', '2', 7]))
    task.add('B', 0, fetched(0, ['b', '1', 7], ['b', '2', 7]))
    task.process(forever)
    expect(collector.sent.map((text) => text.slice(3, 6))).to.deep.equal(['a=1', 'b=1', 'a=2', 'b=2'])
  })

  it('keeps the order of a partition when its timestamps go back', () => {
    const { task, collector } = startTask({ topology: line(forward) })
    task.add('S', 0, fetched(0, ['a', '1', 9], ['a', '2', 4]))
    task.process(forever)
    expect(collector.sent).to.deep.equal(['O: a=1@9', 'O: a=2@4'])
    expect(task.moment.streamTimeMs).to.equal(9)
  })

  it('waits for a partition of which it does not know how far behind it is', () => {
    const lags = new Map<string, number | null>([['A', 0]])
    const { task } = startTask({ topology: line(forward, { topics: ['A', 'B'] }), lags })
    task.add('A', 0, fetched(0, ['a', '1', 1]))
    expect(task.process(forever)).to.equal(0)
    lags.set('B', 4)
    expect(task.process(forever)).to.equal(0)
    lags.set('B', 0)
    expect(task.process(forever)).to.equal(1)
  })

  it('waits maxTaskIdleMs for a partition that is caught up', () => {
    const { task, clock } = startTask({ topology: line(forward, { topics: ['A', 'B'] }), maxTaskIdleMs: 50 })
    task.add('A', 0, fetched(0, ['a', '1', 1]))
    expect(task.process(forever)).to.equal(0)
    clock.advance(49)
    expect(task.process(forever)).to.equal(0)
    clock.advance(1)
    expect(task.process(forever)).to.equal(1)
  })

  it('waits maxTaskIdleMs anew for a partition that had a record meanwhile', () => {
    const { task, clock } = startTask({ topology: line(forward, { topics: ['A', 'B'] }), maxTaskIdleMs: 50 })
    task.add('A', 0, fetched(0, ['a', '2', 2]))
    expect([task.process(forever), task.hasReady()]).to.deep.equal([0, false])
    clock.advance(40)
    task.add('B', 0, fetched(0, ['b', '1', 1]))
    expect(task.hasReady()).to.equal(true)
    expect(task.process(forever)).to.equal(1)
    clock.advance(49)
    expect([task.process(forever), task.hasReady()]).to.deep.equal([0, false])
    clock.advance(1)
    expect(task.hasReady()).to.equal(true)
    expect(task.process(forever)).to.equal(1)
  })

  it('never waits with maxTaskIdleMs -1', () => {
    const topology = line(forward, { topics: ['A', 'B'] })
    const { task } = startTask({ topology, maxTaskIdleMs: -1, lags: new Map() })
    task.add('A', 0, fetched(0, ['a', '1', 1]))
    expect(task.process(forever)).to.equal(1)
  })

  it('stops after the record at hand when its collector is full', () => {
    const { task, collector } = startTask({ topology: line(forward) })
    task.add('S', 0, fetched(0, ['a', '1', 1], ['a', '2', 2]))
    collector.full = true
    expect(task.process(forever)).to.equal(1)
    collector.full = false
    expect(task.process(forever)).to.equal(1)
  })

  it('asks for a commit when the generation of dirty entries is full', () => {
    const { task } = startTask({ topology: line(forward), stores: new Map([['full', fullStore]]) })
    const many = Array.from({ length: 200 }, (_, at): [string, string, number] => ['a', 'x', at])
    task.add('S', 0, fetched(0, ...many))
    expect(task.process(forever)).to.equal(64)
    expect(task.commitRequested).to.equal(true)
    task.takeOffsets()
    expect(task.commitRequested).to.equal(false)
  })

  it('says where each partition continues, and with which times', () => {
    const step = processor((record, context) => context.saveStreamTime(record.timestamp))
    const { task } = startTask({ topology: line(step) })
    task.add('S', 0, fetched(10, ['a', '1', 5], ['a', '2', 3], ['a', '3', 8]))
    task.process(-1)
    expect(task.needsCommit).to.equal(true)
    const [offset] = task.takeOffsets()
    expect(offset).to.deep.include({ topic: 'S', partition: 0, offset: 13, leaderEpoch: 3 })
    expect(offset!.metadata.partitionTimeMs).to.equal(8)
    expect([...offset!.metadata.streamTimesMs]).to.deep.equal([['step', 8]])
    expect(task.needsCommit).to.equal(false)
  })

  it('commits the offset of the next record, not of what was only fetched', async () => {
    const { task, collector } = startTask({ topology: line(forward) })
    task.add('S', 0, fetched(10, ['a', '1', 5], ['a', '2', 6], ['a', '3', 8]))
    collector.full = true
    task.process(forever)
    await task.flush()
    expect(task.takeOffsets()[0]!.offset).to.equal(11)
  })

  it('moves on over markers and aborted records, which nobody sees', () => {
    const { task } = startTask({ topology: line(forward) })
    task.add('S', 0, { buffer: Buffer.alloc(0), batches: [], firstOffset: 0, nextOffset: 4 })
    expect(task.needsCommit).to.equal(true)
    expect(task.takeOffsets()[0]!.offset).to.equal(4)
  })

  it('gives its operators back the stream times of the last commit', () => {
    const saved: number[] = []
    const step = processor(
      () => {},
      (context) => saved.push(context.savedStreamTimeMs(), context.currentStreamTimeMs()),
    )
    startTask({
      topology: line(step),
      metadata: {
        partitionTimeMs: 40,
        streamTimesMs: new Map([
          ['step', 30],
          ['gone', 50],
        ]),
      },
    })
    expect(saved).to.deep.equal([30, 40])
  })

  it('tells a processor where its record came from', () => {
    const places: string[] = []
    const step = processor((_, context) => {
      const { topic, partition, offset } = context.recordMetadata()!
      places.push(`${topic}-${partition}@${offset} ${context.taskId} ${context.currentStreamTimeMs()}`)
    })
    const { task } = startTask({ topology: line(step) })
    task.add('S', 0, fetched(5, ['a', '1', 5], ['a', '2', 3]))
    task.process(forever)
    expect(places).to.deep.equal(['S-0@5 0_0 5', 'S-0@6 0_0 5'])
  })

  it('forwards to all children in order, or to the one that is named', () => {
    const builder = new TopologyBuilder()
      .addSource('source', { topics: ['S'], keySerde: string, valueSerde: string })
      .addProcessor(
        'step',
        { get: processor((record, context) => context.forward(record, record.value === 'one' ? 'second' : undefined)) },
        ['source'],
      )
      .addSink('first', { topic: '1', keySerde: string, valueSerde: string }, ['step'])
      .addSink('second', { topic: '2', keySerde: string, valueSerde: string }, ['step'])
    const { task, collector } = startTask({ topology: builder })
    task.add('S', 0, fetched(0, ['a', 'all', 1], ['a', 'one', 2]))
    task.process(forever)
    expect(collector.sent).to.deep.equal(['1: a=all@1', '2: a=all@1', '2: a=one@2'])
  })
})

describe('punctuation of a task', () => {
  it('follows stream time: at the first record, then at multiples of the interval, once after a gap', () => {
    const times: number[] = []
    const step = processor(
      () => {},
      (context) => context.schedule(5, 'streamTime', (timeMs) => void times.push(timeMs)),
    )
    const { task } = startTask({ topology: line(step) })
    task.add('S', 0, fetched(0, ...[5, 7, 10, 47, 48, 50].map((ms): [string, string, number] => ['a', 'x', ms])))
    task.process(forever)
    expect(times).to.deep.equal([5, 10, 47, 50])
  })

  it('follows the wall clock: first after one interval', async () => {
    const times: number[] = []
    const step = processor(
      () => {},
      (context) => context.schedule(10, 'wallClock', (timeMs) => void times.push(timeMs)),
    )
    const { task, clock } = startTask({ topology: line(step) })
    expect(await task.punctuate()).to.equal(false)
    clock.advance(10)
    expect(await task.punctuate()).to.equal(true)
    clock.advance(35)
    await task.punctuate()
    expect(times).to.deep.equal([10, 45])
    expect(task.wallPunctuationDueMs).to.equal(50)
  })

  it('stops when it is cancelled, also by itself', async () => {
    let calls = 0
    const step = processor(
      () => {},
      (context) => {
        const schedule = context.schedule(10, 'wallClock', () => {
          calls++
          schedule.cancel()
        })
      },
    )
    const { task, clock } = startTask({ topology: line(step) })
    clock.advance(100)
    await task.punctuate()
    clock.advance(100)
    await task.punctuate()
    expect(calls).to.equal(1)
  })

  it('sends a dead letter without a record when it throws', () => {
    const step = processor(
      () => {},
      (context) =>
        context.schedule(5, 'streamTime', () => {
          throw new Error('no')
        }),
    )
    const { task, collector } = startTask({ topology: line(step), onError: { process: { deadLetter: 'D' } } })
    task.add('S', 0, fetched(0, ['a', 'x', 5]))
    task.process(forever)
    const [letter] = collector.letters
    expect(letter).to.deep.include({ topic: 'D', key: null, value: null, timestampMs: 5 })
    expect(letter!.headers).to.include.members(['__streams.errors.topic=null', '__streams.errors.partition=-1'])
  })
})

describe('a record that cannot be processed', () => {
  const failing = processor((record, context) => {
    context.forward(record)
    if (record.value === 'x') throw new Error('thrown')
  })

  it('fails the task, naming node and place, with its cause', () => {
    const { task } = startTask({ topology: line(failing) })
    task.add('S', 0, fetched(7, ['a', '1', 1], ['a', 'x', 2]))
    const error = thrownBy(() => task.process(forever))
    expect(StreamError.is(error, 'RECORD_FAILED')).to.equal(true)
    expect((error as Error).message)
      .to.include('step')
      .and.to.include('S-0@8')
    expect((error as Error).cause).to.have.property('message', 'thrown')
  })

  it('is skipped and counted, and what was sent before stays sent', () => {
    const { task, collector, dropped } = startTask({ topology: line(failing), onError: { process: 'skip' } })
    task.add('S', 0, fetched(7, ['a', '1', 1], ['a', 'x', 2], ['a', '3', 3]))
    task.process(forever)
    expect(collector.sent).to.deep.equal(['O: a=1@1', 'O: a=x@2', 'O: a=3@3'])
    expect(task.drops.total).to.equal(1)
    expect(dropped[0]).to.deep.include({ node: 'step', reason: 'process-error', place: 'S-0@8', taskId: '0_0' })
  })

  it('goes to the dead-letter topic as it came, with its cause', () => {
    const { task, collector } = startTask({ topology: line(failing, { onError: { process: { deadLetter: 'D' } } }) })
    task.add('S', 0, fetched(7, ['a', 'x', 2], ['b', 'y', 3]))
    task.process(forever)
    const [letter] = collector.letters
    expect(letter).to.deep.include({ topic: 'D', key: 'a', value: 'x', timestampMs: 2 })
    expect(letter!.headers.map((header) => header.split('=')[0])).to.deep.equal(
      ['exception', 'message', 'stacktrace', 'topic', 'partition', 'offset'].map((name) => `__streams.errors.${name}`),
    )
    expect(letter!.headers).to.include.members([
      '__streams.errors.exception=Error',
      '__streams.errors.message=thrown',
      '__streams.errors.topic=S',
      '__streams.errors.partition=0',
      '__streams.errors.offset=7',
    ])
  })

  it('cannot be skipped by the node above the one that failed', () => {
    const builder = new TopologyBuilder()
      .addSource('source', { topics: ['S'], keySerde: string, valueSerde: string })
      .addProcessor('above', { get: forward }, ['source'], { onError: { process: 'skip' } })
      .addProcessor('below', { get: failing }, ['above'])
      .addSink('sink', { topic: 'O', keySerde: string, valueSerde: string }, ['below'])
    const { task } = startTask({ topology: builder })
    task.add('S', 0, fetched(0, ['a', 'x', 2]))
    expect(thrownBy(() => task.process(forever))).to.have.property('code', 'RECORD_FAILED')
  })

  it('ends the task even when the callback above swallows the error', () => {
    const builder = new TopologyBuilder()
      .addSource('source', { topics: ['S'], keySerde: string, valueSerde: string })
      .addProcessor(
        'above',
        {
          get: processor((record, context) => {
            try {
              context.forward(record)
            } catch {
              // what a careless user does
            }
          }),
        },
        ['source'],
      )
      .addProcessor('below', { get: failing }, ['above'])
      .addSink('sink', { topic: 'O', keySerde: string, valueSerde: string }, ['below'])
    const { task } = startTask({ topology: builder })
    task.add('S', 0, fetched(0, ['a', 'x', 2]))
    expect(thrownBy(() => task.process(forever))).to.have.property('code', 'RECORD_FAILED')
  })

  it('is never skipped when the error is an assertion or the disk', () => {
    for (const error of [new AssertionError('law'), new StreamError('DISK_FULL', 'full')]) {
      const step = processor(() => {
        throw error
      })
      const { task } = startTask({ topology: line(step), onError: { process: 'skip' } })
      task.add('S', 0, fetched(0, ['a', 'x', 2]))
      expect(thrownBy(() => task.process(forever))).to.equal(error)
    }
  })

  it('is left to onError.produce when the sink cannot write it', () => {
    const { task, collector } = startTask({ topology: line(forward), onError: { produce: { deadLetter: 'D' } } })
    task.add('S', 0, fetched(0, ['a', 'unwritable', 2], ['a', 'fine', 3]))
    task.process(forever)
    expect(collector.sent).to.deep.equal(['O: a=fine@3'])
    expect(collector.letters[0]).to.deep.include({ key: 'a', value: 'unwritable' })
  })

  it('is told when it becomes the head, and still moves the offset when it is skipped', () => {
    const builder = new TopologyBuilder()
      .addSource('source', {
        topics: ['S'],
        keySerde: string,
        valueSerde: onlyDigits,
        onError: { deserialize: 'skip' },
      })
      .addSink('sink', { topic: 'O', keySerde: string, valueSerde: string }, ['source'])
    const { task, collector } = startTask({ topology: builder })
    task.add('S', 0, fetched(0, ['a', '1', 2], ['a', 'bad', 3]))
    expect(task.drops.total).to.equal(0)
    expect(task.process(forever)).to.equal(1)
    expect(task.drops.total).to.equal(1)
    expect(task.takeOffsets()[0]!.offset).to.equal(2)
    expect(collector.sent).to.deep.equal(['O: a=1@2'])
  })

  it('is refused with a negative timestamp, unless an extractor leaves it out', () => {
    const plain = startTask({ topology: line(forward), onError: { deserialize: 'skip' } })
    expect(thrownBy(() => plain.task.add('S', 0, fetched(0, ['a', '1', -1])))).to.have.property('code', 'RECORD_FAILED')
    const builder = new TopologyBuilder()
      .addSource('source', {
        topics: ['S'],
        keySerde: string,
        valueSerde: string,
        timestampExtractor: (record, partitionTimeMs) => (record.value === 'now' ? partitionTimeMs : record.timestamp),
      })
      .addSink('sink', { topic: 'O', keySerde: string, valueSerde: string }, ['source'])
    const { task, collector } = startTask({ topology: builder })
    task.add('S', 0, fetched(0, ['a', 'left out', -1], ['a', '1', 9], ['a', 'now', 4]))
    task.process(forever)
    expect(collector.sent).to.deep.equal(['O: a=1@9', 'O: a=now@9'])
    expect([...task.drops.byReason]).to.deep.equal([['negative-timestamp', 1]])
  })

  it('may not be forwarded before 1970, nor to a child that is not there', () => {
    const step = processor((record, context) => context.forward(record.withTimestamp(-5)))
    const lost = processor((record, context) => context.forward(record, 'nobody'))
    for (const each of [step, lost]) {
      const { task } = startTask({ topology: line(each), onError: { process: 'skip' } })
      task.add('S', 0, fetched(0, ['a', '1', 9]))
      task.process(forever)
      expect(task.drops.total).to.equal(1)
    }
  })
})

const onlyDigits = {
  ...string,
  name: 'digits',
  encode: string.encode.bind(string),
  decode: (bytes: Buffer, start: number, end: number): string => {
    const text = bytes.toString('utf8', start, end)
    if (!/^\d+$/.test(text)) throw new StreamError('SERDE_FAILED', `${text} is no number`)
    return text
  },
}
