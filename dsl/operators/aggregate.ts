import type { Headers, Serde } from '../../src/base/serde.ts'
import { Change } from '../../src/processor/change.ts'
import type { Processor, ProcessorContext, ProcessorSupplier } from '../../src/processor/processor.ts'
import { Record } from '../../src/processor/record.ts'
import type { TimestampedKeyValueStore } from '../../src/processor/state-store.ts'
import { ValueCopier } from '../../state-stores/value-copier.ts'
import type { Emit } from '../options.ts'
import type { Fold } from './fold.ts'

export interface AggregateSpec<A> {
  readonly storeName: string
  readonly valueSerde: Serde<A>
  readonly emit: Emit
  /** Is the old value of a change wanted downstream? */
  readonly oldValues: boolean
}

/**
 * Folds the records of each key into one row. A record without key or without value is dropped and counted. The result's
 * timestamp is the largest so far; after a delete it begins anew.
 */
class Aggregate<K, V, A> implements Processor<K, V, K, Change<A>> {
  readonly #fold: Fold<K, V, A>
  readonly #spec: AggregateSpec<A>
  readonly #everyUpdate: boolean
  readonly #tellsOld: boolean
  readonly #copier: ValueCopier<A>
  #context!: ProcessorContext<K, Change<A>>
  #store!: TimestampedKeyValueStore<K, A>
  #nodeName = ''

  constructor(fold: Fold<K, V, A>, spec: AggregateSpec<A>) {
    this.#fold = fold
    this.#spec = spec
    this.#everyUpdate = spec.emit === 'everyUpdate'
    this.#tellsOld = this.#everyUpdate && spec.oldValues
    this.#copier = new ValueCopier(spec.valueSerde)
  }

  init(context: ProcessorContext<K, Change<A>>): void {
    this.#context = context
    this.#nodeName = context.nodeName
    this.#store = context.store(this.#spec.storeName)
    if (!this.#everyUpdate && this.#spec.oldValues) this.#store.keepOldValues()
  }

  process(record: Record<K, V>): void {
    const { key, value } = record
    if (key === null || value === null) {
      this.#context.recordDropped('an aggregate needs a key and a value')
      return
    }
    const entry = this.#store.entry(key)
    const there = entry.value !== null
    const before = there ? entry.value : this.#fold.initial(this.#nodeName)
    const timestamp = there && entry.timestamp > record.timestamp ? entry.timestamp : record.timestamp
    const old = this.#tellsOld ? this.#copier.copy(before) : null
    const result = this.#fold.apply(before, value, key, this.#nodeName)
    // The record's own value is not the fold's to change: other steps may have it too.
    const after = Object.is(result, value) ? this.#copier.copy(result) : result
    // A delete is kept under the record's own time, as Kafka Streams does; what is told at once has the result's.
    const keptMs = after === null ? record.timestamp : timestamp
    this.#store.update(entry, after, keptMs, record.headers, this.#everyUpdate)
    if (this.#everyUpdate) {
      this.#context.forward(new Record(key, new Change(after, old), timestamp, record.headers))
    }
  }

  flush(): void {
    if (!this.#everyUpdate) this.#store.flush(this.#tell)
  }

  readonly #tell = (key: K, newValue: A | null, oldValue: A | null, timestampMs: number, headers: Headers): void => {
    this.#context.forward(new Record(key, new Change(newValue, oldValue), timestampMs, headers))
  }
}

export function aggregate<K, V, A>(fold: Fold<K, V, A>, spec: AggregateSpec<A>): ProcessorSupplier<K, V, K, Change<A>> {
  return { get: () => new Aggregate(fold, spec) }
}
