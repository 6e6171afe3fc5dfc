/**
 * The timestamped key-value store: a row is `int64 timestamp ‖ value`, its changelog record the plain value under that
 * timestamp. Kafka Streams' `TimestampedKeyValueStore`; what tables are kept in.
 */
import { type Headers, noHeaders, type Serde } from '../../src/base/serde.ts'
import type { StoreEntry, ValueAndTimestamp } from '../../src/processor/state-store.ts'
import type { TimestampedKeyValueView } from '../../src/processor/store-views.ts'
import type { QueryableTimestampedKeyValueStore } from '../builders.ts'
import type { KeyValueEntry } from './entry.ts'
import { KeyValueTable } from './table.ts'

function stampedPair<K, V>(key: K, value: V, timestamp: number): [K, ValueAndTimestamp<V>] {
  return [key, { value, timestamp }]
}

function stamped<V>(value: V, timestamp: number): ValueAndTimestamp<V> {
  return { value, timestamp }
}

export class StampedKeyValueStore<K, V> extends KeyValueTable<K, V> implements QueryableTimestampedKeyValueStore<K, V> {
  readonly kind = 'timestampedKeyValue'

  constructor(name: string, key: Serde<K>, value: Serde<V>) {
    super(name, key, value, true)
  }

  entry(key: K): StoreEntry<V> {
    return this.find(key)
  }

  update(entry: StoreEntry<V>, value: V | null, timestampMs: number, headers: Headers, shared = false): void {
    this.write(entry as KeyValueEntry<K, V>, value, timestampMs, headers, shared)
  }

  get(key: K): ValueAndTimestamp<V> | undefined {
    return this.read(key, stamped)
  }

  put(key: K, row: ValueAndTimestamp<V> | null): void {
    const entry = this.find(key)
    if (row === null) this.write(entry, null, this.context.currentTimestampMs(), noHeaders, true)
    else this.write(entry, row.value, row.timestamp, noHeaders, true)
  }

  putIfAbsent(key: K, row: ValueAndTimestamp<V>): ValueAndTimestamp<V> | undefined {
    const before = this.get(key)
    if (before === undefined) this.put(key, row)
    return before
  }

  delete(key: K): ValueAndTimestamp<V> | undefined {
    const before = this.get(key)
    this.put(key, null)
    return before
  }

  range(from: K | null, to: K | null): AsyncIterable<[K, ValueAndTimestamp<V>]> {
    return this.scan(from, to, false, stampedPair)
  }

  reverseRange(from: K | null, to: K | null): AsyncIterable<[K, ValueAndTimestamp<V>]> {
    return this.scan(from, to, true, stampedPair)
  }

  prefixScan(prefix: string | Buffer): AsyncIterable<[K, ValueAndTimestamp<V>]> {
    return this.scanPrefix(prefix, stampedPair)
  }

  all(): AsyncIterable<[K, ValueAndTimestamp<V>]> {
    return this.range(null, null)
  }

  reverseAll(): AsyncIterable<[K, ValueAndTimestamp<V>]> {
    return this.reverseRange(null, null)
  }

  committedView(): TimestampedKeyValueView<K, V> {
    return { ...this.viewOf(), getWithTimestamp: async (key) => this.readCommitted(key, stamped) }
  }
}
