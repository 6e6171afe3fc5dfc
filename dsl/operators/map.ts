import type { Processor, ProcessorContext, ProcessorSupplier } from '../../src/processor/processor.ts'
import { Record } from '../../src/processor/record.ts'
import { isPromise, promiseRefused, refusePromise } from './sync-result.ts'

export type PairMapper<K, V, K2, V2> = (value: V, key: K, record: Record<K, V>) => readonly [K2, V2]

/** Makes a new key and a new value of each record. */
class MapPairs<K, V, K2, V2> implements Processor<K, V, K2, V2> {
  readonly #mapper: PairMapper<K, V, K2, V2>
  #context!: ProcessorContext<K2, V2>

  constructor(mapper: PairMapper<K, V, K2, V2>) {
    this.#mapper = mapper
  }

  init(context: ProcessorContext<K2, V2>): void {
    this.#context = context
  }

  process(record: Record<K, V>): void {
    const pair = this.#mapper(record.value, record.key, record)
    const { nodeName } = this.#context
    refusePromise(pair, nodeName)
    if (isPromise(pair[0]) || isPromise(pair[1])) throw promiseRefused(nodeName, pair)
    this.#context.forward(new Record(pair[0], pair[1], record.timestamp, record.headers))
  }
}

export function map<K, V, K2, V2>(mapper: PairMapper<K, V, K2, V2>): ProcessorSupplier<K, V, K2, V2> {
  return { get: () => new MapPairs(mapper) }
}
