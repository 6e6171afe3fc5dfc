/**
 * What a store keeps in memory, by identity of key: two ages, each with an arena of its own. What is used moves to the young
 * age; when the young ages of a store have grown to half its bound they become old, and the old ones, unused for a whole
 * age, are dropped in one piece: no lists to keep in order, no holes in arenas, no pause that grows with the cache.
 *
 * Laws
 *  C1  an entry's bytes lie in the arena of the age it belongs to, so that a dropped age frees its slabs
 *  C2  nothing is dropped that the engine does not have: before a `turn`, what is unsettled moves to the young age
 */
import { Arena } from './arena.ts'

export class AgedTable<E> {
  young = new Map<unknown, E>()
  old = new Map<unknown, E>()
  arena = new Arena()
  /** The young age's number; an entry with another number has to move before it changes. */
  age = 1
  /** Every row that exists is in the table: what is not found here is nowhere. */
  complete: boolean
  #overheadBytes = 0

  constructor(complete: boolean) {
    this.complete = complete
  }

  get youngBytes(): number {
    return this.arena.bytes + this.#overheadBytes
  }

  /** Counts what lies outside the arena: objects and map slots. */
  charge(bytes: number): void {
    this.#overheadBytes += bytes
  }

  turn(): void {
    if (this.old.size > 0) this.complete = false
    this.old = this.young
    this.young = new Map()
    this.arena = new Arena()
    this.#overheadBytes = 0
    this.age++
  }
}
