/**
 * Tables: the latest value of each key. `V` includes null where rows may be deleted; callbacks never see one.
 */
import type { StoreHandle } from '../src/processor/store-handle.ts'
import type { TimestampedKeyValueView } from '../src/processor/store-views.ts'
import type { Lack, LackOf, Made, MaybeSerde, Needs, NotPromise, StillLacking } from './dsl-error.ts'
import { KStream } from './kstream.ts'
import { filterRow, mapRow, type RowMapper } from './operators/row-mapper.ts'
import { storedTableStep } from './operators/stored-table-step.ts'
import { tableStep } from './operators/table-step.ts'
import { mappedView, storeView } from './operators/table-view.ts'
import { toStream } from './operators/to-stream.ts'
import type { StepOptions, StoreChoice, TableStepOptions } from './options.ts'
import { draft, givenSerde, needed, type TableDraft, type TableRows } from './plan/draft.ts'
import { checkStep, stepChecks, tableStepChecks } from './plan/option-checks.ts'
import { rowStore, storeOptions } from './plan/store-plan.ts'

type StoreName = string | { readonly name: string }

/** A table with a store if `S` names one. */
export type TableOf<K, V, S, Lacks extends Lack = never> = S extends StoreName
  ? StoredTable<K, V, TimestampedKeyValueView<K, NonNullable<V>>>
  : KTable<K, V, Lacks>

/** What a step of a table needs: its serdes, if `S` names a store. */
type StoreNeeds<Step extends string, S, Lacks extends Lack> = S extends StoreName ? Needs<Step, Lacks> : unknown

/** What is lacked after a filter. */
type Filtered<Lacks extends Lack, KS, VS> =
  | StillLacking<Lacks, 'key serde', KS>
  | StillLacking<Lacks, 'value serde', VS>

/** What is lacked after a step that made new values. */
type Mapped<Lacks extends Lack, KS, VS> = StillLacking<Lacks, 'key serde', KS> | LackOf<'value serde', VS>

type AnyStepOptions<K, V> = TableStepOptions<StoreChoice | undefined, K, MaybeSerde, V, MaybeSerde>

/** A table in which every `K` can be looked up, as a join asks for it. */
export interface RowsByKey<in K, out V> {
  readonly [draft]: TableRows<K, V>
}

export class KTable<K, V, Lacks extends Lack = never> {
  readonly [draft]: TableDraft<K, V>

  constructor(drawn: TableDraft<K, V>) {
    this[draft] = Object.freeze(drawn)
  }

  /**
   * The rows that pass. A row that does not is told as a delete, also where it was none, unless the table above has a store.
   *
   * @example
   * counts.filter((count) => count > 10)
   */
  filter<
    V2 extends NonNullable<V>,
    S extends StoreChoice | undefined = undefined,
    KS extends MaybeSerde = undefined,
    VS extends MaybeSerde = undefined,
  >(
    this: StoreNeeds<'filter', S, Filtered<Lacks, KS, VS>>,
    keep: (value: NonNullable<V>, key: K) => value is V2,
    options?: TableStepOptions<S, K, KS, V2, VS>,
  ): TableOf<K, V2 | null, S, Filtered<Lacks, KS, VS>>
  filter<
    S extends StoreChoice | undefined = undefined,
    KS extends MaybeSerde = undefined,
    VS extends MaybeSerde = undefined,
  >(
    this: StoreNeeds<'filter', S, Filtered<Lacks, KS, VS>>,
    keep: (value: NonNullable<V>, key: K) => boolean,
    options?: TableStepOptions<S, K, KS, V, VS>,
  ): TableOf<K, V | null, S, Filtered<Lacks, KS, VS>>
  filter(keep: (value: NonNullable<V>, key: K) => boolean, options: AnyStepOptions<K, V> = {}): unknown {
    checkStep('filter', tableStepChecks, options, keep)
    return this.#filter(keep, true, options)
  }

  /** The rows that do not pass. */
  filterNot<
    S extends StoreChoice | undefined = undefined,
    KS extends MaybeSerde = undefined,
    VS extends MaybeSerde = undefined,
  >(
    this: StoreNeeds<'filterNot', S, Filtered<Lacks, KS, VS>>,
    drop: (value: NonNullable<V>, key: K) => boolean,
    options?: TableStepOptions<S, K, KS, V, VS>,
  ): TableOf<K, V | null, S, Filtered<Lacks, KS, VS>>
  filterNot(drop: (value: NonNullable<V>, key: K) => boolean, options: AnyStepOptions<K, V> = {}): unknown {
    checkStep('filterNot', tableStepChecks, options, drop)
    return this.#filter(drop, false, options)
  }

