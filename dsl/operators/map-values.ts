import type { Processor, ProcessorContext, ProcessorSupplier } from '../../src/processor/processor.ts'
import { Record } from '../../src/processor/record.ts'
import { refusePromise } from './sync-result.ts'

export type ValueMapper<K, V, V2> = (value: V, key: K, record: Record<K, V>) => V2

/** Maps each value, null values too, under the same key. */
class MapValues<K, V, V2> implements Processor<K, V, K, V2> {
  readonly #mapper: ValueMapper<K, V, V2>
  #context!: ProcessorContext<K, V2>

  constructor(mapper: ValueMapper<K, V, V2>) {
    this.#mapper = mapper
  }

  init(context: ProcessorContext<K, V2>): void {
    this.#context = context
  }

  process(record: Record<K, V>): void {
    const value = this.#mapper(record.value, record.key, record)
    refusePromise(value, this.#context.nodeName)
    this.#context.forward(new Record(record.key, value, record.timestamp, record.headers))
  }
}

export function mapValues<K, V, V2>(mapper: ValueMapper<K, V, V2>): ProcessorSupplier<K, V, K, V2> {
  return { get: () => new MapValues(mapper) }
}
