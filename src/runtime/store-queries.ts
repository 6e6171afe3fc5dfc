import { StreamError } from '../base/errors.ts'
import { aSerde, checkOptions, type OptionChecks, oneOf, shown } from '../base/option-checks.ts'
import type { Serde } from '../base/serde.ts'
import type { StoreKind, ValueAndTimestamp } from '../processor/state-store.ts'
import type { StoreBuilder } from '../processor/store-builder.ts'
import type { StoreHandle } from '../processor/store-handle.ts'
import type {
  KeyValueView,
  TimestampedKeyValueView,
  TimestampedWindowView,
  ViewOfKind,
  WindowView,
} from '../processor/store-views.ts'
import type { ActiveTask } from './active-task.ts'
import type { TopicPlan } from './topic-plan.ts'

/**
 * How a store is asked for by name: its kind and serdes, compared with the store's fingerprint. A store that keeps times, as
 * those of tables and aggregations do, is a 'keyValue' or 'window' as well.
 */
export interface StoreQueryOptions<Kind extends StoreKind, K, V> {
  readonly kind: Kind
  readonly key: Serde<K>
  readonly value: Serde<V>
}

/** What may be asked for by its plain kind, too: the same view, without times. */
const timestamped: Readonly<Record<StoreKind, StoreKind>> = {
  keyValue: 'timestampedKeyValue',
  timestampedKeyValue: 'timestampedKeyValue',
  window: 'timestampedWindow',
  timestampedWindow: 'timestampedWindow',
}

const queryChecks = {
  kind: oneOf(...Object.keys(timestamped)),
  key: aSerde,
  value: aSerde,
} satisfies OptionChecks<StoreQueryOptions<StoreKind, unknown, unknown>>

/**
 * Queries over the tasks that run on this instance.
 *
 * Laws
 *  I1  an answer holds committed rows only
 *  I2  of one key `undefined` means that it is nowhere: while other instances run some of the store's tasks, a key that is
 *      not found here is STORE_NOT_READY
 *
 * Scans give the rows of this instance's tasks, task by task.
 */
export class StoreQueries {
  readonly #plan: TopicPlan
  readonly #tasks: () => readonly ActiveTask[]
  readonly #requireOpen: () => void

  /** `requireOpen` throws when the application has ended. */
  constructor(plan: TopicPlan, tasks: () => readonly ActiveTask[], requireOpen: () => void) {
    this.#plan = plan
    this.#tasks = tasks
    this.#requireOpen = requireOpen
  }

  /** STORE_UNKNOWN when the topology has no such store, or connects it to no processor. */
  open(handle: StoreHandle<unknown>): unknown {
    if (typeof handle?.storeName === 'string') return this.#open(this.#builder(handle.storeName))
    const what = `store was given ${shown(handle)}; give it a table with a store, or the name of one with { kind, key, value }`
    throw new StreamError('CONFIG_INVALID', what)
  }

  #open(builder: StoreBuilder): unknown {
    const local = new LocalStores(builder.name, this.#taskCount(builder.name), this.#tasks, this.#requireOpen)
    const windowed = builder.kind === 'window' || builder.kind === 'timestampedWindow'
    return windowed ? new WindowStores(local) : new KeyValueStores(local)
  }

  /** As `open`, typed by what the caller says, which must be what the store is: STORE_MISMATCH. */
  openAs<Kind extends StoreKind, K, V>(
    name: string,
    options: StoreQueryOptions<Kind, K, V> | undefined,
  ): ViewOfKind<K, V>[Kind] {
    if (!isQuery(name, options)) {
      throw new StreamError('CONFIG_INVALID', `say what the store ${name} is: store('${name}', { kind, key, value })`)
    }
    const { kind, key, value } = options
    const builder = this.#builder(name)
    const { fingerprint } = builder
    const serdes = `(${key.name},${value.name}`
    const fits = [kind, timestamped[kind]].some((each) => {
      return fingerprint === `${each}${serdes})` || fingerprint.startsWith(`${each}${serdes},`)
    })
    if (!fits) {
      const what = `the store ${name} is ${fingerprint}, it was asked for as ${kind}${serdes}); ask with its own kind and serdes`
      throw new StreamError('STORE_MISMATCH', what)
    }
    return this.#open(builder) as ViewOfKind<K, V>[Kind]
  }

  #builder(name: string): StoreBuilder {
    const { stores, subTopologies } = this.#plan.topology
    const builder = stores.get(name)
    if (builder === undefined) {
      const names = [...stores.keys()].join(', ')
      throw new StreamError('STORE_UNKNOWN', `there is no store ${name}; the topology has: ${names}`)
    }
    if (subTopologies.some((each) => each.stores.includes(builder))) return builder
    const what = `the store ${name} is not connected to any processor, so no task keeps it; name it in the stores of one`
    throw new StreamError('STORE_UNKNOWN', what)
  }

  #taskCount(name: string): number {
    const owner = this.#plan.topology.subTopologies.find(({ stores }) => stores.some((store) => store.name === name))
    return owner === undefined ? 0 : this.#plan.taskCount(owner)
  }
}

