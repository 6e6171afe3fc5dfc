/**
 * What a step makes of a table's row; null is no row, and the user's callback is never called for it. The same mapper works on
 * updates as they pass and on rows as they are looked up.
 */
import { refusePromise } from './sync-result.ts'

export interface RowMapper<K, V, V2> {
  map(key: K, value: V | null, nodeName: string): V2 | null
  /** Is an update from no row to no row left out, where old values are known? */
  readonly elidesNothing: boolean
}

export type RowPredicate<K, V> = (value: V, key: K) => boolean
export type RowValueMapper<K, V, V2> = (value: V, key: K) => V2 | null

class FilterRow<K, V> implements RowMapper<K, V, V> {
  readonly elidesNothing = true
  readonly #predicate: RowPredicate<K, V>
  readonly #wanted: boolean

  constructor(predicate: RowPredicate<K, V>, wanted: boolean) {
    this.#predicate = predicate
    this.#wanted = wanted
  }

  map(key: K, value: V | null, nodeName: string): V | null {
    if (value === null) return null
    const passes = this.#predicate(value, key)
    if (passes !== true && passes !== false) refusePromise(passes, nodeName)
    return Boolean(passes) === this.#wanted ? value : null
  }
}

class MapRow<K, V, V2> implements RowMapper<K, V, V2> {
  readonly elidesNothing = false
  readonly #mapper: RowValueMapper<K, V, V2>

  constructor(mapper: RowValueMapper<K, V, V2>) {
    this.#mapper = mapper
  }

  map(key: K, value: V | null, nodeName: string): V2 | null {
    if (value === null) return null
    const mapped = this.#mapper(value, key)
    refusePromise(mapped, nodeName)
    return mapped
  }
}

export function filterRow<K, V>(predicate: RowPredicate<K, V>, wanted: boolean): RowMapper<K, V, V> {
  return new FilterRow(predicate, wanted)
}

export function mapRow<K, V, V2>(mapper: RowValueMapper<K, V, V2>): RowMapper<K, V, V2> {
  return new MapRow(mapper)
}
