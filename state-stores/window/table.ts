/**
 * What both window stores are: buckets of packed rows over an engine, with an open and a frozen generation and a bounded
 * clean cache (ST1–ST3 of src/processor/state-store.ts).
 *
 * A row is seen while its start > largest start ever put − retention (or, where expired rows are visible, while its bucket
 * is there); that time is a row of its own, in the same batch.
 * Buckets are cleared as a whole, by the commit that finds them expired: what changed in them is told and logged first.
 *
 * Not here: what is in memory (row-cache.ts), packing (packed-row.ts), freezing and staging (frozen-rows.ts), scans
 * (scan.ts), restore (restore.ts).
 */
import { assert } from '../../src/base/assert.ts'
import { ByteWriter } from '../../src/base/bytes.ts'
import { StreamError } from '../../src/base/errors.ts'
import { type Headers, noHeaders, type Serde } from '../../src/base/serde.ts'
import type { EngineBatch } from '../../src/processor/state-engine.ts'
import type {
  ChangelogWriter,
  RestoredRecord,
  StoreContext,
  WindowFlushListener,
} from '../../src/processor/state-store.ts'
import type { WindowView } from '../../src/processor/store-views.ts'
import { DirtyList } from '../dirty-list.ts'
import { decodeNumber } from '../row-keys.ts'
import { unwritable } from '../unwritable.ts'
import { ValueCopier } from '../value-copier.ts'
import { bucketMsOf, bucketPrefix, bucketPrefixBytes, largestStartKey } from './bucket.ts'
import { FrozenRows } from './frozen-rows.ts'
import { WindowRestore } from './restore.ts'
import type { WindowEntry, WindowRow } from './row.ts'
import { entryBytes, entryOf, RowCache } from './row-cache.ts'
import { scanWindows, type WindowScan } from './scan.ts'
import { type RowVisitor, visitRow } from './visit-row.ts'

export interface WindowShape<K, V> {
  readonly name: string
  readonly key: Serde<K>
  readonly value: Serde<V>
  readonly windowSizeMs: number
  readonly retentionMs: number
  /** What Kafka Streams does differently on disk: see `put` and scans. */
  readonly onDisk: boolean
}

export abstract class WindowTable<K, V> {
  readonly name: string
  readonly windowSizeMs: number
  readonly retentionMs: number
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<V>
  readonly onDisk: boolean
  readonly #bucketMs: number
  readonly #dirty = new DirtyList<WindowEntry<K, V>>()
  readonly #frozen: FrozenRows<K, V>
  readonly #valueWriter = new ByteWriter(1024)
  readonly #copier: ValueCopier<V>
  #context: StoreContext | null = null
  #restore: WindowRestore | null = null
  #cache!: RowCache<K, V>
  #largestStartMs = -1
  #generation = 1
  #keepOldValues = false
  #dirtyRows: WindowRow<K, V>[] = []
  #dirtyBytes = 0
  #meanValueBytes = 64

  constructor(shape: WindowShape<K, V>) {
    this.name = shape.name
    this.keySerde = shape.key
    this.valueSerde = shape.value
    this.windowSizeMs = shape.windowSizeMs
    this.retentionMs = shape.retentionMs
    this.onDisk = shape.onDisk
    this.#bucketMs = bucketMsOf(shape.retentionMs)
    this.#frozen = new FrozenRows(shape.name, shape.value)
    this.#copier = new ValueCopier(shape.value)
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
    this.cleared()
    // A clearing that was cut short is done again, and what came before is over.
    const live = this.#firstLiveBucketMs()
    if (live > 0) {
      const batch = context.engine.batch()
      batch.clear(bucketPrefix(context.storeId, 0), bucketPrefix(context.storeId, live))
      await batch.write({ sync: false })
    }
  }

