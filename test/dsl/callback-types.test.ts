/**
 * What the compiler says to what callbacks give back: promises, and `any`. `tsc` checks this file; the drawings stand in functions
 * that are never called.
 */
import { expectTypeOf } from 'expect-type'
import type { AwaitedAs, Made, NotPromise } from '../../dsl/dsl-error.ts'
import { type DslError, type KStream, type KTable, StreamsBuilder, topic, tumbling } from '../../dsl/index.ts'
import type { Processor, ProcessorContext } from '../../src/processor/processor.ts'
import type { Record } from '../../src/processor/record.ts'
import { int32, int64, json, string } from '../../src/serdes/index.ts'

const names = topic('names', { key: string, value: string })
const longs = topic('longs', { key: string, value: int64 })
const loose = topic('loose', { key: string, value: json() })

const later = <T>(value: T): T | Promise<T> => value
const add = (sum: number): number => sum + 1

describe('A promise does not compile', () => {
  const builder = new StreamsBuilder()
  const lines = builder.stream(names)
  const grouped = lines.groupByKey()
  const table = builder.table(names)

  it('from an ordinary callback', () => {
    const wrong = (): void => {
      // @ts-expect-error a promise is no value
      lines.mapValues(async (line) => line)
      // @ts-expect-error a promise is no boolean
      lines.filter(async () => true)
      // @ts-expect-error nobody would wait for it
      lines.peek(async () => {})
      // @ts-expect-error nobody would wait for it
      lines.foreach(async () => {})
      // @ts-expect-error a promise is no key
      lines.selectKey(async (line) => line)
      // @ts-expect-error a promise is no value in a pair
      lines.map((line) => ['a', Promise.resolve(line)])
      // @ts-expect-error nor a key
      lines.map((line) => [Promise.resolve(line), line])
      // @ts-expect-error nor one of many values
      lines.flatMapValues((line) => [Promise.resolve(line)])
      // @ts-expect-error nor one of many pairs
      lines.flatMap((line) => [['a', Promise.resolve(line)] as const])
      // @ts-expect-error a promise is no result
      lines.join(table, async (left) => left)
    }
    expectTypeOf(wrong).toBeFunction()
  })

  it('from a fold', () => {
    const addLater = async (sum: number): Promise<number> => sum + 1
    const keepLater = async <T>(all: T): Promise<T> => all
    const wrong = (): void => {
      // @ts-expect-error a promise is no accumulator
      grouped.aggregate(() => 0, addLater, { value: int64 })
      // @ts-expect-error whatever the serde takes
      grouped.aggregate(() => ({}), keepLater, { value: json() })
      // @ts-expect-error in windows neither
      grouped.windowedBy(tumbling(10)).aggregate(() => ({}), keepLater, { value: json() })
      // @ts-expect-error a promise is no beginning
      grouped.aggregate(async () => 0, add, { value: int64 })
      // @ts-expect-error whatever the serde takes
      grouped.aggregate(
        async () => 0,
        (sum) => sum,
        { value: json() },
      )
      // @ts-expect-error in windows neither
      grouped.windowedBy(tumbling(10)).aggregate(
        async () => 0,
        (sum) => sum,
        { value: json() },
      )
      const anything = builder.stream(loose).groupByKey()
      // @ts-expect-error a promise is no result
      anything.reduce(async (first) => first)
      // @ts-expect-error in windows neither
      anything.windowedBy(tumbling(10)).reduce(async (first) => first)
    }
    expectTypeOf(wrong).toBeFunction()
  })

  it('that is one of several results', () => {
    const wrong = (): void => {
      // @ts-expect-error it may be a promise
      lines.mapValues((line) => later(line))
      // @ts-expect-error it may be a promise
      lines.selectKey((line) => later(line))
      // @ts-expect-error it may be a promise
      lines.groupBy((line) => later(line))
      // @ts-expect-error the key may be a promise
      lines.map((line) => [later(line), line])
      // @ts-expect-error the value may be a promise
      lines.map((line) => [line, later(line)])
      // @ts-expect-error some may be promises
      lines.flatMapValues((line) => [later(line)])
      // @ts-expect-error some may be promises
      lines.flatMap((line) => [[line, later(line)] as const])
      // @ts-expect-error it may be a promise
      lines.peek((line) => later(line))
      // @ts-expect-error it may be a promise
      lines.foreach((line) => later(line))
      // @ts-expect-error it may be a promise
      lines.join(table, (line) => later(line))
      // @ts-expect-error it may be a promise
      lines.leftJoin(table, (line) => later(line))
      // @ts-expect-error it may be a promise
      table.mapValues((line) => later(line))
      // @ts-expect-error the beginning may be a promise
      grouped.aggregate(() => later(0), add, { value: json() })
      // @ts-expect-error in windows neither
      grouped.windowedBy(tumbling(10)).aggregate(() => later(0), add, { value: json() })
    }
    expectTypeOf(wrong).toBeFunction()
    type Refused = DslError<'an ordinary step is synchronous; a processor that awaits is declared with { async: true }'>
    expectTypeOf<NotPromise<string | Promise<string>>>().toEqualTypeOf<Refused>()
  })

  it('but all else does', () => {
    const right = (): void => {
      lines.mapValues((line): unknown => line)
      lines.mapValues(() => undefined)
      lines.mapValues((line) => (line === '' ? null : { line }))
      lines.mapValues((): never => {
        throw new Error('none')
      })
      lines.peek(console.log)
      lines.foreach((line) => new Set<string>().add(line))
      const keepAny = (all: unknown) => JSON.parse(String(all))
      grouped.aggregate(() => ({}), keepAny, { value: json() })
      builder
        .stream(loose)
        .groupByKey()
        .reduce((first) => first)
    }
    expectTypeOf(right).toBeFunction()
  })
})

