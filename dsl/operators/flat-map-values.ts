import type { Processor, ProcessorContext, ProcessorSupplier } from '../../src/processor/processor.ts'
import { Record } from '../../src/processor/record.ts'
import { isPromise, promiseRefused, refusePromise } from './sync-result.ts'

export type ManyValuesMapper<K, V, V2> = (value: V, key: K, record: Record<K, V>) => Iterable<V2>

/** Makes any number of values of one, under its key and with its timestamp and headers, in the order they are given. */
class FlatMapValues<K, V, V2> implements Processor<K, V, K, V2> {
  readonly #mapper: ManyValuesMapper<K, V, V2>
  #context!: ProcessorContext<K, V2>

  constructor(mapper: ManyValuesMapper<K, V, V2>) {
    this.#mapper = mapper
  }

  init(context: ProcessorContext<K, V2>): void {
    this.#context = context
  }

  process(record: Record<K, V>): void {
    const values = this.#mapper(record.value, record.key, record)
    const { nodeName } = this.#context
    refusePromise(values, nodeName)
    for (const value of values) {
      if (isPromise(value)) throw promiseRefused(nodeName, values, value)
      this.#context.forward(new Record(record.key, value, record.timestamp, record.headers))
    }
  }
}

export function flatMapValues<K, V, V2>(mapper: ManyValuesMapper<K, V, V2>): ProcessorSupplier<K, V, K, V2> {
  return { get: () => new FlatMapValues(mapper) }
}
