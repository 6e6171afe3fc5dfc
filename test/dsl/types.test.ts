/**
 * What the compiler says to a topology: `tsc` checks this file. A wrong drawing stands in a function that is never called, or is
 * called to see that it is refused at run time too, for callers without types.
 */
import { expect } from 'chai'
import { expectTypeOf } from 'expect-type'
import { type DslError, KStream, type KTable, type Lack, StreamsBuilder, topic, tumbling } from '../../dsl/index.ts'
import type { Serde } from '../../src/base/serde.ts'
import type { Processor } from '../../src/processor/processor.ts'
import type { Record } from '../../src/processor/record.ts'
import type { StoreHandle } from '../../src/processor/store-handle.ts'
import type { TimestampedKeyValueView, TimestampedWindowView } from '../../src/processor/store-views.ts'
import { int32, int64, json, string, timeWindowed, type Windowed } from '../../src/serdes/index.ts'

interface Order {
  readonly customer: string
  readonly amount: number | null
}

const orders = topic('orders', { key: int32, value: json<Order>() })
const names = topic('names', { key: string, value: string })
const totals = topic('totals', { key: string, value: int64 })

const stream = () => new StreamsBuilder().stream(orders)

describe('The type of a stream', () => {
  it('comes from its topic', () => {
    expectTypeOf(stream()).toEqualTypeOf<KStream<number, Order>>()
  })

  it('travels through the steps', () => {
    const amounts = stream().mapValues((order) => order.amount)
    expectTypeOf(amounts).toEqualTypeOf<KStream<number, number | null, 'value serde'>>()
    const pairs = stream().map((order, id) => [order.customer, id], { key: string })
    expectTypeOf(pairs).toEqualTypeOf<KStream<string, number, 'value serde' | 'partitioning'>>()
    const letters = stream().flatMapValues((order) => order.customer.split(''), { value: string })
    expectTypeOf(letters).toEqualTypeOf<KStream<number, string>>()
    const many = stream().flatMap((order, id) => [[order.customer, id] as const], { key: string, value: int32 })
    expectTypeOf(many).toEqualTypeOf<KStream<string, number, 'partitioning'>>()
    const keyed = stream().selectKey((order) => order.customer)
    expectTypeOf(keyed).toEqualTypeOf<KStream<string, Order, 'key serde' | 'partitioning'>>()
  })

  it('is narrowed by a filter that guards, also by an inferred guard', () => {
    const amounts = stream()
      .mapValues((order) => order.amount, { value: int64 })
      .filter((amount) => amount !== null)
    expectTypeOf(amounts).toEqualTypeOf<KStream<number, number>>()
    const without = stream()
      .mapValues((order) => order.amount, { value: int64 })
      .filterNot((amount): amount is null => amount === null)
    expectTypeOf(without).toEqualTypeOf<KStream<number, number>>()
    expectTypeOf(stream().filter((order) => order.customer.length > 3)).toEqualTypeOf<KStream<number, Order>>()
  })

  it('knows its serdes again when a step is given them', () => {
    const forgotten = stream().mapValues((order) => order.customer)
    expectTypeOf(forgotten.mapValues((name) => name, { value: string })).toEqualTypeOf<KStream<number, string>>()
    expectTypeOf(forgotten.repartition({ value: string })).toEqualTypeOf<KStream<number, string>>()
  })

  it('lacks after a merge what either side lacks', () => {
    const builder = new StreamsBuilder()
    const left = builder.stream(names).mapValues((name) => name.length)
    const right = builder.stream(names).map((name, key) => [key, name.length], { value: int32 })
    expectTypeOf(left.merge(right)).toEqualTypeOf<
      KStream<string, number, 'key serde' | 'value serde' | 'partitioning'>
    >()
  })

  it('is generic in what it lacks for a helper that takes any', () => {
    function shout<L extends Lack>(
      lines: KStream<string, string, L>,
    ): KStream<string, string, Exclude<L, 'value serde'>> {
      return lines.mapValues((line) => line.toUpperCase(), { value: string })
    }
    const lines = new StreamsBuilder().stream(names).mapValues((line) => `${line}!`)
    expectTypeOf(shout(lines)).toEqualTypeOf<KStream<string, string>>()
  })

  it('is what a processor forwards', () => {
    const lengths = (): Processor<number, Order, string, number> => ({
      process: (_: Record<number, Order>) => undefined,
    })
    expectTypeOf(stream().process(lengths, { key: string, value: int32 })).toEqualTypeOf<
      KStream<string, number, 'partitioning'>
    >()
    const counted = (): Processor<number, Order, number, string> => ({ process: () => undefined })
    expectTypeOf(stream().processValues(counted)).toEqualTypeOf<KStream<number, string, 'value serde'>>()
    // @ts-expect-error processValues cannot change the key
    const wrong = (): unknown => stream().processValues(lengths)
    expectTypeOf(wrong).toBeFunction()
  })
})

