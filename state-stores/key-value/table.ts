/**
 * What both key-value stores are: a table of entries over an engine, with an open generation, frozen ones and a bounded
 * clean cache (ST1–ST3 of src/processor/state-store.ts), and a count of its rows.
 *
 * Not here: what is in memory (entry-cache.ts), what changed (open-generation.ts), freezing and staging
 * (frozen-entries.ts), scans (scan.ts), restore (restore.ts), the public faces (plain-store.ts, stamped-store.ts).
 */
import type { ByteWriter } from '../../src/base/bytes.ts'
import type { Headers, Serde } from '../../src/base/serde.ts'
import type { EngineBatch } from '../../src/processor/state-engine.ts'
import type { ChangelogWriter, FlushListener, RestoredRecord } from '../../src/processor/state-store.ts'
import type { KeyValueView } from '../../src/processor/store-views.ts'
import { FrozenGenerations } from '../frozen-generations.ts'
import { afterPrefix, countKey, decodeNumber, rowsEnd } from '../row-keys.ts'
import { StoreTable } from '../store-table.ts'
import { ValueForm } from '../value-form.ts'
import type { KeyValueEntry } from './entry.ts'
import { EntryCache } from './entry-cache.ts'
import { FrozenEntries, type FrozenRow, freezeEntries } from './frozen-entries.ts'
import { KeyValueRestore } from './restore.ts'
import { type Bounds, type KeyValueScan, type MakeRow, scanRows } from './scan.ts'

export abstract class KeyValueTable<K, V> extends StoreTable<K, V, KeyValueEntry<K, V>> {
  readonly #frozen = new FrozenGenerations<KeyValueEntry<K, V>, FrozenRow, FrozenEntries<K, V>>()
  #cache!: EntryCache<K, V>
  #rowCount = 0
  /** How many rows the store had at the last commit. */
  #committedCount = 0
  #restore: KeyValueRestore | null = null

  constructor(name: string, keySerde: Serde<K>, valueSerde: Serde<V>, isStamped: boolean) {
    super(name, keySerde, new ValueForm(valueSerde, isStamped))
  }

  protected begin(): void {
    this.#restore = null
    const rowCount = this.#storedCount()
    // Every batch that has rows of a store has their count: without it there are none.
    this.#beginWith(rowCount ?? 0, rowCount === null)
  }

