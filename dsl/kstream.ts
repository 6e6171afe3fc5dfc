/**
 * Streams: records one by one. Every step gives a new stream and leaves the old one as it was.
 *
 * `Lacks` names what a later step may have to ask for: a serde that is not known, or that keys may have changed since the records
 * were partitioned. It is `never` when nothing is lacking.
 */
import type { Record } from '../src/processor/record.ts'
import type {
  AwaitedAs,
  Lack,
  LackOf,
  Made,
  MaybeSerde,
  Needs,
  NewKey,
  NewValue,
  NotPromise,
  StillLacking,
} from './dsl-error.ts'
import { KGroupedStream } from './grouped.ts'
import type { RowsByKey } from './ktable.ts'
import { filter, type Predicate } from './operators/filter.ts'
import { flatMap, type ManyPairsMapper } from './operators/flat-map.ts'
import { flatMapValues, type ManyValuesMapper } from './operators/flat-map-values.ts'
import { map, type PairMapper } from './operators/map.ts'
import { mapValues, type ValueMapper } from './operators/map-values.ts'
import { passThrough } from './operators/pass-through.ts'
import { type Action, peek } from './operators/peek.ts'
import { type KeySelector, selectKey } from './operators/select-key.ts'
import { type Joiner, streamTableJoin } from './operators/stream-table-join.ts'
import { type ProcessorSource, userProcessor, userValuesProcessor } from './operators/user-processor.ts'
import type {
  GroupOptions,
  JoinOptions,
  KeyOptions,
  KeyValueOptions,
  ProcessOptions,
  ProcessValuesOptions,
  RepartitionOptions,
  SinkStepOptions,
  StepOptions,
  ValueOptions,
} from './options.ts'
import { draft, givenSerde, needed, type StreamDraft, sameBuilder } from './plan/draft.ts'
import type { AnySupplier, RepartitionNode, StepNode } from './plan/node.ts'
import {
  checkStep,
  joinChecks,
  keyChecks,
  keyValueChecks,
  processChecks,
  processValuesChecks,
  repartitionChecks,
  requireDrawn,
  requireProcessor,
  requireTopic,
  sinkChecks,
  stepChecks,
  valueChecks,
} from './plan/option-checks.ts'
import { noPolicies } from './plan/plan.ts'
import { drawRepartition } from './plan/repartition.ts'
import type { SinkTopic } from './topic.ts'

type AnyJoinOptions<K, V, R> = JoinOptions<K, MaybeSerde, V, MaybeSerde, R, MaybeSerde>

/** What a join is told of the stream that it may have to repartition. */
type LeftSide<K, V> = Pick<AnyJoinOptions<K, V, never>, 'name' | 'key' | 'leftValue'>

/** What grouping needs: the key's serde for the store; the value's too where records must be repartitioned. */
type GroupLacks<Lacks extends Lack, KS, VS> =
  | StillLacking<Lacks, 'key serde', KS>
  | ('partitioning' extends Lacks ? StillLacking<Lacks, 'value serde', VS> : never)

/** What a join needs: nothing, unless records must be repartitioned. */
type JoinLacks<Lacks extends Lack, KS, VS> = 'partitioning' extends Lacks
  ? StillLacking<Lacks, 'key serde', KS> | StillLacking<Lacks, 'value serde', VS>
  : never

/** After a join: the key's serde as it was, or as the join was given it. */
type JoinedKey<Lacks extends Lack, KS> = StillLacking<Lacks, 'key serde', KS>

export class KStream<K, V, Lacks extends Lack = never> {
  readonly [draft]: StreamDraft<K, V>
  /** The repartition before this stream's joins: made once and used again. */
  #repartition: RepartitionNode | null = null

  constructor(drawn: StreamDraft<K, V>) {
    this[draft] = Object.freeze(drawn)
  }

