import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { StreamsBuilder, topic, tumbling } from '../../dsl/index.ts'
import { StreamError } from '../../src/base/errors.ts'
import type { ProcessorContext } from '../../src/processor/processor.ts'
import { Record } from '../../src/processor/record.ts'
import { int64, json, string } from '../../src/serdes/index.ts'
import { TopologyTestDriver } from '../../src/testing/index.ts'
import { stores } from '../../state-stores/index.ts'

const lines = topic('lines', { key: string, value: string })
const lines2 = topic('lines-2', { key: string, value: string })
const totals = topic('totals', { key: string, value: int64 })

function wordCount(emit: 'onCommit' | 'everyUpdate' = 'onCommit') {
  const builder = new StreamsBuilder()
  const counts = builder
    .stream(lines)
    .flatMapValues((line) => line.split(' '), { value: string })
    .groupBy((word) => word, { key: string })
    .count({ store: 'counts', emit })
  counts.toStream().to(totals)
  return { topology: builder.build(), counts }
}

async function refusal(run: () => Promise<unknown>): Promise<unknown> {
  try {
    await run()
  } catch (error) {
    return error
  }
  return expect.fail('it was not refused')
}

describe('TopologyTestDriver', () => {
  it('runs a topology through its repartition topic to its output', async () => {
    await using driver = await TopologyTestDriver.start(wordCount().topology)
    await driver.input(lines).pipe('to be or not to be')
    const told = driver.output(totals).readAll()
    expect(told.map(({ key, value }) => `${key}=${value}`)).to.deep.equal([
      'to=1',
      'be=1',
      'or=1',
      'not=1',
      'to=2',
      'be=2',
    ])
  })

  it('names internal topics after the application', async () => {
    await using driver = await TopologyTestDriver.start(wordCount().topology, { applicationId: 'app' })
    await driver.input(lines).pipe('x')
    expect([...driver.produced.keys()].sort()).to.deep.equal([
      'app-counts-changelog',
      'app-counts-repartition',
      'totals',
    ])
  })

  it('gives records a key, a time and headers when told', async () => {
    const builder = new StreamsBuilder()
    builder.stream(lines).to(lines2)
    await using driver = await TopologyTestDriver.start(builder.build(), { initialTimeMs: 500 })
    const headers = [{ key: 'h', value: Buffer.from('1') }]
    await driver.input(lines).pipe({ key: 'k', value: 'v', timestampMs: 7, headers })
    await driver.input(lines).pipe({ key: 'k', value: null })
    expect(driver.output(lines2).readAll()).to.deep.equal([
      { key: 'k', value: 'v', timestampMs: 7, headers },
      { key: 'k', value: null, timestampMs: 500, headers: [] },
    ])
  })

  it('reads what was not read yet, each output for itself', async () => {
    await using driver = await TopologyTestDriver.start(wordCount().topology)
    const output = driver.output(totals)
    await driver.input(lines).pipe('a')
    expect(output.read()?.value).to.equal(1)
    expect(output.read()).to.equal(undefined)
    await driver.input(lines).pipe('a')
    expect(output.size).to.equal(1)
    expect(output.readValues()).to.deep.equal([2])
    expect(driver.output(totals).readValues()).to.deep.equal([1, 2])
  })

  it('holds back what is told on commit until one is made by hand', async () => {
    await using driver = await TopologyTestDriver.start(wordCount().topology, { commit: 'byHand' })
    await driver.input(lines).pipe('a a a')
    expect(driver.output(totals).readAll()).to.have.length(0)
    await driver.commit()
    expect(driver.output(totals).readValues()).to.deep.equal([3])
    expect(driver.produced.get('test-counts-changelog')).to.have.length(1)
  })

  it('answers queries from the committed state, typed by the table', async () => {
    const { topology, counts } = wordCount()
    await using driver = await TopologyTestDriver.start(topology)
    await driver.input(lines).pipe('a b a')
    expect(await driver.store(counts).get('a')).to.equal(2)
    expect(await driver.store(counts).get('z')).to.equal(undefined)
  })

  it('fires punctuators of the wall clock when it is moved, at most once a move', async () => {
    const builder = new StreamsBuilder()
    builder
      .stream(lines)
      .process<string, string, typeof string, typeof string>(() => new Ticker(100), { key: string, value: string })
      .to(lines2)
    await using driver = await TopologyTestDriver.start(builder.build())
    await driver.advance(99)
    await driver.advance(1)
    await driver.advance(350)
    expect(driver.nowMs).to.equal(450)
    expect(driver.output(lines2).readValues()).to.deep.equal(['tick 100', 'tick 450'])
  })

  it('feeds back a topic that the topology writes and reads', async () => {
    const builder = new StreamsBuilder()
    builder
      .stream(lines)
      .mapValues((line) => line.toUpperCase(), { value: string })
      .to(lines2)
    builder
      .stream(lines2)
      .mapValues((line) => line.length, { value: int64 })
      .to(totals)
    await using driver = await TopologyTestDriver.start(builder.build())
    await driver.input(lines).pipe('abc')
    expect(driver.output(lines2).readValues()).to.deep.equal(['ABC'])
    expect(driver.output(totals).readValues()).to.deep.equal([3])
  })

  it('takes up the record with the lowest time of all that wait', async () => {
    const builder = new StreamsBuilder()
    builder
      .stream(lines)
      .groupByKey()
      .windowedBy(tumbling(10, { graceMs: 5 }))
      .count({ store: 'windows' })
    await using driver = await TopologyTestDriver.start(builder.build())
    const input = driver.input(lines)
    for (const timestampMs of [1, 12, 8, 30, 9]) await input.pipe({ key: 'k', value: 'v', timestampMs })
    expect(driver.droppedRecords).to.equal(1)
  })

  it('refuses a topic that nothing reads, and a time before 1970', async () => {
    await using driver = await TopologyTestDriver.start(wordCount().topology)
    expect(() => driver.input(totals)).to.throw('TOPIC_UNKNOWN')
    const error = await refusal(() => driver.input(lines).pipe({ value: 'x', timestampMs: -1 }))
    expect(StreamError.is(error, 'INPUT_INVALID')).to.equal(true)
  })

  it('ends with the error of a callback, and takes nothing more after it', async () => {
    const builder = new StreamsBuilder()
    builder.stream(lines).foreach((line) => {
      if (line === 'bad') throw new Error('no good')
    })
    await using driver = await TopologyTestDriver.start(builder.build())
    const input = driver.input(lines)
    await input.pipe('fine')
    const first = await refusal(() => input.pipe('bad'))
    expect(StreamError.is(first, 'RECORD_FAILED')).to.equal(true)
    expect(String(first)).to.include('lines-0@1').and.include('no good')
    expect(await refusal(() => input.pipe('fine'))).to.equal(first)
  })

  it('leaves records out, or sends them to a dead-letter topic, when told', async () => {
    const builder = new StreamsBuilder()
    builder.stream(lines).foreach(() => {
      throw new Error('never good')
    })
    const topology = builder.build()
    await using skipping = await TopologyTestDriver.start(topology, { onError: { process: 'skip' } })
    await skipping.input(lines).pipe('x')
    expect(skipping.droppedRecords).to.equal(1)
    await using keeping = await TopologyTestDriver.start(topology, { onError: { process: { deadLetter: 'dead' } } })
    await keeping.input(lines).pipe('x')
    expect(keeping.output(topic('dead', { key: string, value: string })).readValues()).to.deep.equal(['x'])
  })

  it('shows the dead letter of a record that an inner topic brings in its own step', async () => {
    const builder = new StreamsBuilder()
    builder.stream(lines).to(lines2)
    builder.stream(topic('lines-2', { key: string, value: int64 })).to(totals)
    const onError = { deserialize: { deadLetter: 'dead' } }
    await using driver = await TopologyTestDriver.start(builder.build(), { onError })
    await driver.input(lines).pipe('abc')
    expect(driver.output(topic('dead', { key: string, value: string })).readValues()).to.deep.equal(['abc'])
  })

  it('tells a step behind a commit which record came before it, while others wait', async () => {
    const builder = new StreamsBuilder()
    const places: string[] = []
    builder
      .stream(lines)
      .flatMapValues((line) => line.split(' '), { value: string })
      .groupBy((word) => word, { key: string })
      .count()
      .toStream()
      .process(() => {
        let context: ProcessorContext<string, number>
        return {
          init: (given) => {
            context = given
          },
          process: (record) => {
            places.push(`${record.key} ${context.recordMetadata()?.offset}`)
          },
        }
      })
    await using driver = await TopologyTestDriver.start(builder.build())
    await driver.input(lines).pipe('a b c')
    expect(places).to.deep.equal(['a 0', 'b 1', 'c 2'])
  })

  it('freezes what callbacks must not mutate', async () => {
    const builder = new StreamsBuilder()
    const orders = topic('orders', { key: string, value: json<{ amount: number; tags: string[] }>() })
    builder
      .stream(orders)
      .mapValues((order) => ({ ...order, tags: [...order.tags] }))
      .foreach((order) => {
        order.tags.push('mutated')
      })
    await using driver = await TopologyTestDriver.start(builder.build())
    const error = await refusal(() => driver.input(orders).pipe({ value: { amount: 1, tags: [] } }))
    expect(String(error)).to.include('not extensible')
  })

  it('lets an aggregator mutate its accumulator', async () => {
    const builder = new StreamsBuilder()
    const all = builder
      .stream(lines)
      .groupByKey()
      .aggregate(
        (): string[] => [],
        (list, line) => {
          list.push(line)
          return list
        },
        { store: 'all', value: json<string[]>(), emit: 'everyUpdate' },
      )
    await using driver = await TopologyTestDriver.start(builder.build())
    for (const value of ['a', 'b']) await driver.input(lines).pipe({ key: 'k', value })
    expect(await driver.store(all).get('k')).to.deep.equal(['a', 'b'])
  })

  it('keeps state on the disk when it is given a folder', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'millrace-driver-'))
    try {
      for (const expected of [1, 2]) {
        const { topology, counts } = wordCount()
        await using driver = await TopologyTestDriver.start(topology, { stateDir })
        await driver.input(lines).pipe('a')
        expect(await driver.store(counts).get('a')).to.equal(expected)
      }
    } finally {
      rmSync(stateDir, { recursive: true })
    }
  })

  it('drives processors that scan their store', async () => {
    const builder = new StreamsBuilder()
    const seen = stores.keyValue({ name: 'seen', key: string, value: string })
    const scanner = {
      async: true,
      get() {
        let context: ProcessorContext<string, string>
        return {
          init(given: ProcessorContext<string, string>): void {
            context = given
          },
          async process(record: Record<string, string>): Promise<void> {
            const store = context.store<ReturnType<typeof seen.build>>('seen')
            store.put(record.value, record.value)
            const all: string[] = []
            for await (const [key] of store.all()) all.push(key)
            context.forward(record.withValue(all.join()))
          },
        }
      },
    }
    builder
      .stream(lines)
      .process<string, string, typeof string, typeof string>(scanner, { stores: [seen], key: string, value: string })
      .to(lines2)
    await using driver = await TopologyTestDriver.start(builder.build())
    for (const value of ['b', 'a']) await driver.input(lines).pipe(value)
    expect(driver.output(lines2).readValues()).to.deep.equal(['b', 'a,b'])
  })

  it('takes calls that overlap one after the other', async () => {
    const builder = new StreamsBuilder()
    const waits = [3, 2, 1, 0]
    builder
      .stream(lines)
      .process<string, string>(
        () => {
          let context: ProcessorContext<string, string>
          return {
            init: (given) => {
              context = given
            },
            process: async (record) => {
              for (let turn = waits.shift() ?? 0; turn > 0; turn--)
                await new Promise((resolve) => setImmediate(resolve))
              context.forward(record)
            },
          }
        },
        { async: true },
      )
      .to(lines2)
    await using driver = await TopologyTestDriver.start(builder.build())
    const input = driver.input(lines)
    await Promise.all(['a', 'b', 'c', 'd'].map((line) => input.pipe(line)))
    expect(driver.output(lines2).readValues()).to.deep.equal(['a', 'b', 'c', 'd'])
  })

  it('finds a callback that changes a record', async () => {
    const changes: ((record: { key: unknown; value: unknown; timestamp: number; headers: unknown[] }) => unknown)[] = [
      (record) => Object.assign(record, { key: 'other' }),
      (record) => Object.assign(record, { value: 'other' }),
      (record) => Object.assign(record, { timestamp: 7 }),
      (record) => record.headers.push({ key: 'h', value: null }),
    ]
    for (const change of changes) {
      for (const isBehindStore of [false, true]) {
        const builder = new StreamsBuilder()
        const stream = builder.stream(lines)
        const shown = isBehindStore ? stream.groupByKey().count().toStream() : stream
        shown.foreach((_value: unknown, _key: unknown, record: object) => {
          change(record as Parameters<typeof change>[0])
        })
        await using driver = await TopologyTestDriver.start(builder.build())
        const headers = [{ key: 'given', value: Buffer.from('x') }]
        const error = await refusal(() => driver.input(lines).pipe({ key: 'k', value: 'v', headers }))
        expect(StreamError.is(error, 'RECORD_FAILED'), String(error)).to.equal(true)
        expect(String(error)).to.match(/read only|not extensible/)
      }
    }
  })

  it('refuses what is no time, and goes on', async () => {
    await using driver = await TopologyTestDriver.start(wordCount().topology)
    for (const ms of [-1, Number.NaN, 0.5]) {
      expect(StreamError.is(await refusal(() => driver.advance(ms)), 'INPUT_INVALID')).to.equal(true)
      const error = await refusal(() => driver.input(lines).pipe({ value: 'x', timestampMs: ms }))
      expect(StreamError.is(error, 'INPUT_INVALID')).to.equal(true)
    }
    await driver.advance(1)
    await driver.input(lines).pipe('x')
    expect(driver.output(totals).readValues()).to.deep.equal([1])
  })

  it('refuses a record that is none, naming what is wrong, and goes on', async () => {
    await using driver = await TopologyTestDriver.start(wordCount().topology)
    const input = driver.input(lines)
    const bytes = Buffer.from('x')
    const raw = { topic: 'lines', key: null, value: bytes, timestampMs: 0, headers: [] }
    for (const [pipe, code, says] of [
      [() => input.pipe({ value: 'x', headers: 5 as never }), 'INPUT_INVALID', 'headers 5'],
      [() => driver.pipe({ ...raw, headers: 5 as never }), 'INPUT_INVALID', 'headers 5'],
      [() => driver.pipe({ ...raw, value: 'x' as never }), 'INPUT_INVALID', 'Buffer'],
      [() => input.pipe(5 as never), 'SERDE_FAILED', "topic 'lines', value 5: string cannot write 5"],
      [() => input.pipe({ key: 7 as never, value: 'x' }), 'SERDE_FAILED', "topic 'lines', key 7"],
    ] as const) {
      const error = await refusal(pipe)
      expect(StreamError.is(error, code), String(error)).to.equal(true)
      expect(String(error)).to.include('lines').and.include(says)
    }
    for (const none of ['lines', { name: 'lines' }, undefined]) {
      expect(() => driver.input(none as never)).to.throw('INPUT_INVALID')
      expect(() => driver.output(none as never)).to.throw('INPUT_INVALID')
    }
    await input.pipe('fine')
    expect(driver.output(totals).readValues()).to.deep.equal([1])
  })

  it('takes a value with a field `value` only as a record', async () => {
    const readings = topic('readings', { key: string, value: json<{ value: number }>() })
    const builder = new StreamsBuilder()
    builder.stream(readings).to(topic('copies', { key: string, value: json<{ value: number }>() }))
    await using driver = await TopologyTestDriver.start(builder.build())
    await driver.input(readings).pipe({ value: { value: 5 } })
    expect(driver.output(topic('copies', { key: string, value: json() })).readValues()).to.deep.equal([{ value: 5 }])
    // @ts-expect-error it would be taken for a record
    const wrong = (): Promise<void> => driver.input(readings).pipe({ value: 5 })
    expect(wrong).to.be.a('function')
  })

  it('knows no store that no processor uses, and no handle that is none', async () => {
    const builder = new StreamsBuilder()
    builder.addStore(stores.keyValue({ name: 'unused', key: string, value: string }))
    builder.stream(lines).foreach(() => {})
    await using driver = await TopologyTestDriver.start(builder.build())
    expect(() => driver.store({ storeName: 'unused' })).to.throw(/STORE_UNKNOWN.*not connected to any processor/)
    expect(() => driver.store(undefined as never)).to.throw('STORE_UNKNOWN')
  })

  it('refuses what is no topology, and the policy of a step that there is not', async () => {
    const start = (topology: object) => refusal(() => TopologyTestDriver.start(topology as never))
    expect(StreamError.is(await start({}), 'TOPOLOGY_INVALID')).to.equal(true)
    expect(StreamError.is(await start(new StreamsBuilder()), 'TOPOLOGY_INVALID')).to.equal(true)
    const builder = new StreamsBuilder()
    builder.stream(lines).foreach(() => {}, { name: 'step', onError: 'skip' as never })
    expect(String(await start(builder.build()))).to.match(/CONFIG_INVALID.*onError of step/)
  })

  it('refuses options that are none', async () => {
    for (const [options, says] of [
      [{ foo: 1 }, "'foo'"],
      [{ applicationId: 'a b' }, "'a b'"],
      [{ onError: 'skip' }, "onError of the test driver cannot be read from 'skip'"],
      [{ onError: { process: 'bad' } }, 'onError.process'],
      [null, 'null'],
    ] as const) {
      const error = await refusal(() => TopologyTestDriver.start(wordCount().topology, options as never))
      expect(StreamError.is(error, 'CONFIG_INVALID'), String(error)).to.equal(true)
      expect(String(error)).to.include(says)
    }
    for (const initialTimeMs of [Number.NaN, -1, 0.5]) {
      const error = await refusal(() => TopologyTestDriver.start(wordCount().topology, { initialTimeMs }))
      expect(StreamError.is(error, 'CONFIG_INVALID')).to.equal(true)
    }
    // @ts-expect-error there is no such commit
    const error = await refusal(() => TopologyTestDriver.start(wordCount().topology, { commit: 'never' }))
    expect(StreamError.is(error, 'CONFIG_INVALID')).to.equal(true)
  })

  it('says that it is closed', async () => {
    const driver = await TopologyTestDriver.start(wordCount().topology)
    const begun = driver.input(lines).pipe('x')
    await driver.close()
    await begun
    for (const call of [() => driver.input(lines).pipe('y'), () => driver.advance(1), () => driver.commit()]) {
      expect(StreamError.is(await refusal(call), 'CLOSED')).to.equal(true)
    }
    await driver.close()
    expect(driver.output(totals).readValues()).to.deep.equal([1])
  })
})

/** Sends a record at every interval of the wall clock. */
class Ticker {
  readonly #intervalMs: number
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs
  }

  init(context: ProcessorContext<string, string>): void {
    context.schedule(this.#intervalMs, 'wallClock', (timestampMs) => {
      context.forward(new Record('tick', `tick ${timestampMs}`, timestampMs))
    })
  }

  process(): void {}
}