  /** Looks again at what the engine has: after its rows were removed for a rebuild. */
  cleared(): void {
    assert(this.#dirty.size === 0, 'a store is cleared or restored before its first put')
    const { engine, storeId } = this.context
    const largest = engine.get(largestStartKey(storeId))
    this.#startFrom(largest === undefined ? -1 : decodeNumber(largest))
  }

  #startFrom(largestStartMs: number): void {
    const { engine, storeId } = this.context
    this.#largestStartMs = largestStartMs
    this.#cache = new RowCache({
      storeName: this.name,
      engine,
      storeId,
      keySerde: this.keySerde,
      bucketMs: this.#bucketMs,
      engineBucketMs: largestStartMs < 0 ? -1 : this.#bucketStartOf(largestStartMs),
    })
    this.#frozen.start(storeId, largestStartMs, this.#firstLiveBucketMs())
  }

  close(): void {
    this.#dirty.clear()
    this.#dirtyRows = []
    this.#frozen.settled()
  }

  keepOldValues(): void {
    this.#keepOldValues = true
  }

  #bucketStartOf(startMs: number): number {
    return startMs - (startMs % this.#bucketMs)
  }

  #firstLiveBucketMs(largestStartMs = this.#largestStartMs): number {
    return this.#bucketStartOf(Math.max(0, largestStartMs - this.retentionMs))
  }

  /** The first start that is seen when the largest one put is `largestStartMs`. */
  #firstVisibleMs(largestStartMs: number): number {
    return Math.max(0, largestStartMs - this.retentionMs + 1)
  }

  // -- reading and writing inside the task ------------------------------------------------------------------------

  /** The entry of a window, its value decoded afresh unless it is live; seen or not. */
  protected find(key: K, startMs: number): WindowEntry<K, V> {
    const entry = entryOf(this.#cache.rowOf(key, startMs), startMs)
    if (entry.liveIn !== this.#generation) {
      entry.value = this.#decode(entry)
    }
    return entry
  }

  /** `shared`: what others do to the value does not reach the store, so an object is kept as bytes. */
  protected write(
    entry: WindowEntry<K, V>,
    value: V | null,
    timestampMs: number,
    headers: Headers,
    shared: boolean,
  ): void {
    const asBytes = shared && typeof value === 'object' && value !== null
    // First of all: a value that cannot be encoded must leave no trace.
    if (asBytes) this.#encodeValue(entry, value)
    if (entry.openIn === this.#generation) this.#dirty.touch(entry)
    else {
      const { row } = entry
      if (!entry.attached || row.age !== row.bucket.table.age) {
        // It was kept over a commit or a turn of the cache: there may be another by now.
        const current = entryOf(this.#cache.rowOf(row.key, entry.startMs), entry.startMs)
        if (current !== entry) {
          this.write(current, value, timestampMs, headers, shared)
          return
        }
      }
      entry.openIn = this.#generation
      this.#dirty.append(entry)
      this.#dirtyBytes += entryBytes + row.keyEnd - row.keyStart + this.#sizeOf(value)
      if (row.dirtyIn !== this.#generation) {
        row.dirtyIn = this.#generation
        this.#dirtyRows.push(row)
      }
      if (entry.startMs > this.#largestStartMs) this.#largestStartMs = entry.startMs
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
  #keepWritten(entry: WindowEntry<K, V>): void {
    if (this.#keepOldValues) {
      const { buffer, position } = this.#valueWriter
      entry.value = this.valueSerde.decode(buffer, 0, position)
      return
    }
    this.#place(entry)
    this.#letGo(entry)
  }

  /** From now on the bytes count. */
  #letGo(entry: WindowEntry<K, V>): void {
    entry.value = null
    entry.liveIn = 0
  }

  /** A put from outside the operators: one that comes too late is counted; its changelog record is written all the same. */
  protected putRow(key: K, startMs: number, value: V | null, timestampMs: number): void {
    if (!Number.isSafeInteger(startMs) || startMs < 0) {
      throw new StreamError(
        'INPUT_INVALID',
        `store ${this.name}: a window cannot start at ${startMs}; give a time since 1970`,
      )
    }
    this.write(this.find(key, startMs), value, timestampMs, noHeaders, true)
    const over = this.onDisk ? startMs < this.#firstLiveBucketMs() : startMs <= this.#largestStartMs - this.retentionMs
    if (over) this.context.recordDropped('expired')
  }

  protected valueAt<T>(key: K, startMs: number, make: (value: V, timestampMs: number) => T): T | undefined {
    let found: T | undefined
    this.visit(key, startMs, startMs, false, (value, timestampMs) => {
      found = make(value, timestampMs)
    })
    return found
  }

  /** Visits the windows of a key whose start lies in [fromMs, toMs] and that are seen. The visitor must not write here. */
  protected visit(key: K, fromMs: number, toMs: number, reverse: boolean, visitor: RowVisitor<V>): void {
    const from = Math.max(fromMs, this.#firstVisibleMs(this.#largestStartMs))
    const to = Math.min(toMs, this.#largestStartMs)
    if (from > to) return
    const first = this.#bucketStartOf(from)
    const last = this.#bucketStartOf(to)
    const step = reverse ? -this.#bucketMs : this.#bucketMs
    for (let at = reverse ? last : first; at >= first && at <= last; at += step) {
      visitRow(this.#cache.rowOf(key, at), this.#generation, this.#copier, from, to, reverse, visitor)
    }
  }

  #sizeOf(value: V | null): number {
    if (typeof value === 'string') return value.length
    return value instanceof Uint8Array ? value.length : this.#meanValueBytes
  }

  // -- the commit -------------------------------------------------------------------------------------------------

  /** Step 1a. */
  flush(listener: WindowFlushListener<K, V>): void {
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
      const keep = this.#keepOldValues && told && entry.start >= 0
      const oldValue = keep ? this.#decode(entry) : null
      entry.told = value !== null
      const handsOut = isLive && typeof value === 'object' && value !== null
      if (isLive && (handsOut || this.#keepOldValues)) this.#encode(entry)
      if (handsOut) this.#letGo(entry)
      listener(this.#ownKey(entry.row), entry.startMs, value, oldValue, entry.changedMs, entry.headers)
    }
  }

  #forget(entry: WindowEntry<K, V>): void {
    this.#dirty.remove(entry)
    entry.openIn = 0
    entry.liveIn = 0
    entry.headers = noHeaders
    entry.encoded = true
    entry.start = -1
    entry.end = -1
  }

  #decode(entry: WindowEntry<K, V>): V | null {
    return entry.start < 0 ? null : this.valueSerde.decode(entry.buffer, entry.start, entry.end)
  }

  /** A key that is an object is handed out afresh: whoever changes it must not change the row's. */
  #ownKey(row: WindowRow<K, V>): K {
    if (typeof row.key !== 'object') return row.key
    return this.keySerde.decode(row.keyBuffer, row.keyStart + bucketPrefixBytes, row.keyEnd)
  }

  #encode(entry: WindowEntry<K, V>): void {
    if (entry.value === null) {
      entry.encoded = true
      entry.start = -1
      entry.end = -1
      return
    }
    this.#encodeValue(entry, entry.value)
    this.#place(entry)
  }

  /** Into the value writer. */
  #encodeValue(entry: WindowEntry<K, V>, value: V): void {
    const writer = this.#valueWriter
    writer.reset()
    try {
      this.valueSerde.encode(value, writer)
    } catch (cause) {
      throw unwritable(this.name, entry.row.key, cause, entry.startMs)
    }
  }

  /** What the value writer holds becomes the entry's bytes. */
  #place(entry: WindowEntry<K, V>): void {
    entry.encoded = true
    const writer = this.#valueWriter
    const { arena } = entry.row.bucket.table
    entry.start = arena.place(writer.buffer, 0, writer.position)
    entry.end = entry.start + writer.position
    entry.buffer = arena.buffer
  }

  /** Step 1b. */
  rotate(changelog: ChangelogWriter | null): void {
    const live = this.#firstLiveBucketMs()
    const valueBytes = this.#frozen.freeze(this.#dirty, this.#dirtyRows, changelog, {
      generation: this.#generation,
      largestStartMs: this.#largestStartMs,
      firstLiveBucketMs: live,
    })
    if (this.#dirty.size > 0) this.#meanValueBytes = Math.ceil(valueBytes / this.#dirty.size)
    this.#dirty.clear()
    this.#dirtyRows = []
    this.#dirtyBytes = 0
    this.#generation++
    this.#cache.dropBefore(live)
  }

  /** Step 3. */
  committed(): void {
    this.#frozen.committed()
  }

  /** Step 4. */
  stage(batch: EngineBatch): void {
    this.#frozen.stage(batch)
  }

  /** Step 4, durable. */
  settled(): void {
    this.#frozen.settled()
    this.#cache.turnIfFull(this.context.cleanCacheBytesMax)
  }

  restore(batch: EngineBatch, record: RestoredRecord): void {
    if (this.#restore === null) {
      // Rows may have been removed since the store was opened.
      this.cleared()
      this.#restore = new WindowRestore(this.context, this.#bucketMs, this.retentionMs, this.#largestStartMs)
    }
    if (this.#restore.apply(batch, record)) batch.beforeWrite(() => this.#startFrom(this.#restore!.largestStartMs))
  }

  // -- scans ------------------------------------------------------------------------------------------------------

  /** What the task sees, or, `committedOnly`, what queries see, from the moment of the first `next`. */
  protected scan<T>(
    fromMs: number,
    toMs: number,
    reverse: boolean,
    committedOnly: boolean,
    make: (key: K, startMs: number, value: V, timestampMs: number) => T,
  ): AsyncGenerator<T> {
    return scanWindows(() => this.#scanOf(fromMs, toMs, reverse, committedOnly), make)
  }

  #scanOf(fromMs: number, toMs: number, reverse: boolean, committedOnly: boolean): WindowScan<K, V> {
    const largest = committedOnly ? this.#frozen.committedLargestMs : this.#largestStartMs
    const from = Math.max(fromMs, this.#firstVisibleMs(largest))
    const to = Math.min(toMs, largest)
    const rows = this.#frozen.visibleTo(committedOnly)
    return {
      store: this,
      copier: this.#copier,
      storeId: this.context.storeId,
      engine: this.context.engine,
      bucketMs: this.#bucketMs,
      fromMs: from,
      toMs: to,
      reverse,
      frozenRows: rows,
      dirtyRows: committedOnly ? [] : this.#dirtyRows,
      generation: committedOnly ? -1 : this.#generation,
    }
  }

  /** The committed windows of a key, ascending. */
  protected visitCommitted(key: K, fromMs: number, toMs: number, visitor: RowVisitor<V>): void {
    const largest = this.#frozen.committedLargestMs
    const from = Math.max(fromMs, this.#firstVisibleMs(largest))
    const to = Math.min(toMs, largest)
    for (let at = this.#bucketStartOf(from); at <= to; at += this.#bucketMs) {
      const row = this.#cache.rowApart(key, at, (known) => this.#frozen.holds(known))
      visitRow(row, -1, this.#copier, from, to, false, visitor)
    }
  }

  protected viewOf(): WindowView<K, V> {
    const scan = (fromMs: number, toMs: number, reverse: boolean): AsyncIterable<[K, number, V]> =>
      this.scan(fromMs, toMs, reverse, true, (key, startMs, value) => [key, startMs, value])
    const fetch = (key: K, fromMs: number, toMs: number): [number, V][] => {
      const found: [number, V][] = []
      this.visitCommitted(key, fromMs, toMs, (value, _timestampMs, startMs) => found.push([startMs, value]))
      return found
    }
    return {
      at: async (key, startMs) => fetch(key, startMs, startMs)[0]?.[1],
      fetch: async (key, fromMs, toMs) => fetch(key, fromMs, toMs),
      fetchAll: (fromMs, toMs) => scan(fromMs, toMs, false),
      backwardFetchAll: (fromMs, toMs) => scan(fromMs, toMs, true),
      all: () => scan(0, Number.MAX_SAFE_INTEGER, false),
      backwardAll: () => scan(0, Number.MAX_SAFE_INTEGER, true),
    }
  }
}