  /**
   * The records that pass; a type guard narrows their type.
   *
   * @example
   * orders.filter((order) => order.amount !== null)
   */
  filter<V2 extends V>(
    keep: (value: V, key: K, record: Record<K, V>) => value is V2,
    options?: StepOptions,
  ): KStream<K, V2, Lacks>
  filter(keep: Predicate<K, V>, options?: StepOptions): KStream<K, V, Lacks>
  filter(keep: Predicate<K, V>, options: StepOptions = {}): unknown {
    checkStep('filter', stepChecks, options, keep)
    return this.#same('KSTREAM-FILTER-', filter(keep, true), options)
  }

  /** The records that do not pass; a type guard excludes its type. */
  filterNot<V2 extends V>(
    drop: (value: V, key: K, record: Record<K, V>) => value is V2,
    options?: StepOptions,
  ): KStream<K, Exclude<V, V2>, Lacks>
  filterNot(drop: Predicate<K, V>, options?: StepOptions): KStream<K, V, Lacks>
  filterNot(drop: Predicate<K, V>, options: StepOptions = {}): unknown {
    checkStep('filterNot', stepChecks, options, drop)
    return this.#same('KSTREAM-FILTER-', filter(drop, false), options)
  }

  /**
   * Other values under the same keys. The serde is forgotten unless given.
   *
   * @example
   * lines.mapValues((line) => line.length, { value: int32 })
   */
  mapValues<V2, VS extends MaybeSerde = undefined>(
    mapper: (value: V, key: K, record: Record<K, V>) => V2 & NotPromise<V2>,
    options: ValueOptions<V2, VS> = {},
  ): KStream<K, Made<V2, VS>, NewValue<Lacks, VS>> {
    checkStep('mapValues', valueChecks, options, mapper)
    const supplier = mapValues(mapper as ValueMapper<K, V, V2>)
    return this.#withValue('KSTREAM-MAPVALUES-', supplier, options)
  }

  /**
   * Any number of values of each, in the order given; an empty list drops the record.
   *
   * @example
   * lines.flatMapValues((line) => line.split(' '), { value: string })
   */
  flatMapValues<V2, VS extends MaybeSerde = undefined>(
    mapper: (value: V, key: K, record: Record<K, V>) => Iterable<V2 & NotPromise<V2>>,
    options: ValueOptions<V2, VS> = {},
  ): KStream<K, Made<V2, VS>, NewValue<Lacks, VS>> {
    checkStep('flatMapValues', valueChecks, options, mapper)
    return this.#withValue('KSTREAM-FLATMAPVALUES-', flatMapValues(mapper as ManyValuesMapper<K, V, V2>), options)
  }

  /**
   * Other keys and values. Keys may belong to another partition now: a step that needs them together goes through a topic.
   *
   * @example
   * orders.map((order) => [order.customer, order.amount], { key: string, value: float64 })
   */
  map<K2, V2, KS extends MaybeSerde = undefined, VS extends MaybeSerde = undefined>(
    mapper: (value: V, key: K, record: Record<K, V>) => readonly [K2 & NotPromise<K2>, V2 & NotPromise<V2>],
    options: KeyValueOptions<K2, KS, V2, VS> = {},
  ): KStream<Made<K2, KS>, Made<V2, VS>, NewKey<NewValue<Lacks, VS>, KS>> {
    checkStep('map', keyValueChecks, options, mapper)
    return this.#withBoth('KSTREAM-MAP-', map(mapper as PairMapper<K, V, K2, V2>), options)
  }

  /** Any number of records of each, with other keys and values, in the order given. */
  flatMap<K2, V2, KS extends MaybeSerde = undefined, VS extends MaybeSerde = undefined>(
    mapper: (value: V, key: K, record: Record<K, V>) => Iterable<readonly [K2 & NotPromise<K2>, V2 & NotPromise<V2>]>,
    options: KeyValueOptions<K2, KS, V2, VS> = {},
  ): KStream<Made<K2, KS>, Made<V2, VS>, NewKey<NewValue<Lacks, VS>, KS>> {
    checkStep('flatMap', keyValueChecks, options, mapper)
    return this.#withBoth('KSTREAM-FLATMAP-', flatMap(mapper as ManyPairsMapper<K, V, K2, V2>), options)
  }

