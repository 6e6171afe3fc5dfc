/**
 * The open generation of a store: the entries that changed since the last rotation, and what becomes of their values.
 *
 *   put         an entry changes; the first time it joins the generation
 *   nextUntold  1a  the entries that changed since the last flush, one by one, each with its new and its old value
 *   end         1b  the entries were frozen; the next generation begins
 *
 * Laws
 *  O1  an object is the fold's that made it as long as it is live: what others are given, or gave, never is that object
 *  O2  a put that fails leaves no trace. A value that cannot be written fails at its put; an object that is a fold's own,
 *      which is encoded once a commit, fails there
 *  O3  a flush tells an entry once, however often it changed, and not at all when its row neither existed at the last
 *      flush nor exists now; when no earlier row has to go either, the generation forgets it
 *
 * Not here: which entry belongs to a key (entry-cache.ts, row-cache.ts), what is frozen (frozen-entries.ts, frozen-rows.ts).
 */
import { ByteWriter } from '../src/base/bytes.ts'
import { type Headers, noHeaders } from '../src/base/serde.ts'
import { DirtyList } from './dirty-list.ts'
import { entryBytes, type TableEntry } from './table-entry.ts'
import { ValueCopier } from './value-copier.ts'
import type { ValueForm } from './value-form.ts'

export class OpenGeneration<V, E extends TableEntry<V, E>> {
  /** What the entries that belong to it carry; rises from generation to generation. */
  number = 1
  /** Of the entry that `nextUntold` gave last; both are the listener's own. */
  newValue: V | null = null
  oldValue: V | null = null
  readonly #storeName: string
  readonly #form: ValueForm<V>
  readonly #place: (entry: E, bytes: ByteWriter) => void
  readonly #dirty = new DirtyList<E>()
  readonly #writer = new ByteWriter(1024)
  readonly #copier: ValueCopier<V>
  #keepsOldValues = false
  #bytes = 0
  #meanValueBytes = 64

  /** `place` keeps what is in the writer as the entry's bytes: it sets `buffer`, `start` and `end`. */
  constructor(storeName: string, form: ValueForm<V>, place: (entry: E, bytes: ByteWriter) => void) {
    this.#storeName = storeName
    this.#form = form
    this.#place = place
    this.#copier = new ValueCopier(form.serde)
  }

  get size(): number {
    return this.#dirty.size
  }

  /** An estimate: sizes are known once values are encoded. */
  get bytes(): number {
    return this.#bytes
  }

  /** Of the entries in the order of their last update, linked by `next`. */
  get first(): E | null {
    return this.#dirty.head
  }

  keepOldValues(): void {
    this.#keepsOldValues = true
  }

  // -- values -------------------------------------------------------------------------------------------------------

  /** Does the entry's row exist, this generation's changes included? */
  exists(entry: E): boolean {
    return entry.liveIn === this.number ? entry.value !== null : entry.start >= 0
  }

  /** Makes `value` the one that counts, decoded afresh unless it is live. */
  refresh(entry: E): void {
    if (entry.liveIn !== this.number) entry.value = this.#decode(entry)
  }

  /** The value that counts, for the caller alone (O1). */
  ownValue(entry: E): V | null {
    return entry.liveIn === this.number ? this.#copier.copy(entry.value) : this.#decode(entry)
  }

