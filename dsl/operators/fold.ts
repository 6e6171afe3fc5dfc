/**
 * How a record changes the aggregate of its group. `null` as the aggregate: there is none; as a result: the row is deleted.
 * A user's fold may change its accumulator and return it.
 */
import { checkFolded, refusePromise } from './sync-result.ts'

export interface Fold<K, V, A> {
  /** The aggregate that a group starts from, told as the old value of its first change by `emit: 'everyUpdate'` (as Kafka Streams does). */
  initial(nodeName: string): A | null
  /** `aggregate` is what `initial` gave when there was none. */
  apply(aggregate: A | null, value: V, key: K, nodeName: string): A | null
}

class CountFold<K, V> implements Fold<K, V, number> {
  initial(): number {
    return 0
  }

  apply(count: number | null): number {
    return count === null ? 1 : count + 1
  }
}

export type Reducer<K, V> = (accumulator: V, value: V, key: K) => V | null

/** The first value is the result without a call. */
class ReduceFold<K, V> implements Fold<K, V, V> {
  readonly #reducer: Reducer<K, V>

  constructor(reducer: Reducer<K, V>) {
    this.#reducer = reducer
  }

  initial(): null {
    return null
  }

  apply(accumulator: V | null, value: V, key: K, nodeName: string): V | null {
    if (accumulator === null) return value
    const result = this.#reducer(accumulator, value, key)
    checkFolded(result, nodeName)
    return result
  }
}

export type Initializer<A> = () => A
export type Aggregator<K, V, A> = (accumulator: A, value: V, key: K) => A | null

class AggregateFold<K, V, A> implements Fold<K, V, A> {
  readonly #initializer: Initializer<A>
  readonly #aggregator: Aggregator<K, V, A>

  constructor(initializer: Initializer<A>, aggregator: Aggregator<K, V, A>) {
    this.#initializer = initializer
    this.#aggregator = aggregator
  }

  initial(nodeName: string): A {
    const aggregate = this.#initializer()
    refusePromise(aggregate, nodeName)
    return aggregate
  }

  apply(aggregate: A, value: V, key: K, nodeName: string): A | null {
    const result = this.#aggregator(aggregate, value, key)
    checkFolded(result, nodeName)
    return result
  }
}

export function countFold<K, V>(): Fold<K, V, number> {
  return new CountFold()
}

export function reduceFold<K, V>(reducer: Reducer<K, V>): Fold<K, V, V> {
  return new ReduceFold(reducer)
}

export function aggregateFold<K, V, A>(initializer: Initializer<A>, aggregator: Aggregator<K, V, A>): Fold<K, V, A> {
  return new AggregateFold(initializer, aggregator)
}
