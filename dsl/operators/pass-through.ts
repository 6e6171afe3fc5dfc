import type { Processor, ProcessorContext, ProcessorSupplier } from '../../src/processor/processor.ts'
import type { Record } from '../../src/processor/record.ts'

/** Passes every record on: where streams merge. */
class PassThrough<K, V> implements Processor<K, V, K, V> {
  #context!: ProcessorContext<K, V>

  init(context: ProcessorContext<K, V>): void {
    this.#context = context
  }

  process(record: Record<K, V>): void {
    this.#context.forward(record)
  }
}

export function passThrough<K, V>(): ProcessorSupplier<K, V, K, V> {
  return { get: () => new PassThrough() }
}
