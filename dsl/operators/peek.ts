import type { Processor, ProcessorContext, ProcessorSupplier } from '../../src/processor/processor.ts'
import type { Record } from '../../src/processor/record.ts'
import { refusePromise } from './sync-result.ts'

export type Action<K, V> = (value: V, key: K, record: Record<K, V>) => unknown

/** Shows each record to the action, and then passes it on. As `foreach` it has no children to pass it to. */
class Peek<K, V> implements Processor<K, V, K, V> {
  readonly #action: Action<K, V>
  #context!: ProcessorContext<K, V>

  constructor(action: Action<K, V>) {
    this.#action = action
  }

  init(context: ProcessorContext<K, V>): void {
    this.#context = context
  }

  process(record: Record<K, V>): void {
    refusePromise(this.#action(record.value, record.key, record), this.#context.nodeName)
    this.#context.forward(record)
  }
}

export function peek<K, V>(action: Action<K, V>): ProcessorSupplier<K, V, K, V> {
  return { get: () => new Peek(action) }
}