  #storedCount(): number | null {
    const { engine, storeId } = this.context
    const count = engine.get(countKey(storeId))
    return count === undefined ? null : decodeNumber(count)
  }

  #beginWith(rowCount: number, isEmpty: boolean): void {
    this.#rowCount = rowCount
    this.#committedCount = rowCount
    this.#cache = new EntryCache(this.name, this.context, this.keySerde, this.form, isEmpty)
  }

  close(): void {
    this.openGeneration.clear()
    this.#frozen.clear()
  }

  approximateEntryCount(): number {
    return this.#rowCount
  }

  // -- reading and writing inside the task ------------------------------------------------------------------------

  /** The entry of a key with its value decoded afresh, unless it is live. */
  protected find(key: K): KeyValueEntry<K, V> {
    const entry = this.#cache.entryOf(key)
    this.openGeneration.refresh(entry)
    return entry
  }

  /** The value of a key, for the caller alone. */
  value(key: K): V | null {
    return this.openGeneration.ownValue(this.#cache.entryOf(key))
  }

  protected read<T>(key: K, make: (value: V, timestampMs: number) => T): T | undefined {
    const entry = this.#cache.entryOf(key)
    const value = this.openGeneration.ownValue(entry)
    return value === null ? undefined : make(value, entry.timestamp)
  }

  /** `isShared`: see OpenGeneration. */
  protected write(
    found: KeyValueEntry<K, V>,
    value: V | null,
    timestampMs: number,
    headers: Headers,
    isShared: boolean,
  ): void {
    const { openGeneration } = this
    const entry = found.openIn === openGeneration.number ? found : this.#current(found)
    const existed = openGeneration.exists(entry)
    openGeneration.put(entry, value, timestampMs, headers, isShared)
    if (existed !== (value !== null)) this.#rowCount += existed ? -1 : 1
  }

  /** An entry that was kept over a turn of the cache may no longer be the one that the table has. */
  #current(entry: KeyValueEntry<K, V>): KeyValueEntry<K, V> {
    return entry.age === this.#cache.age ? entry : this.#cache.entryOf(entry.key)
  }

  protected place(entry: KeyValueEntry<K, V>, bytes: ByteWriter): void {
    this.#cache.place(entry, bytes)
  }

  // -- the commit -------------------------------------------------------------------------------------------------

  /** Step 1a. */
  flush(listener: FlushListener<K, V>): void {
    const { openGeneration, keySerde } = this
    for (let entry = openGeneration.nextUntold(); entry !== null; entry = openGeneration.nextUntold()) {
      const { newValue, oldValue } = openGeneration
      listener(entry.ownKey(keySerde), newValue, oldValue, entry.changedMs, entry.headers)
    }
  }

  /** Step 1b. */
  rotate(changelog: ChangelogWriter | null): void {
    const under = this.#frozen.newest
    const generation = new FrozenEntries<K, V>(this.openGeneration.number, this.#rowCount)
    this.#frozen.add(generation)
    freezeEntries(this.openGeneration, generation, under, changelog, this.form.stampBytes)
  }

  /** Step 3. */
  committed(): void {
    this.#committedCount = this.#frozen.committed().rowCount
  }

  /** Step 4. */
  stage(batch: EngineBatch): void {
    this.#frozen.oldestCommitted.stage(batch, countKey(this.context.storeId))
  }

  /** Step 4, durable. */
  settled(): void {
    this.#frozen.settled().letGo()
    if (this.#cache.isFull(this.context.cleanCacheBytesMax)) this.#cache.turn(this.#unsettled())
  }

  /** What the engine does not have yet. */
  *#unsettled(): Generator<KeyValueEntry<K, V>> {
    for (const { entries } of this.#frozen.all) yield* entries
    for (let entry = this.openGeneration.first; entry !== null; entry = entry.next) yield entry
  }

  restore(batch: EngineBatch, record: RestoredRecord): void {
    const restore = this.#restore ?? this.#beginRestore()
    if (restore.apply(batch, record)) batch.beforeWrite(() => this.#beginWith(restore.rowCount, false))
  }

  #beginRestore(): KeyValueRestore {
    // Rows may have been removed since the store was opened.
    this.cleared()
    this.#restore = new KeyValueRestore(this.context, this.form, this.#storedCount())
    return this.#restore
  }

  // -- scans ------------------------------------------------------------------------------------------------------

  #rangeOf(from: K | null, to: K | null): Bounds {
    return {
      gte: from === null ? this.#cache.prefix : this.#cache.rowKeyOf(from),
      lt: to === null ? rowsEnd(this.context.storeId) : Buffer.concat([this.#cache.rowKeyOf(to), Buffer.of(0)]),
    }
  }

  #prefixRangeOf(prefix: string | Buffer): Bounds {
    const gte = Buffer.concat([this.#cache.prefix, typeof prefix === 'string' ? Buffer.from(prefix) : prefix])
    return { gte, lt: afterPrefix(gte) ?? rowsEnd(this.context.storeId) }
  }

  /** What the task sees, inclusive of both ends, from the moment of the first `next`. */
  protected scan<T>(from: K | null, to: K | null, reverse: boolean, make: MakeRow<K, V, T>): AsyncGenerator<T> {
    return this.#scanOpen(this.#rangeOf(from, to), reverse, make)
  }

  protected scanPrefix<T>(prefix: string | Buffer, make: MakeRow<K, V, T>): AsyncGenerator<T> {
    return this.#scanOpen(this.#prefixRangeOf(prefix), false, make)
  }

  #scanOpen<T>(bounds: Bounds, reverse: boolean, make: MakeRow<K, V, T>): AsyncGenerator<T> {
    return scanRows(() => this.#scanOf({ bounds, reverse, frozen: this.#frozen.all, open: this.openGeneration }), make)
  }

  /** What queries see, from the moment of the first `next`. */
  #scanCommitted(bounds: Bounds, reverse: boolean): AsyncGenerator<[K, V]> {
    return scanRows<K, V, [K, V]>(
      () => this.#scanOf({ bounds, reverse, frozen: this.#frozen.committedAll, open: null }),
      (key, value) => [key, value],
    )
  }

  #scanOf(scan: Pick<KeyValueScan<K, V>, 'bounds' | 'reverse' | 'frozen' | 'open'>): KeyValueScan<K, V> {
    return { ...scan, keySerde: this.keySerde, form: this.form, engine: this.context.engine }
  }

  /** The committed row of a key, from memory where that is known to be it. */
  protected readCommitted<T>(key: K, make: (value: V, timestampMs: number) => T): T | undefined {
    const { form } = this
    const entry = this.#cache.lookUp(key)
    const frozen = entry === undefined ? null : this.#frozen.committedRowOf(entry)
    if (frozen !== null) {
      const { frozenBuffer, frozenStart, frozenEnd } = frozen
      if (frozenStart < 0) return undefined
      return make(form.decode(frozenBuffer, frozenStart, frozenEnd), form.timestampOf(frozenBuffer, frozenStart))
    }
    const row = this.context.engine.get(this.#cache.rowKey)
    return row === undefined ? undefined : make(form.decode(row, 0, row.length), form.timestampOf(row, 0))
  }

  /** What both stores show to queries. */
  protected viewOf(): KeyValueView<K, V> {
    return {
      get: async (key) => this.readCommitted(key, (value) => value),
      range: (from, to) => this.#scanCommitted(this.#rangeOf(from, to), false),
      reverseRange: (from, to) => this.#scanCommitted(this.#rangeOf(from, to), true),
      prefixScan: (prefix) => this.#scanCommitted(this.#prefixRangeOf(prefix), false),
      all: () => this.#scanCommitted(this.#rangeOf(null, null), false),
      reverseAll: () => this.#scanCommitted(this.#rangeOf(null, null), true),
      approximateEntryCount: async () => this.#committedCount,
    }
  }
}
