/**
 * What a query sees of a store: what is committed, and nothing else. A view costs nothing to make and holds nothing
 * between calls; each call answers from the latest commit, each iteration from the commit at which it began (and ends
 * with TIMED_OUT when it takes longer than `snapshotLifeMsMax`).
 */
import type { ValueAndTimestamp } from './state-store.ts'

/** Ranges are inclusive, null is an open end; order is that of the key's bytes. */
export interface KeyValueView<K, V> {
  get(key: K): Promise<V | undefined>
  range(from: K | null, to: K | null): AsyncIterable<[K, V]>
  reverseRange(from: K | null, to: K | null): AsyncIterable<[K, V]>
  /** All keys whose bytes begin with the bytes of `prefix`. */
  prefixScan(prefix: string | Buffer): AsyncIterable<[K, V]>
  all(): AsyncIterable<[K, V]>
  reverseAll(): AsyncIterable<[K, V]>
  approximateEntryCount(): Promise<number>
}

export interface TimestampedKeyValueView<K, V> extends KeyValueView<K, V> {
  getWithTimestamp(key: K): Promise<ValueAndTimestamp<V> | undefined>
}

/** Times are window starts, inclusive. Rows past the retention are not seen. */
export interface WindowView<K, V> {
  at(key: K, startMs: number): Promise<V | undefined>
  /** The windows of one key, ascending: `[startMs, value]`. */
  fetch(key: K, fromMs: number, toMs: number): Promise<[number, V][]>
  /** `[key, startMs, value]`; order: by key, then time on disk, by time, then key in memory. */
  fetchAll(fromMs: number, toMs: number): AsyncIterable<[K, number, V]>
  backwardFetchAll(fromMs: number, toMs: number): AsyncIterable<[K, number, V]>
  all(): AsyncIterable<[K, number, V]>
  backwardAll(): AsyncIterable<[K, number, V]>
}

export interface TimestampedWindowView<K, V> extends WindowView<K, V> {
  atWithTimestamp(key: K, startMs: number): Promise<ValueAndTimestamp<V> | undefined>
}

/** What a kind of store shows of itself. */
export interface ViewOfKind<K, V> {
  readonly keyValue: KeyValueView<K, V>
  readonly timestampedKeyValue: TimestampedKeyValueView<K, V>
  readonly window: WindowView<K, V>
  readonly timestampedWindow: TimestampedWindowView<K, V>
}
