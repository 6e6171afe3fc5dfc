import type { Change } from '../../src/processor/change.ts'
import type { Processor, ProcessorContext, ProcessorSupplier } from '../../src/processor/processor.ts'
import { Record } from '../../src/processor/record.ts'

/** A table's updates as records: the new value, null for a delete. */
class ToStream<K, V> implements Processor<K, Change<V>, K, V | null> {
  #context!: ProcessorContext<K, V | null>

  init(context: ProcessorContext<K, V | null>): void {
    this.#context = context
  }

  process(record: Record<K, Change<V>>): void {
    this.#context.forward(new Record(record.key, record.value.newValue, record.timestamp, record.headers))
  }
}

export function toStream<K, V>(): ProcessorSupplier<K, Change<V>, K, V | null> {
  return { get: () => new ToStream() }
}
