import { expect } from 'chai'
import { StreamsBuilder, topic } from '../../dsl/index.ts'
import { type Deferred, deferred } from '../../src/base/deferred.ts'
import type { ProcessorContext } from '../../src/processor/processor.ts'
import { Record } from '../../src/processor/record.ts'
import type { KeyValueStore, StateStore } from '../../src/processor/state-store.ts'
import type { StoreBuilder } from '../../src/processor/store-builder.ts'
import { string } from '../../src/serdes/index.ts'
import { TopologyTestDriver } from '../../src/testing/index.ts'
import { memory, stores } from '../../state-stores/index.ts'

type Context = ProcessorContext<string, string>

const input = topic('in', { key: string, value: string })
const store = stores.keyValue({ name: 'kv', key: string, value: string })
const rows = (context: Context): KeyValueStore<string, string> => context.store('kv')

/** A store of the user's own, with what a class may have. */
class Tally implements StateStore {
  readonly name = 'tally'
  readonly kind = 'keyValue'
  readonly dirtyEntries = 0
  readonly dirtyBytes = 0
  #total = 0

  get total(): number {
    return this.#total
  }

  set total(value: number) {
    this.#total = value
  }

  add(amount: number): number {
    this.#total += amount
    return this.#total
  }

  async open(): Promise<void> {}
  rotate(): void {}
  committed(): void {}
  stage(): void {}
  settled(): void {}
  restore(): void {}
  committedView(): unknown {
    return null
  }
  close(): void {}
}

describe('A store of an async step', () => {
  for (const { title, freeze } of [
    { title: 'may be of any class', freeze: false },
    { title: 'may be frozen', freeze: true },
  ]) {
    it(title, async () => {
      const made: Tally[] = []
      const build = (): Tally => {
        const tally = new Tally()
        made.push(tally)
        if (freeze) Object.freeze(tally)
        return tally
      }
      const plan: StoreBuilder = {
        name: 'tally',
        kind: 'keyValue',
        engine: memory(),
        changelog: null,
        fingerprint: 't',
        build,
      }
      const builder = new StreamsBuilder()
      const step = () => {
        let tally: Tally
        return {
          init: (context: Context) => {
            tally = context.store('tally')
          },
          process: async () => {
            await new Promise(setImmediate)
            expect(tally).to.be.instanceOf(Tally)
            expect('add' in tally).to.equal(true)
            tally.total = 40
            expect(tally.add(2)).to.equal(42)
            expect(tally.add).to.equal(tally.add)
          },
        }
      }
      builder.stream(input).process(step, { async: true, stores: [plan] })
      const driver = await TopologyTestDriver.start(builder.build())
      await driver.input(input).pipe({ key: 'k', value: 'v', timestampMs: 5 })
      await driver.close()
      expect(made.map(({ total }) => total)).to.deep.equal([42])
    })
  }
})

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
