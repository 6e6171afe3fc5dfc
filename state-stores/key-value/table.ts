/**
 * What both key-value stores are: a table of entries over an engine, with an open and a frozen generation and a bounded
 * clean cache (ST1–ST3 of src/processor/state-store.ts). `stamped` says whether a row carries its timestamp.
 *
 * Not here: what is in memory (entry-cache.ts), the public faces (plain-store.ts, stamped-store.ts).
 */
import { assert } from '../../src/base/assert.ts'
import { ByteWriter, copyBytes, readInt64, writeInt64 } from '../../src/base/bytes.ts'
import { type Headers, noHeaders, type Serde } from '../../src/base/serde.ts'
import type { EngineBatch } from '../../src/processor/state-engine.ts'
import type { ChangelogWriter, FlushListener, RestoredRecord, StoreContext } from '../../src/processor/state-store.ts'
import { DirtyList } from '../dirty-list.ts'
import { compareBytes } from '../engines/sorted-rows.ts'
import { mergeRows, type OverlayRow, sortOverlay } from '../merge-rows.ts'
import { afterPrefix, decodeNumber, encodeNumber, rowPrefix } from '../row-keys.ts'
import { unwritable } from '../unwritable.ts'
import { ValueCopier } from '../value-copier.ts'
import { type KeyValueEntry, noBytes } from './entry.ts'
import { EntryCache, entryBytes, prefixBytes } from './entry-cache.ts'

const stampBytes = 8

/** Of row keys: [gte, lt). */
export interface Bounds {
  readonly gte: Buffer
  readonly lt: Buffer
}

export abstract class KeyValueTable<K, V> {
  readonly name: string
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<V>
  readonly #stampBytes: number
  readonly #dirty = new DirtyList<KeyValueEntry<K, V>>()
  readonly #valueWriter = new ByteWriter(1024)
  readonly #copier: ValueCopier<V>
  #context: StoreContext | null = null
  #countKey = noBytes
  #cache!: EntryCache<K, V>
  #generation = 1
  #frozen: KeyValueEntry<K, V>[] = []
  #frozenCount = 0
  #committedCount = 0
  #isCommitted = false
  #keepOldValues = false
  #count = 0
  #dirtyBytes = 0
  #meanValueBytes = 64
  #startedEmpty = false
  #restoring: EngineBatch | null = null

  constructor(name: string, keySerde: Serde<K>, valueSerde: Serde<V>, stamped: boolean) {
    this.name = name
    this.keySerde = keySerde
    this.valueSerde = valueSerde
    this.#stampBytes = stamped ? stampBytes : 0
    this.#copier = new ValueCopier(valueSerde)
  }

  get dirtyEntries(): number {
    return this.#dirty.size
  }

  /** An estimate: sizes are known once values are encoded. */
  get dirtyBytes(): number {
    return this.#dirtyBytes
  }

