/**
 * What both window stores are: buckets of packed rows over an engine, with an open generation, frozen ones and a bounded
 * clean cache (ST1–ST3 of src/processor/state-store.ts).
 *
 * Which windows are seen follows from the largest start ever put (retention.ts), which is a row of its own, in the same
 * batch. Buckets are cleared as a whole, by the commit that finds them expired: what changed in them is told and logged
 * first.
 *
 * Not here: what is in memory (row-cache.ts), what changed (open-generation.ts), freezing and packing (row-packer.ts,
 * packed-row.ts), staging (frozen-rows.ts), scans (scan.ts), restore (restore.ts), the public faces (plain-store.ts,
 * stamped-store.ts).
 */
import type { ByteWriter } from '../../src/base/bytes.ts'
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
import { FrozenGenerations } from '../frozen-generations.ts'
import { decodeNumber } from '../row-keys.ts'
import { StoreTable } from '../store-table.ts'
import { ValueForm } from '../value-form.ts'
import { bucketPrefix, largestStartKey } from './bucket.ts'
import { type FreezePoint, FrozenRows } from './frozen-rows.ts'
import { WindowRestore } from './restore.ts'
import { Retention } from './retention.ts'
import type { WindowEntry, WindowRow } from './row.ts'
import { RowCache } from './row-cache.ts'
import { RowPacker } from './row-packer.ts'
import { type MakeWindow, scanWindows, type WindowScan } from './scan.ts'
import { type RowVisitor, visitRow, type WindowRange } from './visit-row.ts'

export interface WindowShape<K, V> {
  readonly name: string
  readonly key: Serde<K>
  readonly value: Serde<V>
  readonly windowSizeMs: number
  readonly retentionMs: number
  /** What Kafka Streams does differently on disk: see `putRow` and scans. */
  readonly onDisk: boolean
}

export abstract class WindowTable<K, V> extends StoreTable<K, V, WindowEntry<K, V>> {
  readonly windowSizeMs: number
  readonly retentionMs: number
  readonly #onDisk: boolean
  readonly #retention: Retention
  readonly #packer: RowPacker<K, V>
  readonly #frozen = new FrozenGenerations<WindowRow<K, V>, WindowRow<K, V>, FrozenRows<K, V>>()
  #restore: WindowRestore | null = null
  #cache!: RowCache<K, V>
  #largestStartMs = -1
  #lastFreeze!: FreezePoint
  /** How far queries see. */
  #committedPoint!: FreezePoint
  /** Each once, whatever changes in it. */
  #dirtyRows: WindowRow<K, V>[] = []

  constructor(shape: WindowShape<K, V>) {
    super(shape.name, shape.key, new ValueForm(shape.value, false))
    this.windowSizeMs = shape.windowSizeMs
    this.retentionMs = shape.retentionMs
    this.#onDisk = shape.onDisk
    this.#retention = new Retention(shape.retentionMs)
    this.#packer = new RowPacker(shape.name, shape.value)
  }

  override async open(context: StoreContext): Promise<void> {
    await super.open(context)
    // A clearing that was cut short is done again, and what came before is over.
    const live = this.#firstLiveBucketMs()
    if (live > 0) {
      const batch = context.engine.batch()
      batch.clear(bucketPrefix(context.storeId, 0), bucketPrefix(context.storeId, live))
      await batch.write({ sync: false })
    }
  }

  protected begin(): void {
    this.#restore = null
    const { engine, storeId } = this.context
    const largest = engine.get(largestStartKey(storeId))
    this.#beginWith(largest === undefined ? -1 : decodeNumber(largest))
  }

