/**
 * What both window stores are: buckets of packed rows over an engine, with an open and a frozen generation and a bounded
 * clean cache (ST1–ST3 of src/processor/state-store.ts).
 *
 * A row is seen while its start > largest start ever put − retention; that time is a row of its own, in the same batch.
 * Buckets are cleared as a whole, at the commit after they have expired, so what is in them is told and logged first.
 *
 * Not here: packing (packed-row.ts), freezing and staging (frozen-rows.ts), scans (scan.ts), restore (restore.ts).
 */
import { assert } from '../../src/base/assert.ts'
import { ByteWriter, readInt64 } from '../../src/base/bytes.ts'
import { StreamError } from '../../src/base/errors.ts'
import { type Headers, noHeaders, type Serde } from '../../src/base/serde.ts'
import type { EngineBatch } from '../../src/processor/state-engine.ts'
import type {
  ChangelogWriter,
  RestoredRecord,
  StoreContext,
  WindowFlushListener,
} from '../../src/processor/state-store.ts'
import { DirtyList } from '../dirty-list.ts'
import { canonical, isSelfIdentical } from '../key-identity.ts'
import { decodeNumber } from '../row-keys.ts'
import type { WindowView } from '../views.ts'
import { Bucket, bucketMsOf, bucketPrefix, bucketPrefixBytes, chunkBytes } from './bucket.ts'
import { FrozenRows } from './frozen-rows.ts'
import { entryHeadBytes, findEntry, flagBytes, isContinued, lastStartOf } from './packed-row.ts'
import { WindowRestore } from './restore.ts'
import { WindowEntry, WindowRow } from './row.ts'
import { scanWindows, type WindowScan } from './scan.ts'
import { visitRow } from './visit-row.ts'

export interface WindowShape<K, V> {
  readonly name: string
  readonly key: Serde<K>
  readonly value: Serde<V>
  readonly windowSizeMs: number
  readonly retentionMs: number
  /** What Kafka Streams does differently on disk: see `put` and scans. */
  readonly onDisk: boolean
}

/** What a row, its map slot, its key and its arrays take besides the bytes in the arena; and what an entry takes. */
const rowBytes = 450
const entryBytes = 250
/** int64 start and int32 sequence number: what follows the key in a changelog record. */
const changelogSuffixBytes = 12