describe('A processor that awaits', () => {
  class Waiting implements Processor<string, string, string, string> {
    async process(_: Record<string, string>): Promise<void> {}
  }
  class Direct implements Processor<string, string, string, string> {
    process(_: Record<string, string>): void {}
  }
  class Opening extends Direct {
    async init(): Promise<void> {}
  }
  const lines = new StreamsBuilder().stream(names)
  const cond = (line: string): boolean => line === ''

  it('does not compile without saying so', () => {
    const wrong = (): void => {
      // @ts-expect-error it is declared with { async: true }
      lines.process(() => ({ process: async () => {} }))
      // @ts-expect-error it is declared with { async: true }
      lines.process(() => new Waiting(), { async: false })
      // @ts-expect-error it is declared with { async: true }
      lines.processValues(() => new Waiting())
      // @ts-expect-error it awaits some
      lines.process(() => ({ process: ({ value }) => (cond(value) ? Promise.resolve() : undefined) }))
      // @ts-expect-error it awaits some
      lines.processValues(() => ({ process: ({ value }) => (cond(value) ? Promise.resolve() : undefined) }))
    }
    expectTypeOf(wrong).toBeFunction()
    type Refused = DslError<'a processor that awaits is declared with { async: true }'>
    expectTypeOf<AwaitedAs<undefined | Promise<void>, false>>().toEqualTypeOf<Refused>()
  })

  it('compiles when it does, or is typed as one that may do either', () => {
    const either = (): Processor<string, string, string, string> => new Direct()
    const right = (): void => {
      lines.process(() => ({ process: async () => {} }), { async: true })
      lines.process(() => ({ process: ({ value }) => (cond(value) ? Promise.resolve() : undefined) }), { async: true })
      lines.process<string, string>(() => new Waiting(), { async: true })
      lines.process(() => ({ process: (record) => void expectTypeOf(record.value).toEqualTypeOf<string>() }))
      lines.processValues({ get: () => new Waiting(), async: true })
      const waiting = lines.process(() => new Waiting(), { async: true, key: string, value: string })
      expectTypeOf(waiting).toEqualTypeOf<KStream<unknown, unknown, 'partitioning'>>()
      expectTypeOf(lines.processValues(() => new Direct(), { value: string })).toExtend<KStream<string, unknown>>()
      expectTypeOf(lines.process(either, { key: string, value: string })).toEqualTypeOf<
        KStream<string, string, 'partitioning'>
      >()
    }
    expectTypeOf(right).toBeFunction()
  })

  it('awaits in process and punctuators only', () => {
    const process = (): void => {}
    const wrong = (): void => {
      // @ts-expect-error nobody awaits init
      lines.process(() => ({ process, async init() {} }))
      // @ts-expect-error whatever is said
      lines.process(() => new Opening(), { async: true })
      // @ts-expect-error nobody awaits flush
      lines.process(() => ({ process, async flush() {} }))
      // @ts-expect-error nobody awaits close
      lines.processValues(() => ({ process, close: () => later(undefined) }))
    }
    expectTypeOf(wrong).toBeFunction()
    const right = (): void => {
      const seen = new Map<string, string>()
      let context: ProcessorContext<string, number> | null = null
      // What they give back otherwise is nobody's business.
      const init = (given: ProcessorContext<string, number>) => {
        context = given
        return given
      }
      const flush = () => seen.set('a', 'b')
      const close = () => seen.delete('a') || context
      const numbers = lines.process(() => ({ process, init, flush, close }))
      expectTypeOf(numbers).toEqualTypeOf<KStream<string, number, 'key serde' | 'value serde' | 'partitioning'>>()
    }
    expectTypeOf(right).toBeFunction()
  })
})

