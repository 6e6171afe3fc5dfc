import { expect } from 'chai'
import { StreamsBuilder, topic } from '../../dsl/index.ts'
import { type Deferred, deferred } from '../../src/base/deferred.ts'
import type { ProcessorContext } from '../../src/processor/processor.ts'
import { Record } from '../../src/processor/record.ts'
import type { KeyValueStore } from '../../src/processor/state-store.ts'
import { string } from '../../src/serdes/index.ts'
import { TopologyTestDriver } from '../../src/testing/index.ts'
import { stores } from '../../state-stores/index.ts'

type Context = ProcessorContext<string, string>

const input = topic('in', { key: string, value: string })
const store = stores.keyValue({ name: 'kv', key: string, value: string })
const rows = (context: Context): KeyValueStore<string, string> => context.store('kv')

describe('A plain put of an async step', () => {
  let driver: TopologyTestDriver
  let isPut: Deferred<void>

  beforeEach(() => {
    isPut = deferred()
  })

  afterEach(() => driver.close())

  const stamps = (): (number | undefined)[] =>
    driver.produced.get('test-kv-changelog')?.map(({ timestampMs }) => timestampMs) ?? []

  it('is stamped with its own record’s time, also while a child is at work on another', async () => {
    const builder = new StreamsBuilder()
    const parent = () => {
      let context: Context
      return {
        init: (given: Context) => {
          context = given
        },
        process: async (record: Record<string, string>) => {
          context.forward(record.withTimestamp(record.timestamp + 1000))
          await new Promise(setImmediate)
          rows(context).put(record.key, record.value)
          isPut.resolve()
        },
      }
    }
    const child = () => ({ process: () => isPut.promise })
    builder
      .stream(input)
      .process(parent, { async: true, key: string, value: string, stores: [store] })
      .process(child, { async: true })
    driver = await TopologyTestDriver.start(builder.build())
    await driver.input(input).pipe({ key: 'k', value: 'v', timestampMs: 5 })
    expect(stamps()).to.deep.equal([5])
  })

  it('is stamped with its own record’s time, also while the punctuator it came from is not done', async () => {
    const builder = new StreamsBuilder()
    const clock = () => ({
      init: (context: Context) => {
        context.schedule(10, 'wallClock', async () => {
          context.forward(new Record<string, string>('k', 'v', 777))
          await isPut.promise
        })
      },
      process: () => undefined,
    })
    const keeper = () => {
      let context: Context
      return {
        init: (given: Context) => {
          context = given
        },
        process: async (record: Record<string, string>) => {
          await new Promise(setImmediate)
          rows(context).put(record.key, record.value)
          isPut.resolve()
        },
      }
    }
    builder
      .stream(input)
      .process(clock, { async: true, key: string, value: string })
      .process(keeper, { async: true, key: string, value: string, stores: [store] })
    driver = await TopologyTestDriver.start(builder.build())
    await driver.advance(10)
    expect(stamps()).to.deep.equal([777])
  })
})
