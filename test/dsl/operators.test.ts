import { expect } from 'chai'
import { type Emit, StreamsBuilder, topic, tumbling } from '../../dsl/index.ts'
import { countFold } from '../../dsl/operators/fold.ts'
import { windowedAggregate } from '../../dsl/operators/windowed-aggregate.ts'
import { systemMachine } from '../../src/base/machine.ts'
import type { Processor, ProcessorContext } from '../../src/processor/processor.ts'
import { Record } from '../../src/processor/record.ts'
import { int64, json, string, type Windowed } from '../../src/serdes/index.ts'
import { TopologyTestDriver } from '../../src/testing/index.ts'
import { memory, stores } from '../../state-stores/index.ts'

interface Total {
  sum: number
  seen: string[]
}

const input = topic('in', { key: string, value: string })
const rows = topic('rows', { key: string, value: string })
const texts = topic('texts', { key: string, value: string })
const longs = topic('longs', { key: string, value: int64 })
const totals = topic('totals', { key: string, value: json<Total>() })

type Piped = readonly [key: string | null, value: string | null, timestampMs?: number]

/** Draws, pipes into `in`, and gives what came out of the topic, with what was dropped. */
async function told<V>(
  output: { name: string } & Parameters<TopologyTestDriver['output']>[0],
  draw: (builder: StreamsBuilder) => void,
  piped: readonly Piped[],
  options: Parameters<typeof TopologyTestDriver.start>[1] = {},
): Promise<{ out: [unknown, V | null, number][]; dropped: number }> {
  const builder = new StreamsBuilder()
  draw(builder)
  const driver = await TopologyTestDriver.start(builder.build(), options)
  try {
    for (const [key, value, timestampMs = 0] of piped) await driver.input(input).pipe({ key, value, timestampMs })
    if (options.commit === 'byHand') await driver.commit()
    const out = driver.output(output).readAll()
    return {
      out: out.map(({ key, value, timestampMs }) => [key, value as V | null, timestampMs]),
      dropped: driver.droppedRecords,
    }
  } finally {
    await driver.close()
  }
}

const codeOf = async (promise: Promise<unknown>): Promise<string> => {
  try {
    await promise
    return 'nothing thrown'
  } catch (error) {
    return String((error as { code?: unknown }).code)
  }
}