  #decode(entry: E): V | null {
    return entry.start < 0 ? null : this.#form.decode(entry.buffer, entry.start, entry.end)
  }

  // -- changes ------------------------------------------------------------------------------------------------------

  /** `isShared`: others have the value too, or will; an object is then kept as bytes at once (O1). */
  put(entry: E, value: V | null, timestampMs: number, headers: Headers, isShared: boolean): void {
    const asBytes = isShared && typeof value === 'object' && value !== null
    // First of all (O2).
    if (value !== null && (asBytes || !this.#mayWait(value))) this.#write(entry, value, timestampMs)
    if (entry.openIn === this.number) this.#dirty.touch(entry)
    else this.#join(entry, value)
    entry.value = value
    entry.timestamp = value === null ? -1 : timestampMs
    entry.changedMs = timestampMs
    entry.headers = headers
    entry.liveIn = this.number
    entry.encoded = false
    if (asBytes) this.#keepWritten(entry)
  }

  /** Whether the value can be encoded is known, or, for a fold's own object, found out at the commit. */
  #mayWait(value: V): boolean {
    return typeof value === 'object' || this.#form.serde.fits?.(value) === true
  }

  #join(entry: E, value: V | null): void {
    entry.openIn = this.number
    this.#dirty.append(entry)
    this.#bytes += entryBytes + entry.keyBytes + this.#sizeOf(value)
  }

  #sizeOf(value: V | null): number {
    if (typeof value === 'string') return value.length
    return value instanceof Uint8Array ? value.length : this.#meanValueBytes
  }

  /** Instead of the object, what is in the writer; where old values are told from the bytes, a copy of the object. */
  #keepWritten(entry: E): void {
    const writer = this.#writer
    if (this.#keepsOldValues) {
      entry.value = this.#form.decode(writer.buffer, 0, writer.position)
      return
    }
    this.#placeWritten(entry)
    this.#letGo(entry)
  }

  /** From now on the bytes count. */
  #letGo(entry: E): void {
    entry.value = null
    entry.liveIn = 0
  }

  /** Into the writer. */
  #write(entry: E, value: V, timestampMs: number): void {
    try {
      this.#form.encode(value, timestampMs, this.#writer)
    } catch (cause) {
      throw entry.unwritable(this.#storeName, cause)
    }
  }

  #placeWritten(entry: E): void {
    this.#place(entry, this.#writer)
    entry.encoded = true
  }

  /** Makes the bytes those of the live value. */
  encode(entry: E): void {
    if (entry.value === null) this.#encodeAbsent(entry)
    else {
      this.#write(entry, entry.value, entry.timestamp)
      this.#placeWritten(entry)
    }
  }

  #encodeAbsent(entry: E): void {
    entry.encoded = true
    entry.start = -1
    entry.end = -1
  }

  // -- the commit ---------------------------------------------------------------------------------------------------

  /** Step 1a: the next entry to be told, null after the last; those that change meanwhile come, too. */
  nextUntold(): E | null {
    const dirty = this.#dirty
    for (let entry = dirty.firstUntold(); entry !== null; entry = dirty.firstUntold()) {
      dirty.lastTold = entry
      const isLive = entry.liveIn === this.number
      const value = isLive ? entry.value : this.#decode(entry)
      if (value !== null || entry.told) {
        this.#tell(entry, value, isLive)
        return entry
      }
      if (!entry.stored) this.#forget(entry)
    }
    this.newValue = null
    this.oldValue = null
    return null
  }

  #tell(entry: E, value: V | null, isLive: boolean): void {
    this.newValue = value
    // Before the new one is encoded over it.
    this.oldValue = this.#keepsOldValues && entry.told ? this.#decode(entry) : null
    entry.told = value !== null
    if (!isLive) return
    const isHandedOut = typeof value === 'object' && value !== null
    if (isHandedOut || this.#keepsOldValues) this.encode(entry)
    if (isHandedOut) this.#letGo(entry)
  }

  /** Came and went between two flushes, and no older row has to go (O3). */
  #forget(entry: E): void {
    this.#dirty.remove(entry)
    entry.openIn = 0
    entry.headers = noHeaders
    this.#letGo(entry)
    this.#encodeAbsent(entry)
  }

  /** Step 1b: the entries have left it, with so many bytes of values. */
  end(valueBytes: number): void {
    if (this.#dirty.size > 0) this.#meanValueBytes = Math.ceil(valueBytes / this.#dirty.size)
    this.clear()
    this.number++
  }

  clear(): void {
    this.#dirty.clear()
    this.#bytes = 0
  }
}
