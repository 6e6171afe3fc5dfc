/**
 * What the compiler says to a topology: `tsc` checks this file. A wrong drawing stands in a function that is never called, or is
 * called to see that it is refused at run time too, for callers without types.
 */
import { expect } from 'chai'
import { expectTypeOf } from 'expect-type'
import type { Needs } from '../../dsl/dsl-error.ts'
import {
  type DslError,
  KStream,
  type KTable,
  type Lack,
  type RowsByKey,
  StreamsBuilder,
  topic,
  tumbling,
} from '../../dsl/index.ts'
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
    const loose = grouped.aggregate(
      () => ({ sum: 0 }),
      ({ sum }, order) => ({ sum: sum + (order.amount ?? 0) }),
      { value: json() },
    )
    expectTypeOf(loose.toStream()).toEqualTypeOf<KStream<number, { sum: number }>>()
    const listed = grouped.aggregate(
      () => [],
      (all, order) => [...all, order.customer],
      { value: json<string[]>() },
    )
    expectTypeOf(listed.toStream()).toEqualTypeOf<KStream<number, string[]>>()
    const optional = grouped.aggregate(
      () => ({}),
      (all, order) => ({ ...all, [order.customer]: 1 }),
      { value: json<{ [name: string]: number }>() },
    )
    expectTypeOf(optional.toStream()).toEqualTypeOf<KStream<number, { [name: string]: number }>>()
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
      const [byName, byNumber] = [builder.table(names), builder.table(orders)]
      const either = builder.stream(topic('either', { key: json<string | number>(), value: string }))
      // @ts-expect-error some of the keys are numbers
      either.join(byName, (line) => line)
      // @ts-expect-error some of the keys are numbers
      either.leftJoin(byName, (line) => line)
      const eitherKey = ({ customer, amount }: Order): string | number => amount ?? customer
      const keyed = builder.stream(orders).selectKey(eitherKey, { key: json<string | number>() })
      // @ts-expect-error some of the new keys are numbers
      keyed.join(byName, (order) => order)
      // @ts-expect-error some of the new keys are numbers
      keyed.leftJoin(byName, (order) => order)
      const unknown = builder.stream(topic('unknown', { key: json(), value: string }))
      // @ts-expect-error the keys may be anything
      unknown.join(byNumber, (line) => line)
      // @ts-expect-error the keys may be anything
      unknown.leftJoin(byName, (line) => line)
      const absent = builder.stream(topic('absent', { key: json<string | undefined>(), value: string }))
      // @ts-expect-error some of the keys are undefined
      absent.join(byName, (line) => line)
      // @ts-expect-error a table is what its keys are: with this one anything could be looked up in it
      const hidden: RowsByKey<unknown, string> = byName
      expect(hidden).not.to.equal(null)
    }
    expectTypeOf(wrong).toBeFunction()
  })

  it('but with a join on keys that the table has the type for', () => {
    type Id = string & { readonly brand: 'id' }
    const builder = new StreamsBuilder()
    const byName = builder.table(names)
    const both = (left: string, right: string): string => left + right
    const letters: Serde<'a' | 'b'> = json()
    builder.stream(topic('letters', { key: letters, value: string })).join(byName, both)
    builder.stream(topic('ids', { key: json<Id>(), value: string })).leftJoin(byName, (left) => left)
    const one = builder.stream(names).selectKey((): 'one' => 'one', { key: string })
    expectTypeOf(one.join(byName, both)).toEqualTypeOf<KStream<'one', string, 'value serde'>>()
    builder.stream(topic('nullable', { key: json<string | null>(), value: string })).join(byName, both)
    const anything = builder.table(topic('anything', { key: json(), value: string }))
    builder.stream(topic('unknown', { key: json(), value: string })).join(anything, both)
    const helper = <K>(
      lines: KStream<K, string>,
      table: KTable<K, string | null>,
    ): KStream<K, string, 'value serde'> => {
      return lines.join(table, both)
    }
    expect(
      helper(builder.stream(names), builder.table(topic('others', { key: string, value: string }))),
    ).to.be.instanceOf(KStream)
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
    // @ts-expect-error groupBy needs the value serde
    const values = (): unknown => lengths().groupBy((length) => length, { key: int32 })
    expect(values).to.throw(/TOPOLOGY_INVALID.* value serde/)
    // @ts-expect-error groupBy needs the key serde
    const keys = (): unknown => lines().groupBy((line) => line)
    expect(keys).to.throw(/TOPOLOGY_INVALID.* key serde/)
    const rekeyed = () => lines().selectKey((line) => line.length)
    // @ts-expect-error groupByKey needs the key serde
    const grouping = (): unknown => rekeyed().groupByKey()
    expect(grouping).to.throw(/TOPOLOGY_INVALID.*groupByKey behind 'KSTREAM-KEY-SELECT-0000000001' needs the key serde/)
    // @ts-expect-error repartition needs the value serde
    const repartitioned = (): unknown => lengths().repartition()
    expect(repartitioned).to.throw('TOPOLOGY_INVALID')

    const builder = new StreamsBuilder()
    const byLine = builder.stream(names).selectKey((line) => line)
    const table = builder.table(names)
    const both = (left: string, right: string): string => left + right
    // @ts-expect-error join needs the key serde
    expect(() => byLine.join(table, both)).to.throw('TOPOLOGY_INVALID')
    // @ts-expect-error leftJoin needs the key serde
    expect(() => byLine.leftJoin(table, (left) => left)).to.throw('TOPOLOGY_INVALID')

    expectTypeOf<Needs<'groupBy', 'value serde'>>().toEqualTypeOf<
      DslError<'groupBy needs the value serde: give { value: … } to the step that made the values, or to groupBy'>
    >()
    expectTypeOf<Needs<'groupBy', 'key serde'>>().toEqualTypeOf<
      DslError<'groupBy needs the key serde: give { key: … } to the step that made the keys, or to groupBy'>
    >()
  })

  it('without a serde that a store needs', () => {
    const lengths = () => new StreamsBuilder().stream(names).mapValues((line) => line.length)
    const grouped = lengths().groupByKey()
    const add = (sum: number, length: number): number => sum + length
    // @ts-expect-error reduce needs the value serde
    expect(() => grouped.reduce(add)).to.throw(/TOPOLOGY_INVALID.* value serde/)
    // @ts-expect-error reduce needs the value serde, also when nobody uses the result
    expect(() => grouped.reduce(add, { store: 'sums' })).to.throw('TOPOLOGY_INVALID')
    const windowed = grouped.windowedBy(tumbling(10))
    // @ts-expect-error reduce needs the value serde
    expect(() => windowed.reduce(add, { store: 'sums' })).to.throw('TOPOLOGY_INVALID')

    const table = new StreamsBuilder().table(names)
    const lengthOf = (line: string): number => line.length
    // @ts-expect-error mapValues needs the value serde
    expect(() => table.mapValues(lengthOf, { store: 'lengths' })).to.throw('TOPOLOGY_INVALID')
    const mapped = table.mapValues(lengthOf)
    const isLong = (length: number): boolean => length > 3
    // @ts-expect-error filter needs the value serde
    expect(() => mapped.filter(isLong, { store: 'long' })).to.throw('TOPOLOGY_INVALID')
    // @ts-expect-error filterNot needs the value serde
    expect(() => mapped.filterNot(isLong, { store: { name: 'short' } })).to.throw('TOPOLOGY_INVALID')
    expectTypeOf(mapped.filter(isLong, { store: 'long', value: int32 })).toHaveProperty('storeName')

    const wrong = (): void => {
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

  it('with a key or value that may be undefined, where the serde cannot write it', () => {
    interface Visit {
      readonly page?: string
      readonly count: number
    }
    const visits = topic('visits', { key: string, value: json<Visit>() })
    const stream = new StreamsBuilder().stream(visits)
    const wrong = (): void => {
      // @ts-expect-error some have no page
      stream.groupBy((visit) => visit.page, { key: string })
      // @ts-expect-error some have no page
      stream.mapValues((visit) => visit.page, { value: string })
      // @ts-expect-error some have no page
      stream.mapValues((visit) => visit.page).to(names)
      // @ts-expect-error some have no page
      stream.map((visit) => [visit.page, visit.count], { key: string })
    }
    expectTypeOf(wrong).toBeFunction()
    const right = (): void => {
      stream.groupBy((visit) => visit.page ?? null, { key: string }).count()
      stream.mapValues((visit) => visit.page ?? null, { value: string }).to(names)
      const withPage = stream.mapValues((visit) => visit.page).filter((page) => page !== undefined)
      withPage.to(names)
    }
    expectTypeOf(right).toBeFunction()
  })
})
