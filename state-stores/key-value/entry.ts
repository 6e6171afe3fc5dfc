import { type Headers, noHeaders } from '../../src/base/serde.ts'
import type { StoreEntry } from '../../src/processor/state-store.ts'
import type { DirtyLinks } from '../dirty-list.ts'

export const noBytes: Buffer = Buffer.alloc(0)

/**
 * One key of a key-value store in memory, in whatever state: open, frozen, clean, or known to be absent. Bytes are places in
 * arenas; a start of -1 means that there is no row.
 *
 * Laws
 *  E1  `value` counts while it is live (`liveIn` is the store's open generation), and between a lookup and the next commit;
 *      else the bytes count. An object is live only as long as nobody but its fold has it
 *  E2  `buffer[start, end)` is the row as of the last encoding: an update or a flush that gave the object to others, a flush
 *      that keeps old values, else the last rotation
 *  E3  `frozenBuffer[frozenStart, frozenEnd)` does not change until the frozen generation has settled
 */
export class KeyValueEntry<K, V> implements StoreEntry<V>, DirtyLinks<KeyValueEntry<K, V>> {
  value: V | null = null
  timestamp = -1
  /** When it was last changed, which a deleted row's `timestamp` does not say. */
  changedMs = -1
  headers: Headers = noHeaders
  previous: KeyValueEntry<K, V> | null = null
  next: KeyValueEntry<K, V> | null = null
  openIn = 0
  liveIn = 0
  frozenIn = 0
  /** The bytes are those of `value`. */
  encoded = true
  /** The row existed at the last flush. */
  told = false
  /** The row existed at the last rotation: changelog and engine have it, or will. */
  stored = false

  readonly key: K
  readonly identity: unknown
  age = 0
  keyBuffer: Buffer = noBytes
  keyStart = 0
  keyEnd = 0
  buffer: Buffer = noBytes
  start = -1
  end = -1
  slot = 0
  slotBytes = 0
  frozenBuffer: Buffer = noBytes
  frozenStart = -1
  frozenEnd = -1

  constructor(key: K, identity: unknown) {
    this.key = key
    this.identity = identity
  }
}
