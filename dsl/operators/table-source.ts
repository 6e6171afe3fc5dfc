import type { Headers } from '../../src/base/serde.ts'
import { Change } from '../../src/processor/change.ts'
import type { Processor, ProcessorContext, ProcessorSupplier } from '../../src/processor/processor.ts'
import { Record } from '../../src/processor/record.ts'
import type { TimestampedKeyValueStore } from '../../src/processor/state-store.ts'
import type { Emit } from '../options.ts'

const nullKey = 'a table row needs a key'

/** A topic's records as updates of a table that is kept nowhere. A record without a key is dropped and counted. */
class TableSource<K, V> implements Processor<K, V, K, Change<V>> {
  #context!: ProcessorContext<K, Change<V>>

  init(context: ProcessorContext<K, Change<V>>): void {
    this.#context = context
  }

  process(record: Record<K, V>): void {
    if (record.key === null) this.#context.recordDropped(nullKey)
    else this.#context.forward(new Record(record.key, new Change(record.value, null), record.timestamp, record.headers))
  }
}

/** The same with a store. A later record wins, whatever its timestamp. */
class StoredTableSource<K, V> implements Processor<K, V, K, Change<V>> {
  readonly #storeName: string
  readonly #everyUpdate: boolean
  readonly #oldValues: boolean
  #context!: ProcessorContext<K, Change<V>>
  #store!: TimestampedKeyValueStore<K, V>

  constructor(storeName: string, emit: Emit, oldValues: boolean) {
    this.#storeName = storeName
    this.#everyUpdate = emit === 'everyUpdate'
    this.#oldValues = oldValues
  }

  init(context: ProcessorContext<K, Change<V>>): void {
    this.#context = context
    this.#store = context.store(this.#storeName)
    if (!this.#everyUpdate && this.#oldValues) this.#store.keepOldValues()
  }

  process(record: Record<K, V>): void {
    const { key, value } = record
    if (key === null) {
      this.#context.recordDropped(nullKey)
      return
    }
    const entry = this.#store.entry(key)
    const old = this.#oldValues ? entry.value : null
    this.#store.update(entry, value, record.timestamp, record.headers, this.#everyUpdate)
    if (this.#everyUpdate) {
      this.#context.forward(new Record(key, new Change(value, old), record.timestamp, record.headers))
    }
  }

  flush(): void {
    if (!this.#everyUpdate) this.#store.flush(this.#tell)
  }

  readonly #tell = (key: K, newValue: V | null, oldValue: V | null, timestampMs: number, headers: Headers): void => {
    this.#context.forward(new Record(key, new Change(newValue, oldValue), timestampMs, headers))
  }
}

export function tableSource<K, V>(): ProcessorSupplier<K, V, K, Change<V>> {
  return { get: () => new TableSource() }
}

export function storedTableSource<K, V>(
  storeName: string,
  emit: Emit,
  oldValues: boolean,
): ProcessorSupplier<K, V, K, Change<V>> {
  return { get: () => new StoredTableSource(storeName, emit, oldValues) }
}