export abstract class WindowTable<K, V> {
  readonly name: string
  readonly windowSizeMs: number
  readonly retentionMs: number
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<V>
  readonly onDisk: boolean
  readonly #bucketMs: number
  readonly #selfIdentical: boolean
  readonly #dirty = new DirtyList<WindowEntry<K, V>>()
  readonly #frozen: FrozenRows<K, V>
  readonly #keyWriter = new ByteWriter(256)
  readonly #valueWriter = new ByteWriter(1024)
  readonly #buckets = new Map<number, Bucket<K, V>>()
  #context: StoreContext | null = null
  #restore: WindowRestore | null = null
  /** The one used last. */
  #bucket: Bucket<K, V> | null = null
  #largestStartMs = -1
  /** No row of the engine was in a later bucket when it was opened. */
  #engineBucketMs = -1
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
    this.#selfIdentical = isSelfIdentical(shape.key)
    this.#frozen = new FrozenRows(shape.value)
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
    const metaKey = bucketPrefix(context.storeId, 0)
    metaKey.fill(0, 4)
    metaKey[4] = 0x80
    const meta = context.engine.get(metaKey)
    this.#largestStartMs = meta === undefined ? -1 : decodeNumber(meta)
    this.#engineBucketMs = meta === undefined ? -1 : this.#bucketStartOf(this.#largestStartMs)
    this.#frozen.open(context, metaKey, this.#largestStartMs)
    // A clearing that was cut short is done again, and what came before is over.
    const live = this.#firstLiveBucketMs()
    if (live > 0) {
      const batch = context.engine.batch()
      batch.clear(bucketPrefix(context.storeId, 0), bucketPrefix(context.storeId, live))
      await batch.write({ sync: false })
    }
    this.#frozen.clearedToMs = live
  }

  close(): void {
    this.#dirty.clear()
    this.#dirtyRows = []
    this.#buckets.clear()
    this.#bucket = null
    this.#frozen.settled()
  }

  keepOldValues(): void {
    this.#keepOldValues = true
  }

  #bucketStartOf(startMs: number): number {
    return startMs - (startMs % this.#bucketMs)
  }

  #firstLiveBucketMs(): number {
    return this.#bucketStartOf(Math.max(0, this.#largestStartMs - this.retentionMs))
  }

  /** The first start that is still seen. */
  protected get firstVisibleMs(): number {
    return this.#largestStartMs - this.retentionMs + 1
  }

  // -- reading and writing inside the task ------------------------------------------------------------------------

  /** The entry of a window, its value decoded afresh unless it is open; seen or not. */
  protected find(key: K, startMs: number): WindowEntry<K, V> {
    const row = this.#rowOf(key, startMs)
    const { last } = row
    let entry = last !== null && last.startMs === startMs ? last : null
    if (entry === null) entry = this.#entryOf(row, startMs)
    if (entry.openIn !== this.#generation) {
      entry.value = entry.start < 0 ? null : this.valueSerde.decode(entry.buffer, entry.start, entry.end)
    }
    return entry
  }

  protected write(entry: WindowEntry<K, V>, value: V | null, timestampMs: number, headers: Headers): void {
    if (entry.openIn === this.#generation) this.#dirty.touch(entry)
    else {
      const { row } = entry
      if (!entry.attached || row.age !== row.bucket.table.age) {
        // It was kept over a commit or a turn of the cache: there may be another by now.
        const current = this.#entryOf(this.#rowOf(row.key, entry.startMs), entry.startMs)
        if (current !== entry) {
          this.write(current, value, timestampMs, headers)
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
    entry.encoded = false
  }

  /** A put from outside the operators: one that comes too late is counted; its changelog record is written all the same. */
  protected putRow(key: K, startMs: number, value: V | null, timestampMs: number): void {
    if (!Number.isSafeInteger(startMs) || startMs < 0) {
      throw new StreamError(
        'INPUT_INVALID',
        `store ${this.name}: a window cannot start at ${startMs}; give a time since 1970`,
      )
    }
    this.write(this.find(key, startMs), value, timestampMs, noHeaders)
    const over = this.onDisk ? startMs < this.#firstLiveBucketMs() : startMs < this.firstVisibleMs
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
  protected visit(
    key: K,
    fromMs: number,
    toMs: number,
    reverse: boolean,
    visitor: (value: V, timestampMs: number, startMs: number) => void,
  ): void {
    const from = Math.max(fromMs, this.firstVisibleMs, 0)
    const to = Math.min(toMs, this.#largestStartMs)
    if (from > to) return
    const first = this.#bucketStartOf(from)
    const last = this.#bucketStartOf(to)
    const step = reverse ? -this.#bucketMs : this.#bucketMs
    for (let at = reverse ? last : first; at >= first && at <= last; at += step) {
      visitRow(this.#rowOf(key, at), this.#generation, this.valueSerde, from, to, reverse, visitor)
    }
  }

  #sizeOf(value: V | null): number {
    if (typeof value === 'string') return value.length
    return value instanceof Uint8Array ? value.length : this.#meanValueBytes
  }

  #rowOf(key: K, startMs: number): WindowRow<K, V> {
    let bucket = this.#bucket
    if (bucket === null || startMs < bucket.startMs || startMs >= bucket.endMs) bucket = this.#bucketOf(startMs)
    const row = this.#selfIdentical ? bucket.table.young.get(key) : undefined
    return row ?? this.#resolve(bucket, key)
  }

  #bucketOf(startMs: number): Bucket<K, V> {
    assert(startMs >= 0 && Number.isSafeInteger(startMs), 'a window starts at a time since 1970')
    const at = this.#bucketStartOf(startMs)
    let bucket = this.#buckets.get(at)
    if (bucket === undefined) {
      bucket = new Bucket(this.context.storeId, at, this.#bucketMs, at > this.#engineBucketMs)
      this.#buckets.set(at, bucket)
    }
    this.#bucket = bucket
    return bucket
  }

  #resolve(bucket: Bucket<K, V>, key: K): WindowRow<K, V> {
    const { table } = bucket
    const identity = this.#encodeKey(bucket, key)
    const known = table.young.get(identity) ?? table.old.get(identity)
    if (known !== undefined) {
      if (known.age !== table.age) this.#move(known)
      return known
    }
    const writer = this.#keyWriter
    const own = canonical(key, this.keySerde, writer, bucketPrefixBytes)
    const row = new WindowRow<K, V>(own, identity, bucket)
    writer.ensure(changelogSuffixBytes)
    writer.buffer.fill(0, writer.position, writer.position + changelogSuffixBytes)
    writer.position += changelogSuffixBytes
    row.keyStart = table.arena.place(writer.buffer, 0, writer.position)
    row.keyEnd = row.keyStart + writer.position - changelogSuffixBytes
    row.keyBuffer = table.arena.buffer
    row.age = table.age
    table.charge(rowBytes)
    table.young.set(identity, row)
    if (!table.complete) this.#load(row)
    return row
  }

  /** Leaves `storeId ‖ bucketStart ‖ key` in the key writer. */
  #encodeKey(bucket: Bucket<K, V>, key: K): unknown {
    const writer = this.#keyWriter
    writer.reset()
    writer.bytes(bucket.prefix)
    this.keySerde.encode(key, writer)
    return this.#selfIdentical
      ? canonical(key, this.keySerde, writer, bucketPrefixBytes)
      : writer.buffer.latin1Slice(bucketPrefixBytes, writer.position)
  }

  #load(row: WindowRow<K, V>): void {
    const { engine } = this.context
    const key = Buffer.from(row.keyBuffer.subarray(row.keyStart, row.keyEnd + chunkBytes))
    let chunk = engine.get(key)
    if (chunk === undefined) return
    const { arena } = row.bucket.table
    row.start = arena.place(chunk, 0, chunk.length)
    row.end = row.start + chunk.length
    row.buffer = arena.buffer
    const rest: Buffer[] = []
    while (isContinued(chunk, 0)) {
      key.writeUInt16BE(rest.length + 1, key.length - chunkBytes)
      const following = engine.get(key)
      if (following === undefined) {
        throw new StreamError(
          'STORE_CORRUPT',
          `store ${this.name}: a row of windows has lost its end; remove the state`,
        )
      }
      rest.push(following)
      row.bucket.table.charge(following.length)
      chunk = following
    }
    if (rest.length > 0) row.rest = rest
    row.lastStartMs = lastStartOf(chunk, flagBytes, chunk.length)
  }

  /** From the old age to the young one, bytes and all (C1). */
  #move(row: WindowRow<K, V>): void {
    const { table } = row.bucket
    const length = row.keyEnd - row.keyStart
    row.keyStart = table.arena.place(row.keyBuffer, row.keyStart, row.keyEnd + changelogSuffixBytes)
    row.keyEnd = row.keyStart + length
    row.keyBuffer = table.arena.buffer
    if (row.start >= 0) {
      const rowLength = row.end - row.start
      row.start = table.arena.place(row.buffer, row.start, row.end)
      row.end = row.start + rowLength
      row.buffer = table.arena.buffer
    }
    row.age = table.age
    table.charge(rowBytes)
    for (const chunk of row.rest) table.charge(chunk.length)
    table.old.delete(row.identity)
    table.young.set(row.identity, row)
  }

  #entryOf(row: WindowRow<K, V>, startMs: number): WindowEntry<K, V> {
    const { entries } = row
    let index = entries.length
    while (index > 0 && entries[index - 1]!.startMs > startMs) index--
    const before = entries[index - 1]
    if (before !== undefined && before.startMs === startMs) return before
    const entry = new WindowEntry<K, V>(row, startMs)
    if (startMs <= row.lastStartMs) fill(entry)
    if (index === entries.length) {
      entries.push(entry)
      row.last = entry
    } else entries.splice(index, 0, entry)
    row.bucket.table.charge(entryBytes)
    return entry
  }

  // -- the commit -------------------------------------------------------------------------------------------------

  /** Step 1a. */
  flush(listener: WindowFlushListener<K, V>): void {
    const dirty = this.#dirty
    for (let entry = dirty.firstUntold(); entry !== null; entry = dirty.firstUntold()) {
      dirty.told = entry
      const { value, told } = entry
      if (value === null && !told) {
        // Came and went between two flushes: nobody hears of it, unless an older row has to go.
        if (!entry.stored) this.#forget(entry)
        continue
      }
      const keep = this.#keepOldValues && told && entry.start >= 0
      const oldValue = keep ? this.valueSerde.decode(entry.buffer, entry.start, entry.end) : null
      entry.told = value !== null
      if (this.#keepOldValues) this.#encode(entry)
      listener(entry.row.key, entry.startMs, value, oldValue, entry.changedMs, entry.headers)
    }
  }

  #forget(entry: WindowEntry<K, V>): void {
    this.#dirty.remove(entry)
    entry.openIn = 0
    entry.headers = noHeaders
    entry.encoded = true
    entry.start = -1
    entry.end = -1
  }

  #encode(entry: WindowEntry<K, V>): void {
    entry.encoded = true
    if (entry.value === null) {
      entry.start = -1
      entry.end = -1
      return
    }
    const writer = this.#valueWriter
    writer.reset()
    this.valueSerde.encode(entry.value, writer)
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
    for (const [at, bucket] of this.#buckets) {
      if (at >= live) continue
      this.#buckets.delete(at)
      if (this.#bucket === bucket) this.#bucket = null
    }
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
    let bytes = 0
    for (const bucket of this.#buckets.values()) bytes += bucket.table.youngBytes
    if (bytes <= this.context.cleanCacheBytesMax / 2) return
    for (const bucket of this.#buckets.values()) bucket.table.turn()
  }

  restore(batch: EngineBatch, record: RestoredRecord): void {
    assert(this.#dirty.size === 0, 'a store is restored before its first put')
    this.#restore ??= new WindowRestore(this.context, this.#bucketMs, this.retentionMs, this.#largestStartMs)
    this.#restore.apply(batch, record)
    this.#largestStartMs = this.#restore.largestStartMs
    this.#engineBucketMs = this.#bucketStartOf(Math.max(0, this.#largestStartMs))
    this.#frozen.restored(this.#largestStartMs)
    this.#buckets.clear()
    this.#bucket = null
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
    const from = Math.max(fromMs, largest - this.retentionMs + 1, 0)
    const to = Math.min(toMs, largest)
    const rows = this.#frozen.visibleTo(committedOnly)
    return {
      store: this,
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
  protected visitCommitted(
    key: K,
    fromMs: number,
    toMs: number,
    visitor: (value: V, timestampMs: number, startMs: number) => void,
  ): void {
    const largest = this.#frozen.committedLargestMs
    const from = Math.max(fromMs, largest - this.retentionMs + 1, 0)
    const to = Math.min(toMs, largest)
    for (let at = this.#bucketStartOf(from); at <= to; at += this.#bucketMs) {
      const bucket = this.#buckets.get(at) ?? new Bucket<K, V>(this.context.storeId, at, this.#bucketMs, false)
      const identity = this.#encodeKey(bucket, key)
      let row = bucket.table.young.get(identity) ?? bucket.table.old.get(identity)
      if (row === undefined || !this.#frozen.holds(row)) row = this.#loadApart(bucket, key, identity)
      visitRow(row, -1, this.valueSerde, from, to, false, visitor)
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

  /** A row as the engine has it, which no table knows; the key writer holds its key. */
  #loadApart(bucket: Bucket<K, V>, key: K, identity: unknown): WindowRow<K, V> {
    const apart = new Bucket<K, V>(this.context.storeId, bucket.startMs, this.#bucketMs, false)
    const row = new WindowRow<K, V>(key, identity, apart)
    const writer = this.#keyWriter
    row.keyEnd = writer.position
    writer.uint16(0)
    row.keyBuffer = writer.copy()
    this.#load(row)
    return row
  }
}

/** Takes what the packed row has for its start. */
function fill<K, V>(entry: WindowEntry<K, V>): void {
  const { row, startMs } = entry
  let buffer = row.buffer
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