  #beginWith(largestStartMs: number): void {
    const { engine, storeId } = this.context
    this.#largestStartMs = largestStartMs
    this.#cache = new RowCache({
      storeName: this.name,
      engine,
      storeId,
      keySerde: this.keySerde,
      retention: this.#retention,
      engineBucketMs: this.#retention.lastBucketMs(largestStartMs),
    })
    this.#lastFreeze = this.#freezePoint()
    this.#committedPoint = this.#lastFreeze
  }

  close(): void {
    this.openGeneration.clear()
    this.#dirtyRows = []
    this.#frozen.clear()
  }

  #firstLiveBucketMs(): number {
    return this.#retention.firstLiveBucketMs(this.#largestStartMs)
  }

  // -- reading and writing inside the task ------------------------------------------------------------------------

  /** The entry of a window, its value decoded afresh unless it is live; seen or not. */
  protected find(key: K, startMs: number): WindowEntry<K, V> {
    const entry = this.#cache.rowOf(key, startMs).entryOf(startMs)
    this.openGeneration.refresh(entry)
    return entry
  }

  /** `isShared`: see OpenGeneration. */
  protected write(
    found: WindowEntry<K, V>,
    value: V | null,
    timestampMs: number,
    headers: Headers,
    isShared: boolean,
  ): void {
    const { openGeneration } = this
    const isOpen = found.openIn === openGeneration.number
    const entry = isOpen ? found : this.#current(found)
    openGeneration.put(entry, value, timestampMs, headers, isShared)
    if (!isOpen) this.#joined(entry)
  }

  /** An entry that was kept over a commit or a turn of the cache may no longer be the one that its row has. */
  #current(entry: WindowEntry<K, V>): WindowEntry<K, V> {
    const { row, startMs } = entry
    if (entry.attached && row.age === row.bucket.table.age) return entry
    return this.#cache.rowOf(row.key, startMs).entryOf(startMs)
  }

  /** It is in the open generation now, and so is its row, if it was not yet. */
  #joined({ row, startMs }: WindowEntry<K, V>): void {
    const { number } = this.openGeneration
    if (row.dirtyIn !== number) {
      row.dirtyIn = number
      this.#dirtyRows.push(row)
    }
    if (startMs > this.#largestStartMs) this.#largestStartMs = startMs
  }

  protected place(entry: WindowEntry<K, V>, bytes: ByteWriter): void {
    const { arena } = entry.row.bucket.table
    entry.start = arena.place(bytes.buffer, 0, bytes.position)
    entry.end = entry.start + bytes.position
    entry.buffer = arena.buffer
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
    // Kafka Streams' stores on disk count by the segment, those in memory by the window.
    const isLate = this.#onDisk
      ? startMs < this.#firstLiveBucketMs()
      : startMs <= this.#largestStartMs - this.retentionMs
    if (isLate) this.context.recordDropped('expired')
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
    const range = this.#rangeOf(fromMs, toMs, reverse)
    for (const at of this.#retention.bucketsIn(range)) visitRow(this.#cache.rowOf(key, at), range, visitor)
  }

  // -- the commit -------------------------------------------------------------------------------------------------

  /** Step 1a. */
  flush(listener: WindowFlushListener<K, V>): void {
    const { openGeneration, keySerde } = this
    for (let entry = openGeneration.nextUntold(); entry !== null; entry = openGeneration.nextUntold()) {
      const { newValue, oldValue } = openGeneration
      listener(entry.row.ownKey(keySerde), entry.startMs, newValue, oldValue, entry.changedMs, entry.headers)
    }
  }

  /** Step 1b. */
  rotate(changelog: ChangelogWriter | null): void {
    const { openGeneration } = this
    const under = this.#frozen.newest
    const point = this.#freezePoint()
    const generation = new FrozenRows<K, V>(openGeneration.number, point, this.#lastFreeze)
    this.#frozen.add(generation)
    this.#packer.freeze(openGeneration, this.#dirtyRows, changelog, generation, under)
    this.#lastFreeze = point
    this.#dirtyRows = []
    // What expires now, queries see until this generation is committed, perhaps in memory alone.
    this.#cache.dropBefore(this.#committedPoint.firstLiveBucketMs)
  }

  #freezePoint(): FreezePoint {
    return { largestStartMs: this.#largestStartMs, firstLiveBucketMs: this.#firstLiveBucketMs() }
  }

  /** Step 3. */
  committed(): void {
    this.#committedPoint = this.#frozen.committed().point
  }

  /** Step 4. */
  stage(batch: EngineBatch): void {
    this.#frozen.oldestCommitted.stage(batch, this.context.storeId)
  }

  /** Step 4, durable. */
  settled(): void {
    this.#frozen.settled()
    if (this.#cache.isFull(this.context.cleanCacheBytesMax)) this.#cache.turn(this.#unsettled())
  }

  /** What the engine does not have yet. */
  *#unsettled(): Generator<WindowRow<K, V>> {
    for (const { rows } of this.#frozen.all) yield* rows
    yield* this.#dirtyRows
  }

  restore(batch: EngineBatch, record: RestoredRecord): void {
    const restore = this.#restore ?? this.#beginRestore()
    if (restore.apply(batch, record)) batch.beforeWrite(() => this.#beginWith(restore.largestStartMs))
  }

  #beginRestore(): WindowRestore {
    // Rows may have been removed since the store was opened.
    this.cleared()
    this.#restore = new WindowRestore(this.context, this.#retention, this.#largestStartMs)
    return this.#restore
  }

  // -- many windows -----------------------------------------------------------------------------------------------

  /** What the task sees of the windows that start in [fromMs, toMs]. */
  #rangeOf(fromMs: number, toMs: number, reverse: boolean): WindowRange<K, V> {
    return this.#visible({ fromMs, toMs, reverse }, this.openGeneration, this.#largestStartMs)
  }

  /** What queries see of them. */
  #committedRangeOf(fromMs: number, toMs: number, reverse: boolean): WindowRange<K, V> {
    return this.#visible({ fromMs, toMs, reverse }, null, this.#committedPoint.largestStartMs)
  }

  #visible(
    { fromMs, toMs, reverse }: Pick<WindowRange<K, V>, 'fromMs' | 'toMs' | 'reverse'>,
    open: WindowRange<K, V>['open'],
    largestStartMs: number,
  ): WindowRange<K, V> {
    return {
      valueSerde: this.form.serde,
      open,
      fromMs: Math.max(fromMs, this.#retention.firstVisibleMs(largestStartMs)),
      toMs: Math.min(toMs, largestStartMs),
      reverse,
    }
  }

  /** What the task sees, from the moment of the first `next`. */
  protected scan<T>(fromMs: number, toMs: number, reverse: boolean, make: MakeWindow<K, V, T>): AsyncGenerator<T> {
    return scanWindows(() => {
      const range = this.#rangeOf(fromMs, toMs, reverse)
      return this.#scanOf(range, this.#frozen.all, this.#dirtyRows)
    }, make)
  }

  /** What queries see, from the moment of the first `next`. */
  #scanCommitted(fromMs: number, toMs: number, reverse: boolean): AsyncGenerator<[K, number, V]> {
    return scanWindows<K, V, [K, number, V]>(
      () => this.#scanOf(this.#committedRangeOf(fromMs, toMs, reverse), this.#frozen.committedAll, []),
      (key, startMs, value) => [key, startMs, value],
    )
  }

  #scanOf(
    range: WindowRange<K, V>,
    frozen: readonly FrozenRows<K, V>[],
    dirtyRows: readonly WindowRow<K, V>[],
  ): WindowScan<K, V> {
    const { engine, storeId } = this.context
    const { keySerde } = this
    const retention = this.#retention
    return { ...range, keySerde, retention, onDisk: this.#onDisk, storeId, engine, frozen, dirtyRows }
  }

  /** The committed windows of a key, ascending. */
  protected visitCommitted(key: K, fromMs: number, toMs: number, visitor: RowVisitor<V>): void {
    const range = this.#committedRangeOf(fromMs, toMs, false)
    for (const at of this.#retention.bucketsIn(range)) {
      const row = this.#cache.rowApart(key, at, (known) => this.#frozen.committedRowOf(known))
      visitRow(row, range, visitor)
    }
  }

  /** What both stores show to queries. */
  protected viewOf(): WindowView<K, V> {
    const fetch = (key: K, fromMs: number, toMs: number): [number, V][] => {
      const found: [number, V][] = []
      this.visitCommitted(key, fromMs, toMs, (value, _timestampMs, startMs) => found.push([startMs, value]))
      return found
    }
    return {
      at: async (key, startMs) => fetch(key, startMs, startMs)[0]?.[1],
      fetch: async (key, fromMs, toMs) => fetch(key, fromMs, toMs),
      fetchAll: (fromMs, toMs) => this.#scanCommitted(fromMs, toMs, false),
      backwardFetchAll: (fromMs, toMs) => this.#scanCommitted(fromMs, toMs, true),
      all: () => this.#scanCommitted(0, Number.MAX_SAFE_INTEGER, false),
      backwardAll: () => this.#scanCommitted(0, Number.MAX_SAFE_INTEGER, true),
    }
  }
}
