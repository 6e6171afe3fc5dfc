import type { Headers } from '../../src/base/serde.ts'
import { Change } from '../../src/processor/change.ts'
import type { Processor, ProcessorContext, ProcessorSupplier } from '../../src/processor/processor.ts'
import { Record } from '../../src/processor/record.ts'
import type { TimestampedKeyValueStore } from '../../src/processor/state-store.ts'
import type { Emit } from '../options.ts'
import type { RowMapper } from './row-mapper.ts'

export interface StoredTableStepSpec {
  readonly storeName: string
  readonly emit: Emit
  /** Are the old values of changes known here and told on? */
  readonly oldValues: boolean
}

/** A filter or mapValues of a table whose result has a store of its own; old values are those of that store. */
class StoredTableStep<K, V, V2> implements Processor<K, Change<V>, K, Change<V2>> {
  readonly #mapper: RowMapper<K, V, V2>
  readonly #spec: StoredTableStepSpec
  readonly #everyUpdate: boolean
  #context!: ProcessorContext<K, Change<V2>>
  #store!: TimestampedKeyValueStore<K, V2>
  #nodeName = ''

  constructor(mapper: RowMapper<K, V, V2>, spec: StoredTableStepSpec) {
    this.#mapper = mapper
    this.#spec = spec
    this.#everyUpdate = spec.emit === 'everyUpdate'
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
    // The value may be the one of the table above, which its other steps have too.
    this.#store.update(entry, after, timestamp, headers, true)
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
  spec: StoredTableStepSpec,
): ProcessorSupplier<K, Change<V>, K, Change<V2>> {
  return { get: () => new StoredTableStep(mapper, spec) }
}