/** For callers without types: CONFIG_INVALID for an option that is none, false where one is missing. */
function isQuery<Q extends object>(name: string, options: Q | undefined): options is Q {
  if (options === undefined) return false
  checkOptions(`store('${name}')`, options, queryChecks)
  return Object.keys(queryChecks).every((each) => options[each as keyof Q] !== undefined)
}

/** The views of one store on this instance, at this moment. */
class LocalStores {
  readonly #name: string
  readonly #taskCount: number
  readonly #tasks: () => readonly ActiveTask[]
  readonly #requireOpen: () => void

  constructor(name: string, taskCount: number, tasks: () => readonly ActiveTask[], requireOpen: () => void) {
    this.#requireOpen = requireOpen
    this.#name = name
    this.#taskCount = taskCount
    this.#tasks = tasks
  }

  views<View>(): View[] {
    const stores = this.#tasks().flatMap(({ state }) => state.stores.get(this.#name) ?? [])
    if (stores.length === 0) {
      this.#requireOpen()
      throw new StreamError('STORE_NOT_READY', `no task with the store ${this.#name} runs here now; try again`)
    }
    return stores.map((store) => store.committedView() as View)
  }

  /** The first answer that is there (I2). */
  async first<View, T>(ask: (view: View) => Promise<T | undefined>): Promise<T | undefined> {
    const views = this.views<View>()
    for (const view of views) {
      const found = await ask(view)
      if (found !== undefined) return found
    }
    this.requireAll(views.length)
    return undefined
  }

  requireAll(count: number): void {
    if (count === this.#taskCount) return
    const what = `the key is not in the store ${this.#name} here, but only ${count} of its ${this.#taskCount} tasks run on this instance; ask the others too`
    throw new StreamError('STORE_NOT_READY', what)
  }

  async *each<View, T>(scan: (view: View) => AsyncIterable<T>): AsyncGenerator<T> {
    for (const view of this.views<View>()) yield* scan(view)
  }
}

class KeyValueStores<K, V> implements TimestampedKeyValueView<K, V> {
  readonly #local: LocalStores

  constructor(local: LocalStores) {
    this.#local = local
  }

  get(key: K): Promise<V | undefined> {
    return this.#local.first((view: KeyValueView<K, V>) => view.get(key))
  }

  getWithTimestamp(key: K): Promise<ValueAndTimestamp<V> | undefined> {
    return this.#local.first((view: TimestampedKeyValueView<K, V>) => view.getWithTimestamp(key))
  }

  range(from: K | null, to: K | null): AsyncIterable<[K, V]> {
    return this.#local.each((view: KeyValueView<K, V>) => view.range(from, to))
  }

  reverseRange(from: K | null, to: K | null): AsyncIterable<[K, V]> {
    return this.#local.each((view: KeyValueView<K, V>) => view.reverseRange(from, to))
  }

  prefixScan(prefix: string | Buffer): AsyncIterable<[K, V]> {
    return this.#local.each((view: KeyValueView<K, V>) => view.prefixScan(prefix))
  }

  all(): AsyncIterable<[K, V]> {
    return this.#local.each((view: KeyValueView<K, V>) => view.all())
  }

  reverseAll(): AsyncIterable<[K, V]> {
    return this.#local.each((view: KeyValueView<K, V>) => view.reverseAll())
  }

  async approximateEntryCount(): Promise<number> {
    let count = 0
    for (const view of this.#local.views<KeyValueView<K, V>>()) count += await view.approximateEntryCount()
    return count
  }
}

class WindowStores<K, V> implements TimestampedWindowView<K, V> {
  readonly #local: LocalStores

  constructor(local: LocalStores) {
    this.#local = local
  }

  at(key: K, startMs: number): Promise<V | undefined> {
    return this.#local.first((view: WindowView<K, V>) => view.at(key, startMs))
  }

  atWithTimestamp(key: K, startMs: number): Promise<ValueAndTimestamp<V> | undefined> {
    return this.#local.first((view: TimestampedWindowView<K, V>) => view.atWithTimestamp(key, startMs))
  }

  async fetch(key: K, fromMs: number, toMs: number): Promise<[number, V][]> {
    const found = await this.#local.first(async (view: WindowView<K, V>) => {
      const rows = await view.fetch(key, fromMs, toMs)
      return rows.length === 0 ? undefined : rows
    })
    return found ?? []
  }

  fetchAll(fromMs: number, toMs: number): AsyncIterable<[K, number, V]> {
    return this.#local.each((view: WindowView<K, V>) => view.fetchAll(fromMs, toMs))
  }

  backwardFetchAll(fromMs: number, toMs: number): AsyncIterable<[K, number, V]> {
    return this.#local.each((view: WindowView<K, V>) => view.backwardFetchAll(fromMs, toMs))
  }

  all(): AsyncIterable<[K, number, V]> {
    return this.#local.each((view: WindowView<K, V>) => view.all())
  }

  backwardAll(): AsyncIterable<[K, number, V]> {
    return this.#local.each((view: WindowView<K, V>) => view.backwardAll())
  }
}
