import type { Headers } from '../base/serde.ts'
import type { EngineBatch, StateEngine } from './state-engine.ts'

export type StoreKind = 'keyValue' | 'timestampedKeyValue' | 'window' | 'timestampedWindow'

/** Takes the changelog record of one dirty entry: raw bytes, Kafka's form. */
export interface ChangelogWriter {
  append(
    timestampMs: number,
    key: Buffer,
    keyStart: number,
    keyEnd: number,
    value: Buffer | null,
    valueStart: number,
    valueEnd: number,
    headers: Headers,
  ): void
}

/** What a store is opened with. */
export interface StoreContext {
  readonly engine: StateEngine
  /** The number all of this store's rows begin with, 4 bytes big-endian, ≥ 1; 0 is the runtime's own. */
  readonly storeId: number
  /** The timestamp of the record (or punctuation) being processed: what a plain put is stamped with. */
  currentTimestampMs(): number
  recordDropped(reason: string): void
  /** Bounds in force for this task. */
  readonly cleanCacheBytesMax: number
}

/**
 * The part of a store that the runtime sees. Writes go to the *open generation* of dirty entries; a commit moves them on
 * (D4). The numbers are those of the commit:
 *
 *   1b `rotate`    the open generation freezes; every dirty entry goes to the changelog, in last-update order
 *   3  `committed` the transaction is known committed: queries may see the generation frozen last
 *   4  `stage`     the rows of the oldest frozen generation join the task's batch
 *   4  `settled`   the batch is durable: that generation becomes clean cache
 *
 * Laws
 *  ST1  a read in the task sees what is open, then what is frozen, the newest first, then clean cache, then the engine
 *  ST2  nothing uncommitted is ever staged
 *  ST3  rotate is only called when the generation frozen last is committed and the one before it settled: while the rows of
 *       one are written, the next may freeze and be committed
 */
export interface StateStore {
  readonly name: string
  readonly kind: StoreKind
  readonly dirtyEntries: number
  readonly dirtyBytes: number
  /** Reads what must be in memory (the largest start put of a window store, …). */
  open(context: StoreContext): Promise<void>
  rotate(changelog: ChangelogWriter | null): void
  committed(): void
  stage(batch: EngineBatch): void
  settled(): void
  /** Applies one changelog record straight to the batch (upsert; null value: delete). Only before the first put. */
  restore(batch: EngineBatch, record: RestoredRecord): void
  /** Its rows were removed from the engine, for a rebuild: what `open` read is no longer so. Only before the first put. */
  cleared?(): void
  /** The view for interactive queries: what is committed, and nothing else. */
  committedView(): unknown
  close(): void
}

/** A changelog record during restore: bytes inside `buffer`, start -1 is null. A reused object: copy what you keep. */
export interface RestoredRecord {
  buffer: Buffer
  keyStart: number
  keyEnd: number
  valueStart: number
  valueEnd: number
  timestampMs: number
}

/** A value and when it was last updated. */
export interface ValueAndTimestamp<V> {
  readonly value: V
  readonly timestamp: number
}

/** The read side of a key-value store inside the task. Ranges are inclusive; order is that of the key's bytes. */
export interface ReadOnlyKeyValueStore<K, V> {
  get(key: K): V | undefined
  range(from: K | null, to: K | null): AsyncIterable<[K, V]>
  reverseRange(from: K | null, to: K | null): AsyncIterable<[K, V]>
  /** All keys whose bytes begin with the bytes of `prefix`. */
  prefixScan(prefix: string | Buffer): AsyncIterable<[K, V]>
  all(): AsyncIterable<[K, V]>
  reverseAll(): AsyncIterable<[K, V]>
  approximateEntryCount(): number
}

export interface KeyValueStore<K, V> extends StateStore, ReadOnlyKeyValueStore<K, V> {
  readonly kind: 'keyValue'
  /** null deletes. */
  put(key: K, value: V | null): void
  /** Gives the value that was there, or undefined after it has put. */
  putIfAbsent(key: K, value: V): V | undefined
  /** Gives the value that was there. */
  delete(key: K): V | undefined
}

