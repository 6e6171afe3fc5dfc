import type { ValueAndTimestamp } from '../../processor/state-store.ts'

/**
 * What a query sees of an application's stores: what is committed on this instance, and nothing else. All methods ask again at
 * each call. Ranges are inclusive, null is an open end.
 */
export interface KeyValueQuery<K, V> {
  get(key: K): Promise<V | undefined>
  range(from: K | null, to: K | null): AsyncIterable<[K, V]>
  reverseRange(from: K | null, to: K | null): AsyncIterable<[K, V]>
  prefixScan(prefix: string | Buffer): AsyncIterable<[K, V]>
  all(): AsyncIterable<[K, V]>
  reverseAll(): AsyncIterable<[K, V]>
  approximateEntryCount(): Promise<number>
}

export interface TimestampedKeyValueQuery<K, V> extends KeyValueQuery<K, V> {
  getWithTimestamp(key: K): Promise<ValueAndTimestamp<V> | undefined>
}

/** Times are window starts, inclusive. */
export interface WindowQuery<K, V> {
  at(key: K, startMs: number): Promise<V | undefined>
  fetch(key: K, fromMs: number, toMs: number): Promise<[number, V][]>
  fetchAll(fromMs: number, toMs: number): AsyncIterable<[K, number, V]>
  backwardFetchAll(fromMs: number, toMs: number): AsyncIterable<[K, number, V]>
  all(): AsyncIterable<[K, number, V]>
  backwardAll(): AsyncIterable<[K, number, V]>
}

export interface TimestampedWindowQuery<K, V> extends WindowQuery<K, V> {
  atWithTimestamp(key: K, startMs: number): Promise<ValueAndTimestamp<V> | undefined>
}

/** Which query a kind of store answers. */
export interface QueryOfKind<K, V> {
  readonly keyValue: KeyValueQuery<K, V>
  readonly timestampedKeyValue: TimestampedKeyValueQuery<K, V>
  readonly window: WindowQuery<K, V>
  readonly timestampedWindow: TimestampedWindowQuery<K, V>
}
