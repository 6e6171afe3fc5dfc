import type { Headers, Serde } from '../../src/base/serde.ts'
import { Change } from '../../src/processor/change.ts'
import type { Processor, ProcessorContext, ProcessorSupplier } from '../../src/processor/processor.ts'
import { Record } from '../../src/processor/record.ts'
import type { TimestampedKeyValueStore } from '../../src/processor/state-store.ts'
import type { Emit } from '../options.ts'
import type { RowMapper } from './row-mapper.ts'
import { ValueCopier } from './value-copier.ts'

export interface StoredTableStepSpec<V> {
  readonly storeName: string
  readonly valueSerde: Serde<V>
  readonly emit: Emit
  /** Are the old values of changes known here and told on? */
  readonly oldValues: boolean
}

/** A filter or mapValues of a table whose result has a store of its own; old values are those of that store. */
class StoredTableStep<K, V, V2> implements Processor<K, Change<V>, K, Change<V2>> {
  readonly #mapper: RowMapper<K, V, V2>
  readonly #spec: StoredTableStepSpec<V2>
  readonly #everyUpdate: boolean
  readonly #copier: ValueCopier<V2> | null
  #context!: ProcessorContext<K, Change<V2>>
  #store!: TimestampedKeyValueStore<K, V2>
  #nodeName = ''

  constructor(mapper: RowMapper<K, V, V2>, spec: StoredTableStepSpec<V2>) {
    this.#mapper = mapper
    this.#spec = spec
    this.#everyUpdate = spec.emit === 'everyUpdate'
    this.#copier = this.#everyUpdate && spec.oldValues ? new ValueCopier(spec.valueSerde) : null
  }

  init(context: ProcessorContext<K, Change<V2>>): void {
    this.#context = context
    this.#nodeName = context.nodeName
    this.#store = context.store(this.#spec.storeName)
    if (!this.#everyUpdate && this.#spec.oldValues) this.#store.keepOldValues()
  }

  process(record: Record<K, Change<V>>): void {
    const { key, timestamp, headers } = record
    const after = this.#mapper.map(key, record.value.newValue, this.#nodeName)
    const entry = this.#store.entry(key)
    const before = this.#spec.oldValues ? entry.value : null
    if (after === null && before === null && this.#spec.oldValues && this.#mapper.elidesNothing) return
    // The value may be an accumulator that the step above goes on changing: what will be an old value is kept as a copy.
    this.#store.update(entry, this.#copier === null ? after : this.#copier.copy(after), timestamp, headers)
    if (this.#everyUpdate) this.#tell(key, after, before, timestamp, headers)
  }

  flush(): void {
    if (!this.#everyUpdate) this.#store.flush(this.#tell)
  }

  readonly #tell = (key: K, newValue: V2 | null, oldValue: V2 | null, timestampMs: number, headers: Headers): void => {
    this.#context.forward(new Record(key, new Change(newValue, oldValue), timestampMs, headers))
  }
}

export function storedTableStep<K, V, V2>(
  mapper: RowMapper<K, V, V2>,
  spec: StoredTableStepSpec<V2>,
): ProcessorSupplier<K, Change<V>, K, Change<V2>> {
  return { get: () => new StoredTableStep(mapper, spec) }
}
