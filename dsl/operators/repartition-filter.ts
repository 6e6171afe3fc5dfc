import type { Processor, ProcessorContext, ProcessorSupplier } from '../../src/processor/processor.ts'
import type { Record } from '../../src/processor/record.ts'
import { passThrough } from './pass-through.ts'

/** Leaves records without a key out of a repartition topic: nothing behind it could use them. Not counted, as in Kafka Streams. */
class RepartitionFilter<K, V> implements Processor<K, V, K, V> {
  #context!: ProcessorContext<K, V>

  init(context: ProcessorContext<K, V>): void {
    this.#context = context
  }

  process(record: Record<K, V>): void {
    if (record.key !== null) this.#context.forward(record)
  }
}

/** `acceptsNullKeys`: a left join behind it tells records without a key, so they must come through. */
export function repartitionFilter(acceptsNullKeys: boolean): ProcessorSupplier<unknown, unknown, unknown, unknown> {
  return acceptsNullKeys ? passThrough() : { get: () => new RepartitionFilter() }
}
