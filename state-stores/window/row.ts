import { readInt64 } from '../../src/base/bytes.ts'
import type { StreamError } from '../../src/base/errors.ts'
import type { Serde } from '../../src/base/serde.ts'
import { entryBytes, noBytes, TableEntry } from '../table-entry.ts'
import { unwritable } from '../unwritable.ts'
import { type Bucket, bucketPrefixBytes } from './bucket.ts'
import { noChunks } from './chunks.ts'
import { entryHeadBytes, findEntry, flagBytes } from './packed-row.ts'

/**
 * One window of a key, in memory because someone asked for it since the last rotation. Shaped as a RowChange, so that
 * packing reads it as it is. Its bytes are those of its packed row until they are encoded anew.
 */
export class WindowEntry<K, V> extends TableEntry<V, WindowEntry<K, V>> {
  readonly row: WindowRow<K, V>
  readonly startMs: number
  /** The entry before it in its row. */
  earlier: WindowEntry<K, V> | null = null
  /** Its row still leads to it; false once a rotation has let it go: who holds it has to look it up again. */
  attached = true

  constructor(row: WindowRow<K, V>, startMs: number) {
    super()
    this.row = row
    this.startMs = startMs
  }

  get keyBytes(): number {
    return this.row.keyEnd - this.row.keyStart
  }

  unwritable(storeName: string, cause: unknown): StreamError {
    return unwritable(storeName, this.row.key, cause, this.startMs)
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
  /** That of the bucket's table when it came, or was last looked up. */
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
  /** The last generation in which one of its windows changed, */
  dirtyIn = 0
  /** and the last one with whose changes it was packed. */
  frozenIn = 0

  constructor(key: K, identity: unknown, bucket: Bucket<K, V>) {
    this.key = key
    this.identity = identity
    this.bucket = bucket
  }

  /** The entry of a window, made when it is not there yet. */
  entryOf(startMs: number): WindowEntry<K, V> {
    let later: WindowEntry<K, V> | null = null
    let earlier = this.last
    while (earlier !== null && earlier.startMs > startMs) {
      later = earlier
      earlier = earlier.earlier
    }
    if (earlier !== null && earlier.startMs === startMs) return earlier
    const entry = new WindowEntry<K, V>(this, startMs)
    if (startMs <= this.lastStartMs) fill(entry)
    entry.earlier = earlier
    if (later === null) this.last = entry
    else later.earlier = entry
    this.bucket.table.charge(entryBytes)
    return entry
  }

  /** As it is packed now, apart from all that may change. */
  packedCopy(): WindowRow<K, V> {
    const copy = new WindowRow(this.key, this.identity, this.bucket)
    copy.keyBuffer = this.keyBuffer
    copy.keyStart = this.keyStart
    copy.keyEnd = this.keyEnd
    copy.buffer = this.buffer
    copy.start = this.start
    copy.end = this.end
    copy.rest = this.rest
    copy.lastStartMs = this.lastStartMs
    return copy
  }

  /** A key that is an object is handed out afresh: whoever changes it must not change the row's. */
  ownKey(serde: Serde<K>): K {
    if (typeof this.key !== 'object') return this.key
    return serde.decode(this.keyBuffer, this.keyStart + bucketPrefixBytes, this.keyEnd)
  }
}

/** Takes what the packed bytes have for its start. A function: a private method would mark every row as it is made. */
function fill<K, V>(entry: WindowEntry<K, V>): void {
  const { row, startMs } = entry
  let { buffer } = row
  let position = row.start < 0 ? -1 : findEntry(buffer, row.start + flagBytes, row.end, startMs)
  for (let index = 0; position < 0 && index < row.rest.length; index++) {
    buffer = row.rest[index]!
    position = findEntry(buffer, flagBytes, buffer.length, startMs)
  }
  if (position < 0) return
  entry.buffer = buffer
  entry.timestamp = readInt64(buffer, position + 8)
  entry.start = position + entryHeadBytes
  entry.end = entry.start + buffer.readUInt32BE(position + 16)
  entry.told = true
  entry.stored = true
}
