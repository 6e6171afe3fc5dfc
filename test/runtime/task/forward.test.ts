import { expect } from 'chai'
import { StreamError } from '../../../src/base/errors.ts'
import type { Headers } from '../../../src/base/serde.ts'
import { Record } from '../../../src/processor/record.ts'
import {
  type AnyContext,
  type AnyProcessor,
  fetched,
  forever,
  line,
  processor,
  rejectionOf,
  startTask,
  thrownBy,
} from './fixture.ts'

const late = new Record('k', 'late', 1)

/** A step that does nothing by itself, its context, and what it is to do in its methods. */
function stepWith(methods: Partial<AnyProcessor> = {}): { step: () => AnyProcessor; context: () => AnyContext } {
  let context: AnyContext
  const step = (): AnyProcessor => ({
    process: () => {},
    init: (given) => {
      context = given
    },
    ...methods,
  })
  return { step, context: () => context }
}

function refusalOf(run: () => unknown): string {
  const error = thrownBy(run)
  if (!StreamError.is(error)) throw error
  return error.message
}

describe('forward', () => {
  it('is allowed in init, process, flush and punctuators', async () => {
    let context: AnyContext
    const tell = (what: string): void => context.forward(new Record('k', what, 1))
    const step = (): AnyProcessor => ({
      init: (given) => {
        context = given
        tell('init')
        context.schedule(5, 'streamTime', () => tell('stream time'))
        context.schedule(5, 'wallClock', () => tell('wall clock'))
      },
      process: () => tell('process'),
      flush: () => tell('flush'),
    })
    const { task, clock, collector } = startTask({ topology: line(step) })
    task.add('S', 0, fetched(0, ['a', '1', 9]))
    task.process(forever)
    clock.advance(5)
    await task.punctuate()
    await task.flush()
    const told = collector.sent.map((line) => line.replace(/^O: k=(.*)@1$/, '$1'))
    expect(told).to.deep.equal(['init', 'process', 'stream time', 'wall clock', 'flush'])
  })

  it('is refused between records, naming the processor and what to do', () => {
    const { step, context } = stepWith()
    const { task, collector } = startTask({ topology: line(step) })
    for (const when of ['before', 'after']) {
      const message = refusalOf(() => context().forward(late))
      expect(message, when).to.match(/^FORWARD_OUT_OF_SCOPE: step forwards .*forward before they return.*async: true/)
      task.add('S', 0, fetched(when === 'before' ? 0 : 1, ['a', '1', 9]))
      task.process(forever)
    }
    expect(collector.sent).to.deep.equal([])
  })

  it('is refused in close, and after it', () => {
    const { step, context } = stepWith({ close: () => context().forward(late) })
    const { task, collector } = startTask({ topology: line(step) })
    expect(refusalOf(() => task.close())).to.match(/^FORWARD_OUT_OF_SCOPE: step forwards/)
    expect(refusalOf(() => context().forward(late))).to.match(
      /^CLOSED: step forwards a record after its task was closed/,
    )
    expect(collector.sent).to.deep.equal([])
  })

  it('is refused in the name of another processor, and ends the task whatever the policy', () => {
    const other = stepWith()
    const step = processor(() => other.context().forward(late))
    const topology = line(step).addProcessor('other', { get: other.step }, ['source-S'])
    const { task } = startTask({ topology, onError: { process: 'skip' } })
    task.add('S', 0, fetched(0, ['a', '1', 9]))
    expect(refusalOf(() => task.process(forever))).to.match(/^FORWARD_OUT_OF_SCOPE: other forwards/)
  })

  it('is allowed to an async processor until its promise has settled', async () => {
    let context!: AnyContext
    const step = processor(
      async (record) => {
        await new Promise((resolve) => setImmediate(resolve))
        context.forward(record)
      },
      (given) => {
        context = given
        given.schedule(5, 'wallClock', async (timeMs) => {
          await new Promise((resolve) => setImmediate(resolve))
          context.forward(new Record('k', 'time', timeMs))
        })
      },
    )
    const { task, clock, collector } = startTask({ topology: line(step, { async: true }) })
    task.add('S', 0, fetched(0, ['a', '1', 1]))
    await task.processAsync(forever)
    expect(refusalOf(() => context.forward(late))).to.match(/^FORWARD_OUT_OF_SCOPE: step/)
    clock.advance(5)
    await task.punctuate()
    expect(refusalOf(() => context.forward(late))).to.match(/^FORWARD_OUT_OF_SCOPE: step/)
    expect(collector.sent).to.deep.equal(['O: a=1@1', 'O: k=time@5'])
  })

  it('is refused to an async processor that did not wait, while another is at work', async () => {
    const messages: string[] = []
    let others: AnyContext
    const hasty = processor(async () => {})
    const step = (): AnyProcessor => ({
      ...hasty(),
      init: (given) => {
        others = given
      },
    })
    const slow = processor(async () => {
      await new Promise((resolve) => setImmediate(resolve))
      messages.push(refusalOf(() => others.forward(late)))
    })
    const topology = line(step, { async: true }).addProcessor('slow', { get: slow, async: true }, ['source-S'])
    const { task } = startTask({ topology })
    task.add('S', 0, fetched(0, ['a', '1', 1]))
    await task.processAsync(forever)
    expect(messages).to.have.length(1)
    expect(messages[0]).to.match(/^FORWARD_OUT_OF_SCOPE: step/)
  })

  it('gives an async processor CLOSED when its task was given up meanwhile', async () => {
    let comeBack = (): void => {}
    const step = processor(async (record, context) => {
      await new Promise<void>((resolve) => {
        comeBack = resolve
      })
      context.forward(record)
    })
    const { task, collector } = startTask({ topology: line(step, { async: true }), onError: { process: 'skip' } })
    task.add('S', 0, fetched(0, ['a', '1', 1]))
    const ended = rejectionOf(() => task.processAsync(forever))
    task.close()
    comeBack()
    expect(await ended).to.have.property('code', 'CLOSED')
    expect(collector.sent).to.deep.equal([])
  })

  const wrongHeaders: [unknown, string][] = [
    [undefined, 'undefined'],
    [{ a: 'b' }, "{ a: 'b' }"],
    [[{ key: 'k', value: 'text' }], '[Object]'],
    [[{ value: null }], '[Object]'],
    [[null], 'null'],
  ]
  for (const [headers, shown] of wrongHeaders) {
    it(`fails the record in its processor when the headers are ${JSON.stringify(headers)}`, () => {
      const given = { key: 'k', value: 'v', timestamp: 1, headers } as Record<unknown, unknown>
      const step = processor((_record, context) => context.forward(given))
      const { task } = startTask({ topology: line(step) })
      task.add('S', 0, fetched(0, ['a', '1', 9]))
      const message = refusalOf(() => task.process(forever))
      expect(message).to.match(/^RECORD_FAILED: step could not process the record S-0@0: a record has the headers/)
      expect(message).to.include(shown).and.include('give a list of { key: text, value: bytes or null }')
      expect(message).to.include('correct the callback')
    })
  }

  it('takes headers with bytes and null', () => {
    const headers: Headers = [
      { key: 'a', value: Buffer.from('1') },
      { key: 'b', value: null },
    ]
    const step = processor((record, context) => context.forward(record.withHeaders(headers)))
    const { task, collector } = startTask({ topology: line(step) })
    task.add('S', 0, fetched(0, ['a', '1', 9]))
    task.process(forever)
    expect(collector.sent).to.deep.equal(['O: a=1@9'])
  })
})

describe('schedule', () => {
  it('refuses a punctuator that is no function, naming the processor', () => {
    const topology = line(
      processor(
        () => {},
        (context) => context.schedule(10, 'wallClock', undefined as never),
      ),
    )
    expect(refusalOf(() => startTask({ topology }))).to.match(/^CONFIG_INVALID: step schedules undefined/)
  })
})
