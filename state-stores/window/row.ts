import { type Headers, noHeaders } from '../../src/base/serde.ts'
import type { StoreEntry } from '../../src/processor/state-store.ts'
import type { DirtyLinks } from '../dirty-list.ts'
import type { Bucket } from './bucket.ts'

export const noBytes: Buffer = Buffer.alloc(0)

/**
 * One window of a key, in memory because someone asked for it since the last rotation. Shaped as a RowChange, so that
 * packing reads it as it is.
 *
 * Laws
 *  E1  `value` counts while it is live (`liveIn` is the store's open generation); else the bytes count. An object is live
 *      only as long as nobody but its fold has it
 *  E2  `buffer[start, end)` is the value as of the last encoding, -1 when there is none: what its packed row holds, or
 *      since then an update or a flush that gave the object to others, or what was last told where old values are kept
 */
export class WindowEntry<K, V> implements StoreEntry<V>, DirtyLinks<WindowEntry<K, V>> {
  value: V | null = null
  timestamp = -1
  changedMs = -1
  headers: Headers = noHeaders
  /** Its neighbours in the dirty list. */
  previous: WindowEntry<K, V> | null = null
  next: WindowEntry<K, V> | null = null
  /** The entry before it in its row. */
  earlier: WindowEntry<K, V> | null = null
  openIn = 0
  liveIn = 0
  encoded = true
  /** Its row existed at the last flush, and at the last rotation. */
  told = false
  stored = false
  /** It is the one its row knows; false once a rotation has let it go. */
  attached = true
  readonly row: WindowRow<K, V>
  readonly startMs: number
  buffer: Buffer = noBytes
  start = -1
  end = -1

  constructor(row: WindowRow<K, V>, startMs: number) {
    this.row = row
    this.startMs = startMs
  }
}

/**
 * All windows of one key in one bucket: packed bytes, and entries for those that were asked for.
 *
 * Laws
 *  W1  from `last` on, each entry starts after its `earlier` one
 *  W2  packed bytes never change in place: a scan may hold them
 */
export class WindowRow<K, V> {
  readonly key: K
  readonly identity: unknown
  readonly bucket: Bucket<K, V>
  age = 0
  /** `storeId ‖ bucketStart ‖ key ‖ 12 bytes`: of these the first two are the chunk's number, and all serve the changelog. */
  keyBuffer: Buffer = noBytes
  keyStart = 0
  keyEnd = 0
  /** The first chunk; -1 when there is none. */
  buffer: Buffer = noBytes
  start = -1
  end = -1
  /** The other chunks. */
  rest: readonly Buffer[] = noChunks
  /** The largest start in the packed bytes; -1 when there is none. */
  lastStartMs = -1
  /** The entry that starts last: a list, since an array for the one or two windows of most rows costs more than they. */
  last: WindowEntry<K, V> | null = null
  dirtyIn = 0
  frozenIn = 0

  constructor(key: K, identity: unknown, bucket: Bucket<K, V>) {
    this.key = key
    this.identity = identity
    this.bucket = bucket
  }
}

export const noChunks: readonly Buffer[] = []
