import type { StreamError } from '../src/base/errors.ts'
import { type Headers, noHeaders } from '../src/base/serde.ts'
import type { StoreEntry } from '../src/processor/state-store.ts'
import type { DirtyLinks } from './dirty-list.ts'

export const noBytes: Buffer = Buffer.alloc(0)
/** What an entry, its map slot and its key take besides the bytes in the arena; measured on Node 20. */
export const entryBytes = 300

/**
 * One row of a store, as the open generation sees it: what every kind of entry has, in the same order, so that code for
 * all kinds finds a field at the same place.
 *
 * Laws
 *  E1  `value` counts while it is live (`liveIn` is the open generation's number), and between a lookup and the next
 *      commit; else the bytes count. An object is live only as long as nobody but its fold has it
 *  E2  `buffer[start, end)` is the value as of the last encoding: an update or a flush that gave the object to others, a
 *      flush that keeps old values, else the last rotation; a start of -1 means that there was none
 */
export abstract class TableEntry<V, Self> implements StoreEntry<V>, DirtyLinks<Self> {
  value: V | null = null
  timestamp = -1
  /** When it was last changed, which a deleted row's `timestamp` does not say. */
  changedMs = -1
  headers: Headers = noHeaders
  /** Its neighbours in the dirty list. */
  previous: Self | null = null
  next: Self | null = null
  /** The generation in which it was last changed, */
  openIn = 0
  /** and the one in which its object was last the one that counts. */
  liveIn = 0
  /** The bytes are those of `value`. */
  encoded = true
  /** The row existed at the last flush: downstream knows of it. */
  told = false
  /** The row existed at the last rotation: changelog and engine have it, or will. */
  stored = false
  buffer: Buffer = noBytes
  start = -1
  end = -1

  /** How long the row's key is. */
  abstract get keyBytes(): number

  /** The error for a value that its serde cannot write. */
  abstract unwritable(storeName: string, cause: unknown): StreamError
}