  /** Other keys for the same values. */
  selectKey<K2, KS extends MaybeSerde = undefined>(
    selector: (value: V, key: K, record: Record<K, V>) => K2 & NotPromise<K2>,
    options: KeyOptions<K2, KS> = {},
  ): KStream<Made<K2, KS>, V, NewKey<Lacks, KS>> {
    checkStep('selectKey', keyChecks, options, selector)
    const { plan, value, sources } = this[draft]
    const node = this.#step('KSTREAM-KEY-SELECT-', selectKey(selector as KeySelector<K, V, K2>), options)
    return new KStream({ plan, node, key: givenSerde<Made<K2, KS>>(options.key), value, rekeyed: true, sources })
  }

  /** Shows each record to the action and passes it on. */
  peek<R>(
    action: (value: V, key: K, record: Record<K, V>) => R & NotPromise<R>,
    options: StepOptions = {},
  ): KStream<K, V, Lacks> {
    checkStep('peek', stepChecks, options, action)
    return this.#same('KSTREAM-PEEK-', peek(action as Action<K, V>), options)
  }

  /** Shows each record to the action: an end of the stream. */
  foreach<R>(action: (value: V, key: K, record: Record<K, V>) => R & NotPromise<R>, options: StepOptions = {}): void {
    checkStep('foreach', stepChecks, options, action)
    this.#step('KSTREAM-FOREACH-', peek(action as Action<K, V>), options)
  }

  /** The records of both streams as they come; nothing is ordered between them. */
  merge<Lacks2 extends Lack>(other: KStream<K, V, Lacks2>, options: StepOptions = {}): KStream<K, V, Lacks | Lacks2> {
    checkStep('merge', stepChecks, options)
    requireDrawn('merge', other, (thing) => thing instanceof KStream, 'a stream')
    const mine = this[draft]
    const theirs = other[draft]
    sameBuilder('merge', mine, theirs)
    const node = mine.plan.attach({
      kind: 'step',
      ...mine.plan.named('KSTREAM-MERGE-', options),
      parents: [mine.node, theirs.node],
      supplier: passThrough(),
      stores: [],
    })
    return new KStream({
      plan: mine.plan,
      node,
      key: theirs.key === null ? null : mine.key,
      value: theirs.value === null ? null : mine.value,
      rekeyed: mine.rekeyed || theirs.rekeyed,
      sources: [...mine.sources, ...theirs.sources],
    })
  }

  /**
   * Through a topic of its own, `<application id>-<name>-repartition`, by key. Records without a key are left out.
   *
   * @example
   * orders.selectKey((order) => order.customer, { key: string }).repartition({ name: 'by-customer', partitions: 8 })
   */
  repartition<KS extends MaybeSerde = undefined, VS extends MaybeSerde = undefined>(
    this: Needs<'repartition', StillLacking<Lacks, 'key serde', KS> | StillLacking<Lacks, 'value serde', VS>>,
    options?: RepartitionOptions<K, KS, V, VS>,
  ): KStream<K, V>
  repartition(options: RepartitionOptions<K, MaybeSerde, V, MaybeSerde> = {}): unknown {
    checkStep('repartition', repartitionChecks, options)
    const { plan, node: parent } = this[draft]
    const key = needed('repartition', 'key', givenSerde<K>(options.key) ?? this[draft].key, this[draft])
    const value = needed('repartition', 'value', givenSerde<V>(options.value) ?? this[draft].value, this[draft])
    // Only a generated name uses a number up here.
    const prefix = options.name ?? plan.nodeName('KSTREAM-REPARTITION-')
    const { partitions, onError } = options
    const node = plan.attach(drawRepartition(plan, parent, { prefix, partitions, key, value, onError }))
    return new KStream<K, V>({ plan, node, key, value, rekeyed: false, sources: [node] })
  }