/**
 * One row of a timestamped store as the operators see it: found (or made) by `entry`, changed by `update`. It is live until
 * the next commit; do not keep it.
 */
export interface StoreEntry<V> {
  /** null: there is no row. A user's aggregator may mutate it; it is told the store by `update`. */
  readonly value: V | null
  /** -1 when there is no row. */
  readonly timestamp: number
}

/** Called for each dirty entry at a flush, in last-update order; both values are the listener's own. `oldValue` is the value last emitted, null if none or not wanted. */
export type FlushListener<K, V> = (
  key: K,
  newValue: V | null,
  oldValue: V | null,
  timestampMs: number,
  headers: Headers,
) => void

export interface TimestampedKeyValueStore<K, V> extends StateStore, ReadOnlyKeyValueStore<K, ValueAndTimestamp<V>> {
  readonly kind: 'timestampedKeyValue'
  put(key: K, value: ValueAndTimestamp<V> | null): void
  putIfAbsent(key: K, value: ValueAndTimestamp<V>): ValueAndTimestamp<V> | undefined
  delete(key: K): ValueAndTimestamp<V> | undefined
  /** Hot path: one lookup, no allocation for a key that is in memory. */
  entry(key: K): StoreEntry<V>
  /** The value of a row, or null: the caller's own, whatever is done to it. For a lookup by others than the row's operator. */
  value(key: K): V | null
  /**
   * Writes through an entry of this store; value null deletes. Headers are those a flush will hand on. `shared`: others have the
   * value too, or will; what they do to it does not reach the store. Default false: it is the store's until it is flushed.
   */
  update(entry: StoreEntry<V>, value: V | null, timestampMs: number, headers: Headers, shared?: boolean): void
  /**
   * Step 1a for `emit: 'onCommit'`: tells each entry changed since the last flush once. An entry that neither existed at the
   * last flush nor exists now is left out. Entries changed while it runs are told too.
   */
  flush(listener: FlushListener<K, V>): void
  /** Old values are kept for flush only when asked for, before the first record. */
  keepOldValues(): void
}

/** A windowed row's key is `(key, windowStart)`; the read filter and expiry follow the largest start put (see the store). */
export interface ReadOnlyWindowStore<K, V> {
  at(key: K, startMs: number): V | undefined
  /** Synchronous, ascending by start; both bounds inclusive. */
  fetch(key: K, fromMs: number, toMs: number, visit: (value: V, startMs: number) => void): void
  backwardFetch(key: K, fromMs: number, toMs: number, visit: (value: V, startMs: number) => void): void
  /** Over all keys; order: by key, then time on disk, by time, then key in memory, as in Kafka Streams. */
  fetchAll(fromMs: number, toMs: number): AsyncIterable<[K, number, V]>
  backwardFetchAll(fromMs: number, toMs: number): AsyncIterable<[K, number, V]>
  all(): AsyncIterable<[K, number, V]>
  backwardAll(): AsyncIterable<[K, number, V]>
}

export interface WindowStore<K, V> extends StateStore, ReadOnlyWindowStore<K, V> {
  readonly kind: 'window'
  readonly windowSizeMs: number
  readonly retentionMs: number
  put(key: K, value: V | null, startMs: number): void
}

export type WindowFlushListener<K, V> = (
  key: K,
  startMs: number,
  newValue: V | null,
  oldValue: V | null,
  timestampMs: number,
  headers: Headers,
) => void

export interface TimestampedWindowStore<K, V> extends StateStore, ReadOnlyWindowStore<K, ValueAndTimestamp<V>> {
  readonly kind: 'timestampedWindow'
  readonly windowSizeMs: number
  readonly retentionMs: number
  put(key: K, value: ValueAndTimestamp<V> | null, startMs: number): void
  entry(key: K, startMs: number): StoreEntry<V>
  update(entry: StoreEntry<V>, value: V | null, timestampMs: number, headers: Headers, shared?: boolean): void
  flush(listener: WindowFlushListener<K, V>): void
  keepOldValues(): void
}