describe('A fold', () => {
  const summed = (emit: Emit) => (builder: StreamsBuilder) =>
    builder
      .stream(input)
      .groupByKey()
      .aggregate(
        (): Total => ({ sum: 0, seen: [] }),
        (total, value) => {
          total.sum += Number(value)
          total.seen.push(value)
          return total
        },
        { value: json<Total>(), emit },
      )
      .toStream()
      .to(totals)

  it('may change its accumulator', async () => {
    const { out } = await told<Total>(totals, summed('everyUpdate'), [
      ['a', '1', 1],
      ['a', '2', 2],
      ['b', '5', 3],
    ])
    expect(out).to.deep.equal([
      ['a', { sum: 1, seen: ['1'] }, 1],
      ['a', { sum: 3, seen: ['1', '2'] }, 2],
      ['b', { sum: 5, seen: ['5'] }, 3],
    ])
  })

  it('is told once per key and commit by default', async () => {
    const { out } = await told<Total>(
      totals,
      summed('onCommit'),
      [
        ['a', '1', 4],
        ['b', '5', 3],
        ['a', '2', 2],
      ],
      {
        commit: 'byHand',
      },
    )
    expect(out).to.deep.equal([
      ['b', { sum: 5, seen: ['5'] }, 3],
      ['a', { sum: 3, seen: ['1', '2'] }, 4],
    ])
  })

  it('may change a reduce’s accumulator without changing the record that other steps have', async () => {
    const parsed = (builder: StreamsBuilder) =>
      builder.stream(input).mapValues((value): Total => ({ sum: Number(value), seen: [] }), { value: json<Total>() })
    const grow = (total: Total, more: Total): Total => {
      total.sum += more.sum
      return total
    }
    const { out } = await told<Total>(
      totals,
      (builder) => {
        const grouped = parsed(builder).groupByKey()
        grouped.reduce(grow, { emit: 'everyUpdate' }).toStream().to(totals)
        grouped.reduce(grow, { emit: 'everyUpdate' }).toStream().to(totals)
      },
      [
        ['a', '1'],
        ['a', '10'],
      ],
    )
    expect(out.map(([, value]) => value?.sum)).to.deep.equal([1, 1, 11, 11])
  })

  it('tells the row before a change as it was, although its accumulator was changed', async () => {
    const { out } = await told<Total>(
      totals,
      (builder) =>
        builder
          .stream(input)
          .groupByKey()
          .aggregate(
            (): Total => ({ sum: 0, seen: [] }),
            (total, value) => {
              total.sum += Number(value)
              return total
            },
            { value: json<Total>(), emit: 'everyUpdate' },
          )
          .filter(({ sum }) => sum % 2 === 1)
          .toStream()
          .to(totals),
      [
        ['a', '1'],
        ['a', '1'],
        ['a', '2'],
      ],
    )
    // 1 passes; 2 does not, a delete; 4 does not and did not.
    expect(out.map(([, value]) => value?.sum ?? null)).to.deep.equal([1, null])
  })

  it('that returns nothing is an error of the record', async () => {
    const forgetful = ((total: Total) => void total) as never
    const run = told(
      totals,
      (builder) => {
        builder
          .stream(input)
          .groupByKey()
          .aggregate((): Total => ({ sum: 0, seen: [] }), forgetful, { value: json<Total>() })
      },
      [['a', '1']],
    )
    expect(await codeOf(run)).to.equal('RECORD_FAILED')
  })

  it('drops and counts what has no key or no value', async () => {
    const { out, dropped } = await told<number>(
      longs,
      (builder) => builder.stream(input).groupByKey().count().toStream().to(longs),
      [
        [null, 'x'],
        ['a', null],
        ['a', 'x'],
      ],
    )
    expect(out).to.deep.equal([['a', 1, 0]])
    expect(dropped).to.equal(2)
  })
})

describe('A windowed fold', () => {
  it('lets late records go, counted, by its own stream time', async () => {
    const { out, dropped } = await told<number>(
      longs,
      (builder) =>
        builder
          .stream(input)
          .groupByKey()
          .windowedBy(tumbling(10, { graceMs: 5 }))
          .count()
          .toStream()
          .selectKey((_, { key, startMs, endMs }) => `${key}@${startMs}/${endMs}`)
          .to(longs),
      [
        ['a', 'x', 3],
        ['b', 'x', 14],
        ['a', null, 9],
        ['b', 'x', 15],
        ['a', 'late', 9],
        [null, 'x', 99],
        ['b', 'x', 12],
      ],
    )
    expect(out).to.deep.equal([
      ['a@0/10', 1, 3],
      ['b@10/20', 1, 14],
      ['a@0/10', 2, 9],
      ['b@10/20', 2, 15],
      ['b@10/20', 3, 15],
    ])
    expect(dropped).to.equal(2)
  })

  it('starts from the stream time that was saved, and saves its own at a flush', async () => {
    const builder = stores.timestampedWindow({
      name: 'w',
      key: string,
      value: int64,
      engine: memory(),
      windowSizeMs: 10,
      retentionMs: 10,
    })
    const store = builder.build()
    const engine = await builder.engine.open(systemMachine, '')
    const context = {
      engine,
      storeId: 1,
      currentTimestampMs: () => 0,
      recordDropped: () => {},
      cleanCacheBytesMax: 1e6,
    }
    await store.open(context)
    const forwarded: Windowed<string>[] = []
    const saved: number[] = []
    let dropped = 0
    const supplier = windowedAggregate<string, string, number>(countFold(), {
      storeName: 'w',
      valueSerde: int64,
      windows: tumbling(10),
      emit: 'onCommit',
      oldValues: false,
    })
    const processor = supplier.get()
    processor.init?.({
      nodeName: 'node',
      store: () => store as never,
      forward: (record: Record<Windowed<string>, unknown>) => void forwarded.push(record.key),
      recordDropped: () => void dropped++,
      savedStreamTimeMs: () => 25,
      saveStreamTime: (timestampMs: number) => void saved.push(timestampMs),
    } as Partial<ProcessorContext<Windowed<string>, unknown>> as never)
    await processor.process(new Record('a', 'late', 19))
    await processor.process(new Record('a', 'x', 20))
    processor.flush?.()
    expect(dropped).to.equal(1)
    expect(saved).to.deep.equal([])
    await processor.process(new Record('b', 'x', 31))
    await processor.process(new Record('b', 'x', 30))
    processor.flush?.()
    processor.flush?.()
    expect(saved).to.deep.equal([31])
    expect(forwarded.map(({ key, startMs, endMs }) => `${key}@${startMs}/${endMs}`)).to.deep.equal([
      'a@20/30',
      'b@30/40',
    ])
    store.close()
    await engine.close()
  })
})