  /**
   * Groups by the key as it is. Through a repartition topic only where keys may have changed.
   *
   * @example
   * visits.groupByKey().count({ store: 'visits-per-user' })
   */
  groupByKey<KS extends MaybeSerde = undefined, VS extends MaybeSerde = undefined>(
    this: Needs<'groupByKey', GroupLacks<Lacks, KS, VS>>,
    options?: GroupOptions<K, KS, V, VS>,
  ): KGroupedStream<NonNullable<K>, V, StillLacking<Lacks, 'value serde', VS>>
  groupByKey(options: GroupOptions<K, MaybeSerde, V, MaybeSerde> = {}): unknown {
    checkStep('groupByKey', keyValueChecks, options)
    const stream = this[draft]
    const key = needed('groupByKey', 'key', givenSerde<K>(options.key) ?? stream.key, stream)
    const value = givenSerde<V>(options.value) ?? stream.value
    if (stream.rekeyed) needed('groupByKey', 'value', value, stream)
    return new KGroupedStream<K, V, Lack>({ ...stream, key, value }, options.name, options.onError)
  }

  /**
   * Groups by another key, through a repartition topic. Records whose new key is null are left out there.
   *
   * @example
   * words.groupBy((word) => word, { key: string }).count()
   */
  groupBy<K2, KS extends MaybeSerde = undefined, VS extends MaybeSerde = undefined>(
    this: Needs<'groupBy', LackOf<'key serde', KS> | StillLacking<Lacks, 'value serde', VS>>,
    selector: (value: V, key: K, record: Record<K, V>) => K2 & NotPromise<K2>,
    options?: GroupOptions<K2, KS, V, VS>,
  ): KGroupedStream<NonNullable<Made<K2, KS>>, V>
  groupBy<K2>(selector: KeySelector<K, V, K2>, options: GroupOptions<K2, MaybeSerde, V, MaybeSerde> = {}): unknown {
    checkStep('groupBy', keyValueChecks, options, selector)
    const stream = this[draft]
    const key = needed('groupBy', 'key', givenSerde<K2>(options.key), stream)
    const value = needed('groupBy', 'value', givenSerde<V>(options.value) ?? stream.value, stream)
    const node = this.#step('KSTREAM-KEY-SELECT-', selectKey(selector), options)
    return new KGroupedStream<K2, V>({ ...stream, node, key, value, rekeyed: true }, options.name, options.onError)
  }

  /**
   * Writes the records to a topic, which brings its own serdes.
   *
   * @example
   * counts.toStream().to(totals)
   */
  to(topic: SinkTopic<K, V>, options: SinkStepOptions<K, V> = {}): void {
    checkStep('to', sinkChecks, options)
    requireTopic('to', topic)
    const { plan, node } = this[draft]
    const { partitioner } = options
    plan.attach({
      kind: 'sink',
      ...plan.named('KSTREAM-SINK-', options),
      parents: [node],
      topic,
      keySerde: topic.key,
      valueSerde: topic.value,
      partitioner: partitioner === undefined ? null : (key, value, count) => partitioner(value as V, key as K, count),
      feedback: options.feedback ?? false,
    })
  }

  /**
   * Each record with the table's row of its key at that moment, under the record's timestamp; without a row there is no result.
   * Records without key or value are dropped and counted. The topics of both sides must have equally many partitions.
   *
   * @example
   * flights.join(airports, (flight, airport) => ({ ...flight, city: airport.city }), { value: json() })
   */
  join<V2, R, KS extends MaybeSerde = undefined, LS extends MaybeSerde = undefined, RS extends MaybeSerde = undefined>(
    this: Needs<'join', JoinLacks<Lacks, KS, LS>>,
    table: RowsByKey<NoInfer<Exclude<K, null>>, V2>,
    joiner: (left: NonNullable<V>, right: NonNullable<V2>, key: K) => R & NotPromise<R>,
    options?: JoinOptions<K, KS, V, LS, R, RS>,
  ): KStream<K, Made<R, RS>, JoinedKey<Lacks, KS> | LackOf<'value serde', RS>>
  join<V2, R>(
    table: RowsByKey<Exclude<K, null>, V2>,
    joiner: (left: NonNullable<V>, right: NonNullable<V2>, key: K) => R,
    options: AnyJoinOptions<K, V, R> = {},
  ): unknown {
    return this.#join('join', table, joiner as Joiner<K, V, V2, R>, options)
  }

