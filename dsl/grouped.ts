/** Streams grouped by key: what is folded over each group becomes a table. */

import type { Serde } from '../src/base/serde.ts'
import type { ErrorPolicies } from '../src/processor/error-policy.ts'
import type { TimestampedKeyValueView } from '../src/processor/store-views.ts'
import { int64 } from '../src/serdes/numbers.ts'
import type { Accumulator, Lack, MaybeSerde, Needs, NotPromise, StillLacking } from './dsl-error.ts'
import { StoredTable } from './ktable.ts'
import { aggregate } from './operators/aggregate.ts'
import {
  type Aggregator,
  aggregateFold,
  countFold,
  type Fold,
  type Initializer,
  type Reducer,
  reduceFold,
} from './operators/fold.ts'
import { storeView } from './operators/table-view.ts'
import type { AggregateOptions, CountOptions, FoldOptions, ReduceOptions } from './options.ts'
import { draft, givenSerde, needed, type StreamDraft } from './plan/draft.ts'
import { drawFold, type Group, passCountNumber } from './plan/fold-step.ts'
import type { RepartitionNode } from './plan/node.ts'
import { checkStep, foldChecks, requireDrawn } from './plan/option-checks.ts'
import { drawRepartition } from './plan/repartition.ts'
import { rowStore } from './plan/store-plan.ts'
import { TimeWindowedKStream } from './windowed.ts'
import { isTumbling, type TumblingWindows } from './windows.ts'

/** A table of one row for each key, kept in a store. */
export type GroupTable<K, A> = StoredTable<K, A, TimestampedKeyValueView<K, NonNullable<A>>>

export class KGroupedStream<K, V, Lacks extends Lack = never> {
  readonly [draft]: StreamDraft<K, V>
  readonly #group: Group<K, V>
  readonly #name: string | undefined
  readonly #onError: ErrorPolicies | undefined
  /** A named grouping has one repartition topic for all its folds. */
  #repartition: RepartitionNode | null = null

  constructor(drawn: StreamDraft<K, V>, name: string | undefined, onError: ErrorPolicies | undefined) {
    this[draft] = Object.freeze(drawn)
    this.#group = { stream: drawn, source: (storeName) => this.#source(storeName) }
    this.#name = name
    this.#onError = onError
  }

  /**
   * How many records each key has. Records without key or value are dropped and counted.
   *
   * @example
   * words.groupBy((word) => word, { key: string }).count({ store: 'word-counts' })
   */
  count(options: CountOptions<K> = {}): GroupTable<K, number> {
    checkStep('count', foldChecks, options)
    passCountNumber(this[draft].plan, 'KSTREAM-AGGREGATE-', options)
    return this.#fold('KSTREAM-AGGREGATE-', countFold(), givenSerde(options.value) ?? int64, options)
  }

  /**
   * Each value with the result so far; the first value is the first result. A null result deletes the row. The fold may change its
   * accumulator. Records without key or value are dropped and counted.
   *
   * @example
   * bids.groupByKey().reduce((highest, bid) => (bid.amount > highest.amount ? bid : highest))
   */
  reduce<R extends V | null, VS extends MaybeSerde = undefined>(
    this: Needs<'reduce', StillLacking<Lacks, 'value serde', VS>>,
    reducer: (accumulator: NonNullable<V>, value: NonNullable<V>, key: K) => R & NotPromise<R>,
    options?: ReduceOptions<K, V, VS>,
  ): GroupTable<K, NonNullable<V> | Extract<R, null>>
  reduce(
    reducer: (accumulator: NonNullable<V>, value: NonNullable<V>, key: K) => V | null,
    options: ReduceOptions<K, V, MaybeSerde> = {},
  ): unknown {
    checkStep('reduce', foldChecks, options, reducer)
    const value = needed('reduce', 'value', givenSerde<V>(options.value) ?? this[draft].value, this[draft])
    return this.#fold<V>('KSTREAM-REDUCE-', reduceFold(reducer as Reducer<K, V>), value, options)
  }

  /**
   * Folds the values of each key into an accumulator of another type, which the fold may change and returns; null deletes the row.
   * A fold that throws must not have changed it yet. Records without key or value are dropped and counted.
   *
   * @example
   * orders.groupByKey().aggregate(() => 0, (sum, order) => sum + order.amount, { value: float64, store: 'totals' })
   */
  aggregate<I, A, R extends Accumulator<I, A> | null>(
    this: NotPromise<I>,
    initializer: () => I,
    aggregator: (accumulator: Accumulator<I, A>, value: NonNullable<V>, key: K) => R & NotPromise<R>,
    options: AggregateOptions<K, I, A>,
  ): GroupTable<K, NonNullable<Accumulator<I, A>> | Extract<R, null>>
  aggregate<A>(
    initializer: Initializer<A>,
    aggregator: (accumulator: A, value: NonNullable<V>, key: K) => A | null,
    options: AggregateOptions<K, A, A>,
  ): unknown {
    checkStep('aggregate', foldChecks, options, initializer, aggregator)
    const fold = aggregateFold<K, V, A>(initializer, aggregator as Aggregator<K, V, A>)
    const value = needed('aggregate', 'value', givenSerde<A>(options.value), this[draft])
    return this.#fold('KSTREAM-AGGREGATE-', fold, value, options)
  }

  /** The same groups, each window of time apart. */
  windowedBy(windows: TumblingWindows): TimeWindowedKStream<K, V, Lacks> {
    requireDrawn('windowedBy', windows, isTumbling, 'windows: tumbling(60_000)')
    return new TimeWindowedKStream(this.#group, windows)
  }

  #fold<A>(prefix: string, fold: Fold<K, V, A>, value: Serde<A>, options: FoldOptions<K>): GroupTable<K, A> {
    const { plan } = this[draft]
    const { storeName, ...drawn } = drawFold(this.#group, prefix, options, {
      store: (name, chosen, key) => rowStore(name, chosen, key, value),
      supplier: (told) => aggregate(fold, { ...told, valueSerde: value }),
    })
    return new StoredTable({ plan, ...drawn, value, view: storeView(storeName) }, storeName)
  }

  #source(storeName: string): Pick<StreamDraft<K, V>, 'node' | 'sources'> {
    const { plan, node: parent, rekeyed } = this[draft]
    if (!rekeyed) return this[draft]
    const key = needed('a grouping', 'key', this[draft].key, this[draft])
    const value = needed('a grouping', 'value', this[draft].value, this[draft])
    const made = drawRepartition(plan, parent, { prefix: this.#name ?? storeName, key, value, onError: this.#onError })
    if (this.#repartition === null || this.#name === undefined) this.#repartition = made
    const node = plan.attach(this.#repartition)
    return { node, sources: [node] }
  }
}
