/** Groups of a stream by key and window of time: what is folded over each becomes a table of windowed keys. */

import type { Serde } from '../src/base/serde.ts'
import type { TimestampedWindowView } from '../src/processor/store-views.ts'
import { int64 } from '../src/serdes/numbers.ts'
import { timeWindowed, type Windowed } from '../src/serdes/windowed.ts'
import type { Accumulator, Lack, MaybeSerde, Needs, NotPromise, StillLacking } from './dsl-error.ts'
import { StoredTable } from './ktable.ts'
import {
  type Aggregator,
  aggregateFold,
  countFold,
  type Fold,
  type Initializer,
  type Reducer,
  reduceFold,
} from './operators/fold.ts'
import { windowStoreView } from './operators/table-view.ts'
import { windowedAggregate } from './operators/windowed-aggregate.ts'
import type { AggregateOptions, CountOptions, FoldOptions, ReduceOptions, Retention } from './options.ts'
import { givenSerde, needed } from './plan/draft.ts'
import { drawFold, type Group, passCountNumber } from './plan/fold-step.ts'
import { checkStep, windowedFoldChecks } from './plan/option-checks.ts'
import { windowStore } from './plan/store-plan.ts'
import type { TumblingWindows } from './windows.ts'

/** A table of one row for each key and window, kept in a window store. */
export type WindowTable<K, A> = StoredTable<Windowed<K>, A, TimestampedWindowView<K, NonNullable<A>>>

export class TimeWindowedKStream<K, V, Lacks extends Lack = never> {
  readonly #group: Group<K, V>
  readonly #windows: TumblingWindows

  constructor(group: Group<K, V>, windows: TumblingWindows) {
    this.#group = group
    this.#windows = windows
  }

  /**
   * How many records each key has in each window, those without value too. Late records and those without key are dropped and counted.
   *
   * @example
   * clicks.groupByKey().windowedBy(tumbling(60_000)).count({ store: 'clicks-per-minute' })
   */
  count(options: CountOptions<K> & Retention = {}): WindowTable<K, number> {
    checkStep('count', windowedFoldChecks, options)
    passCountNumber(this.#group.stream.plan, 'KSTREAM-AGGREGATE-', options)
    return this.#fold('KSTREAM-AGGREGATE-', countFold(), givenSerde(options.value) ?? int64, options)
  }

  /** As on a grouped stream, in each window apart; but values may be null. */
  reduce<R extends V | null, VS extends MaybeSerde = undefined>(
    this: Needs<'reduce', StillLacking<Lacks, 'value serde', VS>>,
    reducer: (accumulator: NonNullable<V>, value: V, key: K) => R & NotPromise<R>,
    options?: ReduceOptions<K, V, VS> & Retention,
  ): WindowTable<K, NonNullable<V> | Extract<R | V, null>>
  reduce(
    reducer: (accumulator: NonNullable<V>, value: V, key: K) => V | null,
    options: ReduceOptions<K, V, MaybeSerde> & Retention = {},
  ): unknown {
    checkStep('reduce', windowedFoldChecks, options, reducer)
    const value = needed(
      'reduce',
      'value',
      givenSerde<V>(options.value) ?? this.#group.stream.value,
      this.#group.stream,
    )
    return this.#fold<V>('KSTREAM-REDUCE-', reduceFold(reducer as Reducer<K, V>), value, options)
  }

  /**
   * As on a grouped stream, in each window apart; but values may be null.
   *
   * @example
   * readings.groupByKey().windowedBy(tumbling(10_000)).aggregate(() => 0, (sum, reading) => sum + reading, { value: float64 })
   */
  aggregate<I, A, R extends Accumulator<I, A> | null>(
    this: NotPromise<I>,
    initializer: () => I,
    aggregator: (accumulator: Accumulator<I, A>, value: V, key: K) => R & NotPromise<R>,
    options: AggregateOptions<K, I, A> & Retention,
  ): WindowTable<K, NonNullable<Accumulator<I, A>> | Extract<R, null>>
  aggregate<A>(
    initializer: Initializer<A>,
    aggregator: Aggregator<K, V, A>,
    options: AggregateOptions<K, A, A> & Retention,
  ): unknown {
    checkStep('aggregate', windowedFoldChecks, options, initializer, aggregator)
    const fold = aggregateFold<K, V, A>(initializer, aggregator)
    const value = needed('aggregate', 'value', givenSerde<A>(options.value), this.#group.stream)
    return this.#fold('KSTREAM-AGGREGATE-', fold, value, options)
  }

  #fold<A>(
    prefix: string,
    fold: Fold<K, V, A>,
    value: Serde<A>,
    options: FoldOptions<K> & Retention,
  ): WindowTable<K, A> {
    const { plan } = this.#group.stream
    const windows = this.#windows
    const { storeName, key, ...drawn } = drawFold(this.#group, prefix, options, {
      store: (name, chosen, inner) => windowStore(name, chosen, inner, value, windows, options.retentionMs),
      supplier: (told) => windowedAggregate(fold, { ...told, valueSerde: value, windows }),
    })
    const windowedKey: Serde<Windowed<K>> = timeWindowed(key, windows.sizeMs)
    return new StoredTable({ plan, ...drawn, key: windowedKey, value, view: windowStoreView(storeName) }, storeName)
  }
}