  /** As `join`, but where there is no row the joiner gets undefined; so does it for records without a key. */
  leftJoin<
    V2,
    R,
    KS extends MaybeSerde = undefined,
    LS extends MaybeSerde = undefined,
    RS extends MaybeSerde = undefined,
  >(
    this: Needs<'leftJoin', JoinLacks<Lacks, KS, LS>>,
    table: RowsByKey<NoInfer<Exclude<K, null>>, V2>,
    joiner: (left: NonNullable<V>, right: NonNullable<V2> | undefined, key: K) => R & NotPromise<R>,
    options?: JoinOptions<K, KS, V, LS, R, RS>,
  ): KStream<K, Made<R, RS>, JoinedKey<Lacks, KS> | LackOf<'value serde', RS>>
  leftJoin<V2, R>(
    table: RowsByKey<Exclude<K, null>, V2>,
    joiner: (left: NonNullable<V>, right: NonNullable<V2> | undefined, key: K) => R,
    options: AnyJoinOptions<K, V, R> = {},
  ): unknown {
    return this.#join('leftJoin', table, joiner as Joiner<K, V, V2, R>, options)
  }

  /**
   * A processor of your own, with stores and punctuators: a supplier, or a function that makes one. It may forward any key, so keys
   * count as changed afterwards.
   *
   * @example
   * readings.process(() => new Smoother(), { stores: ['averages'], key: string, value: float64 })
   */
  process<
    K2,
    V2,
    KS extends MaybeSerde = undefined,
    VS extends MaybeSerde = undefined,
    R extends void | Promise<void> = void | Promise<void>,
    Async extends boolean | undefined = boolean | undefined,
  >(
    this: AwaitedAs<R, Async>,
    processor: ProcessorSource<K, V, K2, V2, R>,
    options?: ProcessOptions<K2, KS, V2, VS, Async>,
  ): KStream<Made<K2, KS>, Made<V2, VS>, NewKey<NewValue<Lacks, VS>, KS>>
  process<K2, V2>(
    processor: ProcessorSource<K, V, K2, V2>,
    options: ProcessOptions<K2, MaybeSerde, V2, MaybeSerde, boolean | undefined> = {},
  ): unknown {
    checkStep('process', processChecks, options)
    requireProcessor('process', processor)
    const { plan, sources } = this[draft]
    const node = this.#userStep('KSTREAM-PROCESSOR-', userProcessor(processor, options.async), options)
    const [key, value] = [givenSerde<K2>(options.key), givenSerde<V2>(options.value)]
    return new KStream({ plan, node, key, value, rekeyed: true, sources })
  }

  /** The same for a processor that keeps keys as they are: forwarding another one is an error, and no repartition follows. */
  processValues<
    V2,
    VS extends MaybeSerde = undefined,
    R extends void | Promise<void> = void | Promise<void>,
    Async extends boolean | undefined = boolean | undefined,
  >(
    this: AwaitedAs<R, Async>,
    processor: ProcessorSource<K, V, K, V2, R>,
    options?: ProcessValuesOptions<V2, VS, Async>,
  ): KStream<K, Made<V2, VS>, NewValue<Lacks, VS>>
  processValues<V2>(
    processor: ProcessorSource<K, V, K, V2>,
    options: ProcessValuesOptions<V2, MaybeSerde, boolean | undefined> = {},
  ): unknown {
    checkStep('processValues', processValuesChecks, options)
    requireProcessor('processValues', processor)
    const stream = this[draft]
    const supplier = userValuesProcessor(processor, options.async)
    const node = this.#userStep('KSTREAM-PROCESSVALUES-', supplier, options)
    return new KStream({ ...stream, node, value: givenSerde<V2>(options.value) })
  }

