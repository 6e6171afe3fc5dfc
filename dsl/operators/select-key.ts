import type { Processor, ProcessorContext, ProcessorSupplier } from '../../src/processor/processor.ts'
import { Record } from '../../src/processor/record.ts'
import { refusePromise } from './sync-result.ts'

export type KeySelector<K, V, K2> = (value: V, key: K, record: Record<K, V>) => K2

/** Gives each record another key; the value stays. */
class SelectKey<K, V, K2> implements Processor<K, V, K2, V> {
  readonly #selector: KeySelector<K, V, K2>
  #context!: ProcessorContext<K2, V>

  constructor(selector: KeySelector<K, V, K2>) {
    this.#selector = selector
  }

  init(context: ProcessorContext<K2, V>): void {
    this.#context = context
  }

  process(record: Record<K, V>): void {
    const key = this.#selector(record.value, record.key, record)
    refusePromise(key, this.#context.nodeName)
    this.#context.forward(new Record(key, record.value, record.timestamp, record.headers))
  }
}

export function selectKey<K, V, K2>(selector: KeySelector<K, V, K2>): ProcessorSupplier<K, V, K2, V> {
  return { get: () => new SelectKey(selector) }
}