  get context(): StoreContext {
    assert(this.#context !== null, 'a store is opened before it is used')
    return this.#context
  }

  async open(context: StoreContext): Promise<void> {
    assert(this.#context === null, 'a store is opened once')
    this.#context = context
    this.#countKey = rowPrefix(context.storeId, 0)
    this.cleared()
  }

  /** Looks again at what the engine has: after its rows were removed for a rebuild. */
  cleared(): void {
    assert(this.#dirty.size === 0 && this.#frozen.length === 0, 'a store is cleared or restored before its first put')
    const { engine } = this.context
    // Every batch that has rows of a store has this one: without it there are none.
    const count = engine.get(this.#countKey)
    this.#startedEmpty = count === undefined
    this.#count = count === undefined ? 0 : decodeNumber(count)
    this.#committedCount = this.#count
    this.#cache = this.#newCache(this.#startedEmpty)
  }

  #newCache(complete: boolean): EntryCache<K, V> {
    const { engine, storeId } = this.context
    const { name: storeName, keySerde } = this
    return new EntryCache({ storeName, storeId, engine, keySerde, stampBytes: this.#stampBytes, complete })
  }

  close(): void {
    this.#dirty.clear()
    this.#frozen = []
  }

  approximateEntryCount(): number {
    return this.#count
  }

  protected get committedCount(): number {
    return this.#committedCount
  }

  keepOldValues(): void {
    this.#keepOldValues = true
  }

  // -- reading and writing inside the task ------------------------------------------------------------------------

  /** The entry of a key with its value decoded afresh, unless it is live. */
  protected find(key: K): KeyValueEntry<K, V> {
    const entry = this.#cache.entryOf(key)
    if (entry.liveIn !== this.#generation) entry.value = this.#decode(entry)
    return entry
  }

  /** The value of a key, for the caller alone. */
  value(key: K): V | null {
    return this.ownValue(this.#cache.entryOf(key))
  }

  protected read<T>(key: K, make: (value: V, timestampMs: number) => T): T | undefined {
    const entry = this.#cache.entryOf(key)
    const value = this.ownValue(entry)
    return value === null ? undefined : make(value, entry.timestamp)
  }

  /** A live object is the fold's that made it: others are given a copy. */
  protected ownValue(entry: KeyValueEntry<K, V>): V | null {
    return entry.liveIn === this.#generation ? this.#copier.copy(entry.value) : this.#decode(entry)
  }

  /** `shared`: what others do to the value does not reach the store, so an object is kept as bytes. */
  protected write(
    entry: KeyValueEntry<K, V>,
    value: V | null,
    timestampMs: number,
    headers: Headers,
    shared: boolean,
  ): void {
    const asBytes = shared && typeof value === 'object' && value !== null
    // First of all: a value that cannot be encoded must leave no trace.
    if (asBytes) this.#encodeValue(entry, value, timestampMs)
    if (entry.openIn === this.#generation) {
      const isAbsent = entry.liveIn === this.#generation ? entry.value === null : entry.start < 0
      if (isAbsent !== (value === null)) this.#count += value === null ? -1 : 1
      this.#dirty.touch(entry)
    } else {
      if (entry.age !== this.#cache.age) {
        // It was kept over a turn of the cache: the table may have another by now.
        const current = this.#cache.entryOf(entry.key)
        if (current !== entry) {
          this.write(current, value, timestampMs, headers, shared)
          return
        }
      }
      if (entry.start < 0 !== (value === null)) this.#count += value === null ? -1 : 1
      entry.openIn = this.#generation
      this.#dirty.append(entry)
      this.#dirtyBytes += entryBytes + entry.keyEnd - entry.keyStart + this.#sizeOf(value)
    }
    entry.value = value
    entry.timestamp = value === null ? -1 : timestampMs
    entry.changedMs = timestampMs
    entry.headers = headers
    entry.liveIn = this.#generation
    entry.encoded = false
    if (asBytes) this.#keepWritten(entry)
  }

  /** Instead of the object, what the value writer holds; where old values are told from the bytes, a copy of the object. */
  #keepWritten(entry: KeyValueEntry<K, V>): void {
    if (this.#keepOldValues) {
      const { buffer, position } = this.#valueWriter
      entry.value = this.valueSerde.decode(buffer, this.#stampBytes, position)
      return
    }
    this.#place(entry)
    this.#letGo(entry)
  }

  /** From now on the bytes count. */
  #letGo(entry: KeyValueEntry<K, V>): void {
    entry.value = null
    entry.liveIn = 0
  }

  #sizeOf(value: V | null): number {
    if (typeof value === 'string') return value.length
    return value instanceof Uint8Array ? value.length : this.#meanValueBytes
  }

  /** A key that is an object is handed out afresh: whoever changes it must not change the entry's. */
  #ownKey(entry: KeyValueEntry<K, V>): K {
    if (typeof entry.key !== 'object') return entry.key
    return this.keySerde.decode(entry.keyBuffer, entry.keyStart + prefixBytes, entry.keyEnd)
  }

  #decode(entry: KeyValueEntry<K, V>): V | null {
    if (entry.start < 0) return null
    return this.valueSerde.decode(entry.buffer, entry.start + this.#stampBytes, entry.end)
  }

  /** One awaited multi-get for keys that are not in memory. */
  prefetch(keys: K[]): Promise<void> {
    return this.#cache.prefetch(keys)
  }

  // -- the commit -------------------------------------------------------------------------------------------------

  /** Step 1a. */
  flush(listener: FlushListener<K, V>): void {
    const dirty = this.#dirty
    for (let entry = dirty.firstUntold(); entry !== null; entry = dirty.firstUntold()) {
      dirty.told = entry
      const { told } = entry
      const isLive = entry.liveIn === this.#generation
      const value = isLive ? entry.value : this.#decode(entry)
      if (value === null && !told) {
        // Came and went between two flushes: nobody hears of it, unless an older row has to go.
        if (!entry.stored) this.#forget(entry)
        continue
      }
      const oldValue = this.#keepOldValues && told ? this.#decode(entry) : null
      entry.told = value !== null
      const handsOut = isLive && typeof value === 'object' && value !== null
      if (isLive && (handsOut || this.#keepOldValues)) this.#encode(entry)
      if (handsOut) this.#letGo(entry)
      listener(this.#ownKey(entry), value, oldValue, entry.changedMs, entry.headers)
    }
  }

  #forget(entry: KeyValueEntry<K, V>): void {
    this.#dirty.remove(entry)
    entry.openIn = 0
    entry.liveIn = 0
    entry.headers = noHeaders
    entry.encoded = true
    this.#cache.vacate(entry)
  }

  /** Step 1b. */
  rotate(changelog: ChangelogWriter | null): void {
    assert(this.#frozen.length === 0, 'ST3: the frozen generation is settled before the next one freezes')
    const dirty = this.#dirty
    let valueBytes = 0
    let next: KeyValueEntry<K, V> | null
    for (let entry = dirty.head; entry !== null; entry = next) {
      next = entry.next
      entry.previous = null
      entry.next = null
      if (!entry.encoded) this.#encode(entry)
      const { start, end } = entry
      valueBytes += end - start
      entry.frozenBuffer = entry.buffer
      entry.frozenStart = start
      entry.frozenEnd = end
      entry.frozenIn = this.#generation
      entry.stored = start >= 0
      // The object goes, the bytes stay: what reads next decodes afresh.
      entry.value = null
      entry.headers = noHeaders
      this.#frozen.push(entry)
      if (changelog !== null) this.#log(changelog, entry)
    }
    if (this.#frozen.length > 0) this.#meanValueBytes = Math.ceil(valueBytes / this.#frozen.length)
    dirty.clear()
    this.#dirtyBytes = 0
    this.#frozenCount = this.#count
    this.#isCommitted = false
    this.#generation++
  }

  #log(changelog: ChangelogWriter, entry: KeyValueEntry<K, V>): void {
    const { keyBuffer, keyStart, keyEnd, start, end, changedMs } = entry
    if (start < 0) changelog.append(changedMs, keyBuffer, keyStart + prefixBytes, keyEnd, null, 0, 0, noHeaders)
    else {
      const valueStart = start + this.#stampBytes
      changelog.append(changedMs, keyBuffer, keyStart + prefixBytes, keyEnd, entry.buffer, valueStart, end, noHeaders)
    }
  }

  #encode(entry: KeyValueEntry<K, V>): void {
    if (entry.value === null) {
      entry.encoded = true
      entry.start = -1
      entry.end = -1
      return
    }
    this.#encodeValue(entry, entry.value, entry.timestamp)
    this.#place(entry)
  }

  /** Into the value writer, the timestamp before it. */
  #encodeValue(entry: KeyValueEntry<K, V>, value: V, timestampMs: number): void {
    const writer = this.#valueWriter
    writer.reset()
    if (this.#stampBytes > 0) {
      writeInt64(writer.buffer, timestampMs, 0)
      writer.position = this.#stampBytes
    }
    try {
      this.valueSerde.encode(value, writer)
    } catch (cause) {
      throw unwritable(this.name, entry.key, cause)
    }
  }

  /** What the value writer holds becomes the entry's row. */
  #place(entry: KeyValueEntry<K, V>): void {
    entry.encoded = true
    const writer = this.#valueWriter
    const length = writer.position
    // Over its old bytes, where nobody reads those any more (E3).
    if (length > entry.slotBytes || this.#isSlotFrozen(entry)) {
      this.#cache.place(entry, writer.buffer, 0, length)
      return
    }
    copyBytes(writer.buffer, 0, entry.buffer, entry.slot, length)
    entry.start = entry.slot
    entry.end = entry.slot + length
  }

  #isSlotFrozen(entry: KeyValueEntry<K, V>): boolean {
    if (this.#frozen.length === 0 || entry.frozenIn !== this.#generation - 1) return false
    return entry.frozenBuffer === entry.buffer && entry.frozenStart === entry.slot
  }

  /** Step 3. */
  committed(): void {
    this.#isCommitted = true
    this.#committedCount = this.#frozenCount
  }

  /** Step 4. */
  stage(batch: EngineBatch): void {
    assert(this.#isCommitted, 'ST2: only what is committed is staged')
    if (this.#frozen.length === 0) return
    for (const entry of this.#frozen) {
      const key = entry.keyBuffer.subarray(entry.keyStart, entry.keyEnd)
      if (entry.frozenStart < 0) batch.del(key)
      else batch.put(key, entry.frozenBuffer.subarray(entry.frozenStart, entry.frozenEnd))
    }
    batch.put(this.#countKey, encodeNumber(this.#frozenCount))
  }

  /** Step 4, durable. */
  settled(): void {
    for (const entry of this.#frozen) entry.frozenBuffer = noBytes
    this.#frozen.length = 0
    this.#cache.turnIfFull(this.context.cleanCacheBytesMax)
  }

  restore(batch: EngineBatch, record: RestoredRecord): void {
    if (this.#restoring !== batch) this.#restoreInto(batch)
    const { buffer, keyStart, keyEnd, valueStart, valueEnd } = record
    const key = Buffer.allocUnsafe(prefixBytes + keyEnd - keyStart)
    this.#cache.prefix.copy(key)
    buffer.copy(key, prefixBytes, keyStart, keyEnd)
    // Into a store that was empty every value is taken for new; else, the tail of a changelog, one look says. Records of
    // one batch do not see each other: the count is an approximate one.
    const look = valueStart < 0 || !this.#startedEmpty
    const existed = look && this.context.engine.get(key) !== undefined
    if (valueStart < 0) {
      if (existed) this.#count--
      batch.del(key)
      return
    }
    if (!existed) this.#count++
    const value = Buffer.allocUnsafe(this.#stampBytes + valueEnd - valueStart)
    if (this.#stampBytes > 0) writeInt64(value, record.timestampMs, 0)
    buffer.copy(value, this.#stampBytes, valueStart, valueEnd)
    batch.put(key, value)
  }

  #restoreInto(batch: EngineBatch): void {
    // Rows may have been removed since the store was opened.
    if (this.#restoring === null) this.cleared()
    this.#restoring = batch
    batch.beforeWrite(() => {
      batch.put(this.#countKey, encodeNumber(this.#count))
      this.#committedCount = this.#count
      this.#cache = this.#newCache(false)
    })
  }

  // -- scans ------------------------------------------------------------------------------------------------------

  protected rangeOf(from: K | null, to: K | null): Bounds {
    const end = rowPrefix(this.context.storeId, 2)
    if (to === null) return { gte: from === null ? this.#cache.prefix : this.#cache.rowKeyOf(from), lt: end }
    const last = this.#cache.rowKeyOf(to)
    return {
      gte: from === null ? this.#cache.prefix : this.#cache.rowKeyOf(from),
      lt: Buffer.concat([last, Buffer.alloc(1)]),
    }
  }

  protected prefixRangeOf(prefix: string | Buffer): Bounds {
    const gte = Buffer.concat([this.#cache.prefix, typeof prefix === 'string' ? Buffer.from(prefix) : prefix])
    return { gte, lt: afterPrefix(gte) ?? rowPrefix(this.context.storeId, 2) }
  }

  /** What the task sees, or, `committedOnly`, what queries see, from the moment of the first `next`. */
  protected async *scan<T>(
    bounds: Bounds,
    reverse: boolean,
    committedOnly: boolean,
    make: (key: K, value: V, timestampMs: number) => T,
  ): AsyncGenerator<T> {
    if (compareBytes(bounds.gte, bounds.lt) >= 0) return
    const snapshot = this.context.engine.snapshot()
    try {
      const overlay = sortOverlay(this.#overlay(bounds, committedOnly, make), reverse)
      const decode = (key: Buffer, row: Buffer): T => this.#makeOf(key, row, 0, row.length, make)
      yield* mergeRows(snapshot.scan({ ...bounds, reverse }), overlay, reverse, decode)
    } finally {
      await snapshot.close()
    }
  }

  #makeOf<T>(rowKey: Buffer, row: Buffer, start: number, end: number, make: (key: K, value: V, at: number) => T): T {
    const key = this.keySerde.decode(rowKey, prefixBytes, rowKey.length)
    const timestampMs = this.#stampBytes === 0 ? -1 : readInt64(row, start)
    return make(key, this.valueSerde.decode(row, start + this.#stampBytes, end), timestampMs)
  }

  /** Values are decoded here and now: bytes of a frozen entry are written over once it has settled. */
  #overlay<T>(
    bounds: Bounds,
    committedOnly: boolean,
    make: (key: K, value: V, timestampMs: number) => T,
  ): OverlayRow<T>[] {
    const rows: OverlayRow<T>[] = []
    if (!committedOnly) {
      for (let entry = this.#dirty.head; entry !== null; entry = entry.next) {
        const key = keyWithin(entry, bounds)
        if (key === null) continue
        const value = this.ownValue(entry)
        rows.push({ key, item: value === null ? null : make(this.#ownKey(entry), value, entry.timestamp) })
      }
    } else if (!this.#isCommitted) return rows
    for (const entry of this.#frozen) {
      if (!committedOnly && entry.openIn === this.#generation) continue
      const key = keyWithin(entry, bounds)
      if (key === null) continue
      const { frozenBuffer, frozenStart, frozenEnd } = entry
      rows.push({ key, item: frozenStart < 0 ? null : this.#makeOf(key, frozenBuffer, frozenStart, frozenEnd, make) })
    }
    return rows
  }

  /** The committed row of a key, from memory where that is known to be it. */
  protected readCommitted<T>(key: K, make: (value: V, timestampMs: number) => T): T | undefined {
    const entry = this.#cache.lookUp(key)
    const whole = (_key: K, value: V, at: number): T => make(value, at)
    if (
      entry !== undefined &&
      this.#frozen.length > 0 &&
      entry.frozenIn === this.#generation - 1 &&
      this.#isCommitted
    ) {
      const { frozenBuffer, frozenStart, frozenEnd } = entry
      if (frozenStart < 0) return undefined
      return this.#makeOf(this.#cache.rowKey, frozenBuffer, frozenStart, frozenEnd, whole)
    }
    const row = this.context.engine.get(this.#cache.rowKey)
    return row === undefined ? undefined : this.#makeOf(this.#cache.rowKey, row, 0, row.length, whole)
  }
}

/** The row's key, when it lies within. */
function keyWithin<K, V>(entry: KeyValueEntry<K, V>, bounds: Bounds): Buffer | null {
  const key = Buffer.from(entry.keyBuffer.subarray(entry.keyStart, entry.keyEnd))
  return compareBytes(key, bounds.gte) >= 0 && compareBytes(key, bounds.lt) < 0 ? key : null
}
