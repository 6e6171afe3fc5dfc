import type { Headers, Serde } from '../../src/base/serde.ts'
import { Change } from '../../src/processor/change.ts'
import type { Processor, ProcessorContext, ProcessorSupplier } from '../../src/processor/processor.ts'
import { Record } from '../../src/processor/record.ts'
import type { TimestampedWindowStore } from '../../src/processor/state-store.ts'
import { Windowed } from '../../src/serdes/windowed.ts'
import { ValueCopier } from '../../state-stores/value-copier.ts'
import type { Emit } from '../options.ts'
import type { TumblingWindows } from '../windows.ts'
import type { Fold } from './fold.ts'

export interface WindowedAggregateSpec<A> {
  readonly storeName: string
  readonly valueSerde: Serde<A>
  readonly windows: TumblingWindows
  readonly emit: Emit
  /** Is the old value of a change wanted downstream? */
  readonly oldValues: boolean
}

/**
 * Folds the records of each key and tumbling window into one row. Only a null key is dropped: null values reach the fold.
 *
 * A record is late when its window's end is at or before this operator's own stream time minus grace; it is dropped and counted,
 * and moves stream time none the less. That time is saved at each commit, so that late stays late after a restart.
 */
class WindowedAggregate<K, V, A> implements Processor<K, V, Windowed<K>, Change<A>> {
  readonly #fold: Fold<K, V, A>
  readonly #spec: WindowedAggregateSpec<A>
  readonly #sizeMs: number
  readonly #graceMs: number
  readonly #everyUpdate: boolean
  readonly #tellsOld: boolean
  readonly #copier: ValueCopier<A>
  #context!: ProcessorContext<Windowed<K>, Change<A>>
  #store!: TimestampedWindowStore<K, A>
  #nodeName = ''
  #streamTimeMs = -1
  #savedTimeMs = -1

  constructor(fold: Fold<K, V, A>, spec: WindowedAggregateSpec<A>) {
    this.#fold = fold
    this.#spec = spec
    this.#sizeMs = spec.windows.sizeMs
    this.#graceMs = spec.windows.graceMs
    this.#everyUpdate = spec.emit === 'everyUpdate'
    this.#tellsOld = this.#everyUpdate && spec.oldValues
    this.#copier = new ValueCopier(spec.valueSerde)
  }

  init(context: ProcessorContext<Windowed<K>, Change<A>>): void {
    this.#context = context
    this.#nodeName = context.nodeName
    this.#store = context.store(this.#spec.storeName)
    this.#streamTimeMs = this.#savedTimeMs = context.savedStreamTimeMs()
    if (!this.#everyUpdate && this.#spec.oldValues) this.#store.keepOldValues()
  }

  process(record: Record<K, V>): void {
    const { key, timestamp } = record
    if (key === null) {
      this.#context.recordDropped('a windowed aggregate needs a key')
      return
    }
    if (timestamp > this.#streamTimeMs) this.#streamTimeMs = timestamp
    const startMs = timestamp - (timestamp % this.#sizeMs)
    if (startMs + this.#sizeMs <= this.#streamTimeMs - this.#graceMs) {
      this.#context.recordDropped('the window is closed')
      return
    }
    this.#update(record, startMs)
  }

  #update(record: Record<K, V>, startMs: number): void {
    const { key } = record
    const entry = this.#store.entry(key, startMs)
    const there = entry.value !== null
    const before = there ? entry.value : this.#fold.initial(this.#nodeName)
    const timestamp = there && entry.timestamp > record.timestamp ? entry.timestamp : record.timestamp
    const old = this.#tellsOld ? this.#copier.copy(before) : null
    const result = this.#fold.apply(before, record.value, key, this.#nodeName)
    // The record's own value is not the fold's to change: other steps may have it too.
    const after = Object.is(result, record.value) ? this.#copier.copy(result) : result
    // A delete is kept under the record's own time, as Kafka Streams does; what is told at once has the result's.
    const keptMs = after === null ? record.timestamp : timestamp
    this.#store.update(entry, after, keptMs, record.headers, this.#everyUpdate)
    if (this.#everyUpdate) this.#tell(key, startMs, after, old, timestamp, record.headers)
  }

  flush(): void {
    if (!this.#everyUpdate) this.#store.flush(this.#tell)
    if (this.#streamTimeMs > this.#savedTimeMs) {
      this.#context.saveStreamTime(this.#streamTimeMs)
      this.#savedTimeMs = this.#streamTimeMs
    }
  }

  readonly #tell = (
    key: K,
    startMs: number,
    newValue: A | null,
    oldValue: A | null,
    timestampMs: number,
    headers: Headers,
  ): void => {
    const window = new Windowed(key, startMs, startMs + this.#sizeMs)
    this.#context.forward(new Record(window, new Change(newValue, oldValue), timestampMs, headers))
  }
}

export function windowedAggregate<K, V, A>(
  fold: Fold<K, V, A>,
  spec: WindowedAggregateSpec<A>,
): ProcessorSupplier<K, V, Windowed<K>, Change<A>> {
  return { get: () => new WindowedAggregate(fold, spec) }
}