describe('The type of a table', () => {
  it('says null where rows may be deleted', () => {
    const builder = new StreamsBuilder()
    const table = builder.table(orders)
    expectTypeOf(table).toEqualTypeOf<KTable<number, Order | null>>()
    expectTypeOf(table.toStream()).toEqualTypeOf<KStream<number, Order | null>>()
    const amounts = table.mapValues((order) => order.amount ?? 0, { value: int64 })
    expectTypeOf(amounts).toEqualTypeOf<KTable<number, number | null>>()
    expectTypeOf(builder.stream(names).groupByKey().count().toStream()).toEqualTypeOf<KStream<string, number>>()
  })

  it('is the handle of its store, if it has one', () => {
    const builder = new StreamsBuilder()
    const counts = builder.stream(names).groupByKey().count()
    expectTypeOf(counts).toExtend<StoreHandle<TimestampedKeyValueView<string, number>>>()
    const stored = builder.table(orders, { store: 'orders' })
    expectTypeOf(stored).toExtend<StoreHandle<TimestampedKeyValueView<number, Order>>>()
    const long = counts.filter((count) => count > 3, { store: { name: 'long' } })
    expectTypeOf(long).toExtend<StoreHandle<TimestampedKeyValueView<string, number>>>()
    const perWindow = builder.stream(names).groupByKey().windowedBy(tumbling(10)).count()
    expectTypeOf(perWindow).toExtend<StoreHandle<TimestampedWindowView<string, number>>>()
    expectTypeOf(perWindow.toStream()).toEqualTypeOf<KStream<Windowed<string>, number>>()
    expectTypeOf(counts.filter((count) => count > 3)).not.toExtend<StoreHandle<unknown>>()
    expectTypeOf(builder.table(names)).not.toExtend<StoreHandle<unknown>>()
  })

  it('comes from the initializer and the serde of an aggregate', () => {
    const grouped = stream().groupByKey()
    const sums = grouped.aggregate(
      () => 0,
      (sum, order) => sum + (order.amount ?? 0),
      { value: int64 },
    )
    expectTypeOf(sums.toStream()).toEqualTypeOf<KStream<number, number>>()
    const latest = grouped.aggregate(
      () => null,
      (_, order) => order.customer,
      { value: string },
    )
    expectTypeOf(latest.toStream()).toEqualTypeOf<KStream<number, string>>()
    const emptied = grouped.aggregate(
      () => 0,
      (sum, order) => (order.amount === null ? null : sum + 1),
      { value: int64 },
    )
    expectTypeOf(emptied.toStream()).toEqualTypeOf<KStream<number, number | null>>()
    const reduced = grouped.reduce((first) => first)
    expectTypeOf(reduced.toStream()).toEqualTypeOf<KStream<number, Order>>()
  })
})

