/**
 * What a store keeps in memory of rows that are not dirty, bounded in bytes: two ages, each with an arena of its own. What
 * is used moves to the young age; when that has grown to half the bound it becomes the old one, and the old one, unused
 * for a whole age, is dropped in one piece: no lists to keep in order, no holes in arenas.
 *
 * Laws
 *  C1  an entry's bytes lie in the arena of the age it belongs to, so that an age dropped frees its slabs
 *  C2  an age is only dropped between commits, when nothing in it is dirty (`turnIfFull` is called from `settled`)
 */
import { Arena } from './arena.ts'

export class CleanCache {
  readonly #ageBytesMax: number
  /** The young age's number; an entry with another number has to move before it changes. */
  age = 1
  arena = new Arena()
  #overheadBytes = 0

  constructor(bytesMax: number) {
    this.#ageBytesMax = Math.max(1, Math.floor(bytesMax / 2))
  }

  /** Counts what lies outside the arena: objects and map slots. */
  charge(bytes: number): void {
    this.#overheadBytes += bytes
  }

  /** Begins a new age when the young one is full; the caller turns its tables. */
  turnIfFull(): boolean {
    if (this.arena.bytes + this.#overheadBytes <= this.#ageBytesMax) return false
    this.age++
    this.arena = new Arena()
    this.#overheadBytes = 0
    return true
  }
}

/** One table of entries by identity, in the two ages of its cache. */
export class AgedTable<E> {
  young = new Map<unknown, E>()
  old = new Map<unknown, E>()
  /** Every row that exists is in the table: what is not found here is nowhere. */
  complete: boolean

  constructor(complete: boolean) {
    this.complete = complete
  }

  turn(): void {
    // Entries that moved are still in the old map; dropping them loses nothing.
    if (this.old.size > 0) this.complete = false
    this.old = this.young
    this.young = new Map()
  }
}