  /**
   * The same rows with other values; not called for deletes. A null result deletes. The serde of the result is forgotten unless given,
   * and needed where a store is named.
   *
   * @example
   * counts.mapValues((count) => `${count} times`, { value: string, store: 'told' })
   */
  mapValues<
    V2,
    S extends StoreChoice | undefined = undefined,
    KS extends MaybeSerde = undefined,
    VS extends MaybeSerde = undefined,
  >(
    this: StoreNeeds<'mapValues', S, Mapped<Lacks, KS, VS>>,
    mapper: (value: NonNullable<V>, key: K) => V2 & NotPromise<V2>,
    options?: TableStepOptions<S, K, KS, V2, VS>,
  ): TableOf<K, Made<V2, VS> | Extract<V, null>, S, Mapped<Lacks, KS, VS>>
  mapValues<V2>(
    mapper: (value: NonNullable<V>, key: K) => NonNullable<V2> | null,
    options: AnyStepOptions<K, V2> = {},
  ): unknown {
    checkStep('mapValues', tableStepChecks, options, mapper)
    const rows = mapRow<K, NonNullable<V>, NonNullable<V2>>(mapper)
    return this.#step<V2>('KTABLE-MAPVALUES-', rows, false, options, givenSerde<V2>(options.value))
  }

  /**
   * The updates of the table as a stream; a delete is a null value. Other keys are given by `selectKey` behind it.
   *
   * @example
   * counts.toStream().to(totals)
   * perMinute.toStream().selectKey((count, { key, startMs }) => `${key}@${startMs}`, { key: string }).to(totals)
   */
  toStream(options: StepOptions = {}): KStream<K, V, Lacks> {
    checkStep('toStream', stepChecks, options)
    const { plan, node, key, value, sources } = this[draft]
    const step = plan.attach({
      kind: 'step',
      ...plan.named('KTABLE-TOSTREAM-', options),
      parents: [node],
      supplier: toStream(),
      stores: [],
    })
    return new KStream({ plan, node: step, key, value, rekeyed: false, sources })
  }

  #filter(
    predicate: (value: NonNullable<V>, key: K) => boolean,
    wanted: boolean,
    options: AnyStepOptions<K, V>,
  ): unknown {
    const rows = filterRow<K, NonNullable<V>>(predicate, wanted)
    return this.#step<V>('KTABLE-FILTER-', rows, true, options, givenSerde<V>(options.value) ?? this[draft].value)
  }

  #step<V2>(
    prefix: string,
    rows: RowMapper<K, NonNullable<V>, NonNullable<V2>>,
    filters: boolean,
    options: AnyStepOptions<K, V2>,
    value: TableDraft<K, V2>['value'],
  ): unknown {
    const { plan, node: table, sources, view } = this[draft]
    const chosen = storeOptions(options.store)
    // Said of a store without naming it: Kafka Streams keeps none, but uses a number up.
    if (options.store !== undefined && chosen.name === undefined) plan.storeName(prefix)
    const named = plan.named(prefix, options)
    const common = { kind: 'tableStep', ...named, parents: [table], table, filters } as const
    const key = givenSerde<K>(options.key) ?? this[draft].key
    if (chosen.name === undefined) {
      const node = plan.attach({ ...common, store: null, supplier: (oldValues) => tableStep(rows, oldValues) })
      return new KTable({ plan, node, key, value, sources, view: mappedView(view, rows) })
    }
    const storeName = chosen.name
    const keySerde = needed(named.name, 'key', key, this[draft])
    const store = rowStore(storeName, chosen, keySerde, needed(named.name, 'value', value, this[draft]))
    const emit = options.emit ?? 'onCommit'
    const node = plan.attach({
      ...common,
      store,
      supplier: (oldValues) => storedTableStep(rows, { storeName, emit, oldValues }),
    })
    return new StoredTable({ plan, node, key, value, sources, view: storeView(storeName) }, storeName)
  }
}

/** A table that is kept in a store: the handle by which the application asks for it, `app.store(table)`. */
export class StoredTable<K, V, View, Lacks extends Lack = never>
  extends KTable<K, V, Lacks>
  implements StoreHandle<View>
{
  readonly storeName: string
  declare readonly storeView?: View

  constructor(drawn: TableDraft<K, V>, storeName: string) {
    super(drawn)
    this.storeName = storeName
  }
}