describe('A promise', () => {
  const steps: { readonly [step: string]: (builder: StreamsBuilder) => void } = {
    filter: (builder) => builder.stream(input).filter((async () => true) as never),
    mapValues: (builder) => builder.stream(input).mapValues((async () => 'x') as () => unknown as () => string),
    map: (builder) => builder.stream(input).map((async () => ['a', 'b']) as never),
    flatMapValues: (builder) => builder.stream(input).flatMapValues((async () => []) as never),
    'map, as its key': (builder) => builder.stream(input).map((() => [Promise.reject(new Error('key')), 'b']) as never),
    'map, as its key and its value': (builder) =>
      builder
        .stream(input)
        .map((() => [Promise.reject(new Error('key')), Promise.reject(new Error('value'))]) as never),
    'flatMapValues, as one of many values': (builder) =>
      builder
        .stream(input)
        .flatMapValues((() => ['b', Promise.reject(new Error('2')), Promise.reject(new Error('3'))]) as never),
    'flatMapValues, as one that a generator gives': (builder) =>
      builder.stream(input).flatMapValues(function* () {
        yield Promise.reject(new Error('1'))
      } as never),
    'flatMap, as one of many pairs': (builder) =>
      builder.stream(input).flatMap((() => [['a', 'b'], Promise.reject(new Error('2'))]) as never),
    'flatMap, as some of many keys and values': (builder) =>
      builder.stream(input).flatMap((() => [
        ['a', Promise.reject(new Error('1'))],
        [Promise.reject(new Error('2')), 'b'],
      ]) as never),
    selectKey: (builder) => builder.stream(input).selectKey((async () => 'x') as () => unknown as () => string),
    peek: (builder) => builder.stream(input).peek((async () => {}) as () => unknown as () => void),
    reduce: (builder) =>
      builder
        .stream(input)
        .groupByKey()
        .reduce((async () => 'x') as never),
    aggregate: (builder) =>
      builder
        .stream(input)
        .groupByKey()
        .aggregate(() => '', (async () => 'x') as never, { value: string }),
    'an initializer': (builder) =>
      builder
        .stream(input)
        .groupByKey()
        .aggregate((async () => '') as never, (all: string, value) => all + value, { value: string }),
    'an initializer in windows': (builder) =>
      builder
        .stream(input)
        .groupByKey()
        .windowedBy(tumbling(10))
        .aggregate((() => Promise.reject(new Error('none'))) as never, (all: string, value) => all + value, {
          value: string,
        }),
    leftJoin: (builder) =>
      builder.stream(input).leftJoin(builder.table(rows), (async () => 'x') as () => unknown as () => string),
    'a table’s filter': (builder) =>
      builder
        .stream(input)
        .groupByKey()
        .count()
        .filter((async () => true) as never),
    'a table’s mapValues': (builder) =>
      builder
        .stream(input)
        .groupByKey()
        .count()
        .mapValues((async () => 'x') as () => unknown as () => string),
    process: (builder) => builder.stream(input).process<string, string>(() => ({ process: async () => {} })),
  }

  for (const [step, draw] of Object.entries(steps)) {
    it(`from ${step} ends the task, whatever the policy`, async () => {
      const run = told(
        texts,
        (builder) => draw(builder),
        [
          ['a', 'x'],
          ['a', 'y'],
        ],
        { onError: { process: 'skip' } },
      )
      expect(await codeOf(run)).to.equal('PROMISE_IN_SYNC_STEP')
    })
  }

  it('of a processor that says so is awaited', async () => {
    class Slow implements Processor<string, string, string, string> {
      #context!: ProcessorContext<string, string>
      init(context: ProcessorContext<string, string>): void {
        this.#context = context
      }
      async process(record: Record<string, string>): Promise<void> {
        await Promise.resolve()
        this.#context.forward(record)
      }
    }
    const { out } = await told<string>(
      texts,
      (builder) => {
        builder
          .stream(input)
          .process(() => new Slow(), { async: true })
          .to(texts)
        builder
          .stream(input)
          .processValues({ get: () => new Slow(), async: true })
          .to(texts)
      },
      [['a', 'x']],
    )
    expect(out).to.deep.equal([
      ['a', 'x', 0],
      ['a', 'x', 0],
    ])
  })
})