describe('What a step makes of any', () => {
  it('has the type that its serde reads', () => {
    const builder = new StreamsBuilder()
    const lines = builder.stream(names)
    const table = builder.table(names)
    const parsed = () => lines.mapValues((line) => JSON.parse(line), { value: int64 })
    expectTypeOf(parsed).returns.toEqualTypeOf<KStream<string, number>>()
    const options = { key: int32, value: int64 }
    type Numbers = KStream<number, number, 'partitioning'>
    expectTypeOf(lines.map((line) => [JSON.parse(line), JSON.parse(line)], options)).toEqualTypeOf<Numbers>()
    const many = lines.flatMap((line) => [[JSON.parse(line), JSON.parse(line)] as const], options)
    expectTypeOf(many).toEqualTypeOf<Numbers>()
    expectTypeOf(lines.selectKey((line) => JSON.parse(line), { key: int32 })).toEqualTypeOf<
      KStream<number, string, 'partitioning'>
    >()
    const counted = lines.groupBy((line) => JSON.parse(line), { key: int32 }).count()
    expectTypeOf(counted.toStream()).toEqualTypeOf<KStream<number, number>>()
    expectTypeOf(lines.join(table, (line) => JSON.parse(line), { value: int64 })).toEqualTypeOf<
      KStream<string, number>
    >()
    expectTypeOf(lines.leftJoin(table, (line) => JSON.parse(line), { value: int64 })).toEqualTypeOf<
      KStream<string, number>
    >()
    expectTypeOf(table.mapValues((line) => JSON.parse(line), { value: int64 })).toEqualTypeOf<
      KTable<string, number | null>
    >()
    parsed().to(longs)
    const wrong = (): void => {
      // @ts-expect-error the values are numbers
      parsed().to(names)
    }
    expectTypeOf(wrong).toBeFunction()
  })

  it('stays any without a serde, or with one that reads anything', () => {
    const lines = new StreamsBuilder().stream(names)
    expectTypeOf(lines.mapValues((line) => JSON.parse(line))).toEqualTypeOf<
      // biome-ignore lint/suspicious/noExplicitAny: it is what is meant
      KStream<string, any, 'value serde'>
    >()
    lines.mapValues((line) => JSON.parse(line), { value: json() }).filter((value) => value.amount > 3)
    expectTypeOf<Made<string, typeof int64>>().toEqualTypeOf<string>()
    expectTypeOf<Made<unknown, typeof int64>>().toEqualTypeOf<unknown>()
  })
})
