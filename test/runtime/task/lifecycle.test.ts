import { expect } from 'chai'
import { StreamError } from '../../../src/base/errors.ts'
import { string } from '../../../src/serdes/index.ts'
import { TopologyBuilder } from '../../../src/topology/topology-builder.ts'
import { fetched, forever, line, processor, rejectionOf, startTask, thrownBy } from './fixture.ts'

describe('promises in a task', () => {
  it('are refused where the step was not declared async', () => {
    const step = processor(async () => {})
    const { task } = startTask({ topology: line(step), onError: { process: 'skip' } })
    task.add('S', 0, fetched(0, ['a', '1', 9]))
    const error = thrownBy(() => task.process(forever))
    expect(error).to.have.property('code', 'PROMISE_IN_SYNC_STEP')
    expect((error as Error).message).to.include('step')
  })

  it('are awaited one record at a time, the next record only after', async () => {
    const story: string[] = []
    const step = processor(async (record, context) => {
      story.push(`begin ${record.value}`)
      await new Promise((resolve) => setImmediate(resolve))
      story.push(`end ${record.value} at ${context.recordMetadata()!.offset}`)
      context.forward(record)
    })
    const { task, collector } = startTask({ topology: line(step, { async: true }) })
    task.add('S', 0, fetched(3, ['a', '1', 1], ['a', '2', 2]))
    expect(await task.processAsync(forever)).to.equal(2)
    expect(story).to.deep.equal(['begin 1', 'end 1 at 3', 'begin 2', 'end 2 at 4'])
    expect(collector.sent).to.deep.equal(['O: a=1@1', 'O: a=2@2'])
  })

  it('fail as their step says', async () => {
    const step = processor(async (record) => {
      if (record.value === 'x') throw new Error('later')
    })
    const failing = startTask({ topology: line(step, { async: true }) })
    failing.task.add('S', 0, fetched(0, ['a', 'x', 1]))
    expect(await rejectionOf(() => failing.task.processAsync(forever))).to.have.property('code', 'RECORD_FAILED')
    const skipping = startTask({ topology: line(step, { async: true }), onError: { process: { deadLetter: 'D' } } })
    skipping.task.add('S', 0, fetched(0, ['a', 'x', 1], ['a', 'y', 2]))
    await skipping.task.processAsync(forever)
    expect(skipping.collector.letters[0]).to.deep.include({ key: 'a', value: 'x', timestampMs: 1 })
  })

  it('of punctuators are awaited before anything else', async () => {
    const story: string[] = []
    const step = processor(
      async (record) => void story.push(`record ${record.value}`),
      (context) =>
        context.schedule(5, 'streamTime', async (timeMs) => {
          await new Promise((resolve) => setImmediate(resolve))
          story.push(`time ${timeMs}`)
        }),
    )
    const { task } = startTask({ topology: line(step, { async: true }) })
    task.add('S', 0, fetched(0, ['a', '1', 6], ['a', '2', 12]))
    await task.processAsync(forever)
    expect(story).to.deep.equal(['record 1', 'time 6', 'record 2', 'time 12'])
  })

  it('are no promises when an async step returns something else', async () => {
    const step = processor(() => 1 as never)
    const { task } = startTask({ topology: line(step, { async: true }) })
    task.add('S', 0, fetched(0, ['a', '1', 1], ['a', '2', 2]))
    expect(await task.processAsync(forever)).to.equal(2)
  })

  it('begin nothing when they come back after the task was closed', async () => {
    const story: string[] = []
    let comeBack = (): void => {}
    const first = () => ({
      ...processor(async (record, context) => {
        story.push(`${record.value}`)
        await new Promise<void>((resolve) => {
          comeBack = resolve
        })
        context.forward(record)
      })(),
      flush: () => void story.push('flush'),
    })
    const topology = line(first, { async: true })
    const waiting = processor((record) => void story.push(`${record.value} waits`))
    topology.addProcessor('next', { get: waiting, async: true }, ['step'])
    const { task } = startTask({ topology })
    task.add('S', 0, fetched(0, ['a', '1', 1], ['a', '2', 2]))
    const late = rejectionOf(() => task.processAsync(forever))
    task.close()
    comeBack()
    expect(await late).to.have.property('code', 'CLOSED')
    expect(story).to.deep.equal(['1'])
  })
})

describe('The end of a task', () => {
  it('reaches every processor that has begun, whatever another throws, and tells the first error', () => {
    const closed: string[] = []
    const builder = new TopologyBuilder().addSource('source', { topics: ['S'], keySerde: string, valueSerde: string })
    for (const name of ['one', 'two', 'three']) {
      const close = () => {
        closed.push(name)
        if (name !== 'three') throw new StreamError('TIMED_OUT', name)
      }
      builder.addProcessor(name, { get: () => ({ process: () => {}, close }) }, ['source'])
    }
    const { task } = startTask({ topology: builder })
    const error = thrownBy(() => task.close())
    expect(error).to.have.property('code', 'PROCESSOR_FAILED')
    expect(error).to.have.property('message').that.contains('close of one')
    expect(closed).to.deep.equal(['one', 'two', 'three'])
    expect(task.state).to.equal('closed')
    task.close()
  })

  it('is none for a processor that has not begun', () => {
    const story: string[] = []
    const builder = new TopologyBuilder().addSource('source', { topics: ['S'], keySerde: string, valueSerde: string })
    for (const name of ['one', 'two', 'three']) {
      const init = () => {
        story.push(`init ${name}`)
        if (name === 'two') throw new Error('no')
      }
      const get = () => ({ init, process: () => {}, close: () => void story.push(`close ${name}`) })
      builder.addProcessor(name, { get }, ['source'])
    }
    const { task } = startTask({ topology: builder, begin: false })
    task.restoring()
    expect(thrownBy(() => task.start(new Map()))).to.have.property('code', 'PROCESSOR_FAILED')
    task.close()
    expect(story).to.deep.equal(['init one', 'init two', 'close one', 'close two'])
  })
})
