import type { Processor, ProcessorContext, ProcessorSupplier } from '../../src/processor/processor.ts'
import { Record } from '../../src/processor/record.ts'
import { isPromise, promiseRefused, refusePromise } from './sync-result.ts'

export type ManyPairsMapper<K, V, K2, V2> = (value: V, key: K, record: Record<K, V>) => Iterable<readonly [K2, V2]>

/** Makes any number of records of one, all with its timestamp and headers, in the order they are given. */
class FlatMap<K, V, K2, V2> implements Processor<K, V, K2, V2> {
  readonly #mapper: ManyPairsMapper<K, V, K2, V2>
  #context!: ProcessorContext<K2, V2>

  constructor(mapper: ManyPairsMapper<K, V, K2, V2>) {
    this.#mapper = mapper
  }

  init(context: ProcessorContext<K2, V2>): void {
    this.#context = context
  }

  process(record: Record<K, V>): void {
    const pairs = this.#mapper(record.value, record.key, record)
    const { nodeName } = this.#context
    refusePromise(pairs, nodeName)
    for (const pair of pairs) {
      if (isPromise(pair) || isPromise(pair[0]) || isPromise(pair[1])) throw promiseRefused(nodeName, pairs, pair)
      this.#context.forward(new Record(pair[0], pair[1], record.timestamp, record.headers))
    }
  }
}

export function flatMap<K, V, K2, V2>(mapper: ManyPairsMapper<K, V, K2, V2>): ProcessorSupplier<K, V, K2, V2> {
  return { get: () => new FlatMap(mapper) }
}
