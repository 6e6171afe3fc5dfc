import type { Processor, ProcessorContext, ProcessorSupplier } from '../../src/processor/processor.ts'
import type { Record } from '../../src/processor/record.ts'
import { refusePromise } from './sync-result.ts'

export type Predicate<K, V> = (value: V, key: K, record: Record<K, V>) => boolean

/** Passes the records for which the predicate gives `wanted`. What it refuses is not counted as dropped. */
class Filter<K, V> implements Processor<K, V, K, V> {
  readonly #predicate: Predicate<K, V>
  readonly #wanted: boolean
  #context!: ProcessorContext<K, V>

  constructor(predicate: Predicate<K, V>, wanted: boolean) {
    this.#predicate = predicate
    this.#wanted = wanted
  }

  init(context: ProcessorContext<K, V>): void {
    this.#context = context
  }

  process(record: Record<K, V>): void {
    const passes = this.#predicate(record.value, record.key, record)
    if (passes !== true && passes !== false) refusePromise(passes, this.#context.nodeName)
    if (Boolean(passes) === this.#wanted) this.#context.forward(record)
  }
}

export function filter<K, V>(predicate: Predicate<K, V>, wanted: boolean): ProcessorSupplier<K, V, K, V> {
  return { get: () => new Filter(predicate, wanted) }
}