describe('A null that is declared', () => {
  const nullable: Serde<string | null> = string
  const withNulls = topic('with-nulls', { key: string, value: nullable })

  it('is seen by stateless steps and by windowed folds, not by plain folds and joins', () => {
    const builder = new StreamsBuilder()
    const lines = builder.stream(withNulls)
    lines.mapValues((value) => expectTypeOf(value).toEqualTypeOf<string | null>())
    lines.groupByKey().aggregate(
      () => '',
      (all, value) => {
        expectTypeOf(value).toEqualTypeOf<string>()
        return all + value
      },
      { value: string },
    )
    lines
      .groupByKey()
      .windowedBy(tumbling(10))
      .aggregate(
        () => '',
        (all, value) => {
          expectTypeOf(value).toEqualTypeOf<string | null>()
          return all + value
        },
        { value: string },
      )
    const table = builder.table(names)
    lines.join(table, (left, right) => {
      expectTypeOf(left).toEqualTypeOf<string>()
      expectTypeOf(right).toEqualTypeOf<string>()
      return left + right
    })
    lines.leftJoin(table, (_, right) => expectTypeOf(right).toEqualTypeOf<string | undefined>())
    lines.to(names)
  })
})

describe('A wrong topology does not compile', () => {
  it('with a sink for other keys or values', () => {
    const wrong = (): void => {
      const lines = new StreamsBuilder().stream(names)
      // @ts-expect-error the topic's values are numbers
      lines.to(totals)
      // @ts-expect-error the topic's keys are numbers
      lines.to(topic('by-number', { key: int32, value: string }))
      // @ts-expect-error some of the values are numbers
      lines.mapValues((line): string | number => line).to(names)
      // @ts-expect-error windowed keys need a windowed serde
      lines.groupByKey().windowedBy(tumbling(10)).count().toStream().to(totals)
    }
    expectTypeOf(wrong).toBeFunction()
    const right = (): void => {
      const windowed = topic('windowed', { key: timeWindowed(string, 10), value: int64 })
      new StreamsBuilder().stream(names).groupByKey().windowedBy(tumbling(10)).count().toStream().to(windowed)
    }
    expectTypeOf(right).toBeFunction()
  })

  it('with a join on another type of key', () => {
    const wrong = (): void => {
      const builder = new StreamsBuilder()
      // @ts-expect-error the table's keys are numbers, the stream's strings
      builder.stream(names).join(builder.table(orders), (name) => name)
      // @ts-expect-error and the other way round
      builder.stream(orders).leftJoin(builder.table(names), (order) => order)
      // @ts-expect-error windowed keys are no strings
      builder.stream(names).join(builder.stream(names).groupByKey().windowedBy(tumbling(10)).count(), (name) => name)
    }
    expectTypeOf(wrong).toBeFunction()
  })

  it('with a serde that cannot write the result', () => {
    const wrong = (): void => {
      const lines = new StreamsBuilder().stream(names)
      // @ts-expect-error lengths are numbers
      lines.mapValues((line) => line.length, { value: string })
      // @ts-expect-error the new key is a number
      lines.selectKey((line) => line.length, { key: string })
      // @ts-expect-error the new key is a number
      lines.map((line) => [line.length, line], { key: string, value: string })
      // @ts-expect-error the new key is a number
      lines.groupBy((line) => line.length, { key: string })
      const addOne = (sum: number): number => sum + 1
      // @ts-expect-error the sum is a number
      lines.groupByKey().aggregate(() => 0, addOne, { value: string })
    }
    expectTypeOf(wrong).toBeFunction()
  })

  it('without a serde that a repartition needs: the compiler says which', () => {
    const lines = () => new StreamsBuilder().stream(names)
    const lengths = () => lines().mapValues((line) => line.length)

    expectTypeOf(lengths).returns.toHaveProperty('groupByKey')
    const values = () => lengths().groupBy((length) => length, { key: int32 })
    expectTypeOf<ReturnType<typeof values>>().toEqualTypeOf<
      DslError<'groupBy needs the value serde: give { value: … } to the step that made the values, or to groupBy'>
    >()
    expect(values).to.throw(/TOPOLOGY_INVALID.* value serde/)

    const keys = () => lines().groupBy((line) => line)
    expectTypeOf<ReturnType<typeof keys>>().toEqualTypeOf<
      DslError<'groupBy needs the key serde: give { key: … } to the step that made the keys, or to groupBy'>
    >()
    expect(keys).to.throw(/TOPOLOGY_INVALID.* key serde/)

    const rekeyed = () => lines().selectKey((line) => line.length)
    const grouping = () => rekeyed().groupByKey()
    expectTypeOf<ReturnType<typeof grouping>>().toEqualTypeOf<
      DslError<'groupByKey needs the key serde: give { key: … } to the step that made the keys, or to groupByKey'>
    >()
    expect(grouping).to.throw('TOPOLOGY_INVALID')

    const joining = () => {
      const builder = new StreamsBuilder()
      return builder
        .stream(names)
        .selectKey((line) => line)
        .join(builder.table(names), (left, right) => left + right)
    }
    expectTypeOf<ReturnType<typeof joining>>().toEqualTypeOf<
      DslError<'join needs the key serde: give { key: … } to the step that made the keys, or to join'>
    >()
    expect(joining).to.throw('TOPOLOGY_INVALID')
    // @ts-expect-error what was not drawn cannot be drawn on
    expect(() => joining().to(names)).to.throw('TOPOLOGY_INVALID')
  })

  it('without a serde that a store needs', () => {
    const lengths = () => new StreamsBuilder().stream(names).mapValues((line) => line.length)
    const reducing = () =>
      lengths()
        .groupByKey()
        .reduce((left, right) => left + right)
    expectTypeOf<ReturnType<typeof reducing>>().toEqualTypeOf<
      DslError<'reduce needs the value serde: give { value: … } to the step that made the values, or to reduce'>
    >()
    expect(reducing).to.throw(/TOPOLOGY_INVALID.* value serde/)

    const mapped = () => new StreamsBuilder().table(names).mapValues((line) => line.length, { store: 'lengths' })
    expectTypeOf<ReturnType<typeof mapped>>().toEqualTypeOf<
      DslError<'mapValues needs the value serde: give { value: … } to the step that made the values, or to mapValues'>
    >()
    expect(mapped).to.throw('TOPOLOGY_INVALID')

    const wrong = (): void => {
      const add = (sum: number, length: number): number => sum + length
      const grouped = lengths().groupByKey()
      // @ts-expect-error an aggregate needs its serde
      grouped.aggregate(() => 0, add)
      // @ts-expect-error in its options
      grouped.aggregate(() => 0, add, { store: 'sums' })
    }
    expectTypeOf(wrong).toBeFunction()
  })

  it('but asks for nothing that is not needed', () => {
    const lengths = new StreamsBuilder().stream(names).mapValues((line) => line.length)
    expectTypeOf(lengths.groupByKey().count()).toHaveProperty('storeName')
    expectTypeOf(lengths.groupByKey().reduce((left, right) => left + right, { value: int32 })).toHaveProperty(
      'storeName',
    )
    const builder = new StreamsBuilder()
    const joined = builder
      .stream(names)
      .mapValues((line) => line.length)
      .join(builder.table(names), (left) => left)
    expect(joined).to.be.instanceOf(KStream)
  })

  it('with a promise from an ordinary callback', () => {
    const wrong = (): void => {
      const lines = new StreamsBuilder().stream(names)
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
      const later = async (sum: number): Promise<number> => sum + 1
      // @ts-expect-error a promise is no accumulator
      lines.groupByKey().aggregate(() => 0, later, { value: int64 })
      // @ts-expect-error a promise is no result
      lines.join(new StreamsBuilder().table(names), async (left) => left)
    }
    expectTypeOf(wrong).toBeFunction()
  })
})