  #join<V2, R>(
    step: 'join' | 'leftJoin',
    table: RowsByKey<Exclude<K, null>, V2>,
    joiner: Joiner<K, V, V2, R>,
    options: AnyJoinOptions<K, V, R>,
  ): KStream<K, R, Lack> {
    requireDrawn(step, table, (thing) => draft in thing && 'view' in Object(thing[draft]), 'a table')
    checkStep(step, joinChecks, options, joiner)
    const { plan } = this[draft]
    const right = table[draft]
    const left = step === 'leftJoin'
    sameBuilder(step, this[draft], right)
    const stream = this[draft].rekeyed ? this.#repartitioned(step, options) : this[draft]
    const sources = [...stream.sources, ...right.sources]
    const node = plan.attach({
      kind: 'join',
      ...plan.named(`KSTREAM-${step.toUpperCase()}-`, options),
      parents: [stream.node],
      supplier: streamTableJoin(right.view, joiner, left),
      table: right.node,
      storeName: right.view.storeName,
      acceptsNullKeys: left,
      copartitioned: sources,
    })
    const key = givenSerde<K>(options.key) ?? stream.key
    return new KStream({ plan, node, key, value: givenSerde<R>(options.value), rekeyed: false, sources })
  }

  /** This stream behind a repartition topic that is named after the join, or after this step. */
  #repartitioned(step: string, options: LeftSide<K, V>): StreamDraft<K, V> {
    const { plan, node: parent } = this[draft]
    const key = needed(step, 'key', givenSerde<K>(options.key) ?? this[draft].key, this[draft])
    const value = needed(step, 'value', givenSerde<V>(options.leftValue) ?? this[draft].value, this[draft])
    const made = drawRepartition(plan, parent, { prefix: options.name ?? parent.name, key, value })
    if (this.#repartition === null || options.name !== undefined) this.#repartition = plan.attach(made)
    const node = this.#repartition
    return { plan, node, key, value, rekeyed: false, sources: [node] }
  }

  #same(prefix: string, supplier: AnySupplier, options: StepOptions): KStream<K, V, Lacks> {
    return new KStream({ ...this[draft], node: this.#step(prefix, supplier, options) })
  }

  #withValue<V2, VS extends MaybeSerde>(
    prefix: string,
    supplier: AnySupplier,
    options: ValueOptions<V2, VS>,
  ): KStream<K, Made<V2, VS>, NewValue<Lacks, VS>> {
    const node = this.#step(prefix, supplier, options)
    return new KStream({ ...this[draft], node, value: givenSerde<Made<V2, VS>>(options.value) })
  }

  #withBoth<K2, V2, KS extends MaybeSerde, VS extends MaybeSerde>(
    prefix: string,
    supplier: AnySupplier,
    options: KeyValueOptions<K2, KS, V2, VS>,
  ): KStream<Made<K2, KS>, Made<V2, VS>, NewKey<NewValue<Lacks, VS>, KS>> {
    const { plan, sources } = this[draft]
    const node = this.#step(prefix, supplier, options)
    const [key, value] = [givenSerde<Made<K2, KS>>(options.key), givenSerde<Made<V2, VS>>(options.value)]
    return new KStream({ plan, node, key, value, rekeyed: true, sources })
  }

  /** Where a user's processor is named, no number is used up, as in Kafka Streams. */
  #userStep(
    prefix: string,
    supplier: AnySupplier,
    options: Pick<ProcessValuesOptions<unknown, undefined, undefined>, 'name' | 'stores' | 'onError'>,
  ): StepNode {
    const { plan, node } = this[draft]
    const { stores = [] } = options
    const brought = stores.filter((store) => typeof store !== 'string')
    return plan.attach({
      kind: 'step',
      name: options.name ?? plan.nodeName(prefix),
      parents: [node],
      supplier: { ...supplier, stores: [...(supplier.stores ?? []), ...brought] },
      stores: stores.filter((store) => typeof store === 'string'),
      onError: options.onError ?? noPolicies,
    })
  }

  #step(prefix: string, supplier: AnySupplier, options: StepOptions): StepNode {
    const { plan, node } = this[draft]
    return plan.attach({ kind: 'step', ...plan.named(prefix, options), parents: [node], supplier, stores: [] })
  }
}
