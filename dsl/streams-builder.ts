/**
 * Where a plan begins: streams and tables of topics, and the stores that processors share. It draws; `build` gives the finished
 * topology, which an application or a test driver runs.
 */
import { StreamError } from '../src/base/errors.ts'
import type { StoreBuilder } from '../src/processor/store-builder.ts'
import type { Topology } from '../src/topology/topology.ts'
import { KStream } from './kstream.ts'
import { KTable, StoredTable, type TableOf } from './ktable.ts'
import { storeView } from './operators/table-view.ts'
import type { SourceStepOptions, StoreChoice, TableOptions } from './options.ts'
import { compile } from './plan/compile.ts'
import { checkStep, requireDrawn, requireTopic, sourceChecks, tableChecks } from './plan/option-checks.ts'
import { noPolicies, Plan } from './plan/plan.ts'
import { rowStore, storeOptions } from './plan/store-plan.ts'
import type { Topic } from './topic.ts'

/**
 * Draws a topology.
 *
 * @example
 * const builder = new StreamsBuilder()
 * builder.stream(orders).filter((order) => order.amount > 100).to(largeOrders)
 * const topology = builder.build()
 */
export class StreamsBuilder {
  readonly #plan = new Plan()

  /**
   * The records of a topic, or of several topics with the same types. Two streams of the same topics share one source.
   * TOPOLOGY_INVALID when topics that are read together have different serdes or timestamps, or streams of one source different
   * error policies.
   */
  stream<K, V>(topics: Topic<K, V> | readonly Topic<K, V>[], options: SourceStepOptions = {}): KStream<K, V> {
    checkStep('stream', sourceChecks, options)
    const all = Array.isArray(topics) ? (topics as readonly Topic<K, V>[]) : [topics as Topic<K, V>]
    for (const topic of all) requireTopic('stream', topic)
    const first = all[0]
    if (first === undefined) throw new StreamError('TOPOLOGY_INVALID', 'a stream of no topics; name at least one')
    for (const topic of all) refuseOther(first, topic, options)
    const node = this.#plan.attach({
      kind: 'streamSource',
      ...this.#plan.named('KSTREAM-SOURCE-', options),
      parents: [],
      topics: all,
      keySerde: first.key,
      valueSerde: first.value,
      timestamp: options.timestamp ?? first.timestamp,
    })
    const { key, value } = first
    return new KStream({ plan: this.#plan, node, key, value, rekeyed: false, sources: [node] })
  }

  /**
   * A topic as a table: the latest value of each key; a null value deletes. Records without a key are dropped and counted. With a named
   * store it can be queried, `app.store(table)`; without, it is kept only if a join needs it. A topic is the source of one table.
   *
   * @example
   * const airports = builder.table(airportTopic, { store: 'airports' })
   */
  table<K, V, S extends StoreChoice | undefined = undefined>(
    topic: Topic<K, V>,
    options: TableOptions<S> = {},
  ): TableOf<K, V | null, S> {
    checkStep('table', tableChecks, options)
    requireTopic('table', topic)
    const plan = this.#plan
    const { key, value } = topic
    const chosen = storeOptions(options.store)
    const storeName = plan.storeName(`${topic.name}-`, chosen.name)
    const sourceName = plan.nodeName('KSTREAM-SOURCE-', options.name && `${options.name}-source`)
    const node = plan.attach({
      kind: 'tableSource',
      ...plan.named('KTABLE-SOURCE-', options),
      sourceName,
      parents: [],
      topic,
      keySerde: key,
      valueSerde: value,
      timestamp: options.timestamp ?? topic.timestamp,
      store: rowStore(storeName, chosen, key, value),
      kept: chosen.name !== undefined,
      emit: options.emit ?? 'onCommit',
    })
    const drawn = { plan, node, key, value, sources: [node], view: storeView<K, V | null>(storeName) }
    return (chosen.name === undefined ? new KTable(drawn) : new StoredTable(drawn, storeName)) as TableOf<
      K,
      V | null,
      S
    >
  }

  /**
   * Adds a store that later steps name in their `stores`.
   *
   * @example
   * import { stores } from 'millrace/stores'
   * builder.addStore(stores.keyValue({ name: 'averages', key: string, value: float64 }))
   * readings.process(() => new Smoother(), { stores: ['averages'] })
   */
  addStore(store: StoreBuilder): this {
    requireDrawn('addStore', store, (thing) => 'build' in thing, 'a builder: stores.keyValue({ … })')
    this.#plan.attach({ kind: 'store', name: store.name, parents: [], builder: store, onError: noPolicies })
    return this
  }

  /**
   * The finished topology. TOPOLOGY_INVALID names the node and the remedy: a name used twice, a cycle, a topic read twice, …
   * TOPICS_NOT_COPARTITIONED: a join of repartitions into different given numbers of partitions.
   */
  build(): Topology {
    return compile(this.#plan)
  }
}

function refuseOther<K, V>(first: Topic<K, V>, other: Topic<K, V>, options: SourceStepOptions): void {
  const same =
    first.key.name === other.key.name &&
    first.value.name === other.value.name &&
    (first.timestamp === other.timestamp || options.timestamp !== undefined)
  if (same) return
  throw new StreamError(
    'TOPOLOGY_INVALID',
    `the topics '${first.name}' and '${other.name}' of one stream have other serdes or timestamps; read them apart and merge the streams`,
  )
}