describe('processValues', () => {
  class Rekey implements Processor<string, string, string, string> {
    #context!: ProcessorContext<string, string>
    init(context: ProcessorContext<string, string>): void {
      this.#context = context
    }
    process(record: Record<string, string>): void {
      this.#context.forward(record.value === 'ok' ? record : record.withKey(`${record.key}2`))
    }
  }

  it('refuses another key', async () => {
    const draw = (builder: StreamsBuilder): void =>
      builder
        .stream(input)
        .processValues(() => new Rekey())
        .to(texts)
    expect(await codeOf(told(texts, draw, [['a', 'other']]))).to.equal('RECORD_FAILED')
    const piped: Piped[] = [
      ['a', 'other'],
      ['a', 'ok'],
    ]
    const { out, dropped } = await told<string>(texts, draw, piped, { onError: { process: 'skip' } })
    expect(out).to.deep.equal([['a', 'ok', 0]])
    expect(dropped).to.equal(1)
  })
})

describe('A join', () => {
  it('gives a left join undefined where there is no row', async () => {
    const builder = new StreamsBuilder()
    const table = builder.table(rows)
    builder
      .stream(input)
      .leftJoin(table, (left, right, key) => `${key}:${left}+${right ?? 'nobody'}`)
      .to(texts)
    const driver = await TopologyTestDriver.start(builder.build())
    await driver.input(input).pipe({ key: 'a', value: '1', timestampMs: 5 })
    await driver.input(rows).pipe({ key: 'a', value: 'ada', timestampMs: 9 })
    await driver.input(input).pipe({ key: 'a', value: '2', timestampMs: 6 })
    await driver.input(rows).pipe({ key: 'a', value: null, timestampMs: 9 })
    await driver.input(input).pipe({ key: 'a', value: '3', timestampMs: 7 })
    await driver.input(input).pipe({ key: null, value: '4', timestampMs: 8 })
    expect(driver.output(texts).readValues()).to.deep.equal(['a:1+nobody', 'a:2+ada', 'a:3+nobody', 'null:4+nobody'])
    await driver.close()
  })

  it('looks windows up by their windowed key', async () => {
    const { out } = await told<string>(
      texts,
      (builder) => {
        const counts = builder.stream(input).groupByKey().windowedBy(tumbling(10)).count()
        counts
          .toStream()
          .join(
            counts.mapValues((count) => -count),
            (count, negative) => `${count}${negative}`,
          )
          .selectKey((_, { key, startMs }) => `${key}@${startMs}`)
          .to(texts)
      },
      [
        ['a', 'x', 3],
        ['a', 'x', 4],
      ],
    )
    expect(out).to.deep.equal([
      ['a@0', '1-1', 3],
      ['a@0', '2-2', 4],
    ])
  })
})
