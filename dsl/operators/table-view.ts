/**
 * How a join looks rows up: in the store of the table itself, or, where the table keeps nothing, in the nearest store above it
 * through the mappers in between.
 */
import type { ProcessorContext } from '../../src/processor/processor.ts'
import type { TimestampedKeyValueStore, TimestampedWindowStore } from '../../src/processor/state-store.ts'
import type { Windowed } from '../../src/serdes/windowed.ts'
import type { RowMapper } from './row-mapper.ts'

/** Rows of a table, as of now in the task; null is no row. */
export interface Rows<in K, out V> {
  // A property, not a method: the compiler holds only those to the keys that they take.
  readonly row: (key: K) => V | null
}

export interface TableView<in K, out V> {
  /** The store that it reads, to be connected. */
  readonly storeName: string
  open(context: ProcessorContext<never, never>): Rows<K, V>
}

class StoreRows<K, V> implements Rows<K, V> {
  readonly #store: TimestampedKeyValueStore<K, V>

  constructor(store: TimestampedKeyValueStore<K, V>) {
    this.#store = store
  }

  row(key: K): V | null {
    return this.#store.value(key)
  }
}

class WindowRows<K, V> implements Rows<Windowed<K>, V> {
  readonly #store: TimestampedWindowStore<K, V>

  constructor(store: TimestampedWindowStore<K, V>) {
    this.#store = store
  }

  row(key: Windowed<K>): V | null {
    const found = this.#store.at(key.key, key.startMs)
    return found === undefined ? null : found.value
  }
}

class MappedRows<K, V, V2> implements Rows<K, V2> {
  readonly #rows: Rows<K, V>
  readonly #mapper: RowMapper<K, V, V2>
  readonly #nodeName: string

  constructor(rows: Rows<K, V>, mapper: RowMapper<K, V, V2>, nodeName: string) {
    this.#rows = rows
    this.#mapper = mapper
    this.#nodeName = nodeName
  }

  row(key: K): V2 | null {
    return this.#mapper.map(key, this.#rows.row(key), this.#nodeName)
  }
}

export function storeView<K, V>(storeName: string): TableView<K, V> {
  return { storeName, open: (context) => new StoreRows(context.store<TimestampedKeyValueStore<K, V>>(storeName)) }
}

export function windowStoreView<K, V>(storeName: string): TableView<Windowed<K>, V> {
  return { storeName, open: (context) => new WindowRows(context.store<TimestampedWindowStore<K, V>>(storeName)) }
}

export function mappedView<K, V, V2>(above: TableView<K, V>, mapper: RowMapper<K, V, V2>): TableView<K, V2> {
  return {
    storeName: above.storeName,
    open: (context) => new MappedRows(above.open(context), mapper, context.nodeName),
  }
}
