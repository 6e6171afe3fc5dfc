/**
 * The plain key-value store: a row is the value's bytes, nothing else. Kafka Streams' `KeyValueStore`.
 */
import { noHeaders, type Serde } from '../../src/base/serde.ts'
import type { KeyValueView } from '../../src/processor/store-views.ts'
import type { QueryableKeyValueStore } from '../builders.ts'
import { type Bounds, KeyValueTable } from './table.ts'

function pair<K, V>(key: K, value: V): [K, V] {
  return [key, value]
}

function plainValue<V>(value: V): V {
  return value
}

export class PlainKeyValueStore<K, V> extends KeyValueTable<K, V> implements QueryableKeyValueStore<K, V> {
  readonly kind = 'keyValue'

  constructor(name: string, key: Serde<K>, value: Serde<V>) {
    super(name, key, value, false)
  }

  get(key: K): V | undefined {
    return this.read(key, plainValue)
  }

  put(key: K, value: V | null): void {
    this.write(this.find(key), value, this.context.currentTimestampMs(), noHeaders, true)
  }

  putIfAbsent(key: K, value: V): V | undefined {
    const entry = this.find(key)
    if (entry.value !== null) return entry.value
    this.write(entry, value, this.context.currentTimestampMs(), noHeaders, true)
    return undefined
  }

  delete(key: K): V | undefined {
    const entry = this.find(key)
    const { value } = entry
    this.write(entry, null, this.context.currentTimestampMs(), noHeaders, true)
    return value ?? undefined
  }

  range(from: K | null, to: K | null): AsyncIterable<[K, V]> {
    return this.scan(this.rangeOf(from, to), false, false, pair)
  }

  reverseRange(from: K | null, to: K | null): AsyncIterable<[K, V]> {
    return this.scan(this.rangeOf(from, to), true, false, pair)
  }

  prefixScan(prefix: string | Buffer): AsyncIterable<[K, V]> {
    return this.scan(this.prefixRangeOf(prefix), false, false, pair)
  }

  all(): AsyncIterable<[K, V]> {
    return this.range(null, null)
  }

  reverseAll(): AsyncIterable<[K, V]> {
    return this.reverseRange(null, null)
  }

  committedView(): KeyValueView<K, V> {
    const scan = (bounds: Bounds, reverse: boolean): AsyncIterable<[K, V]> => this.scan(bounds, reverse, true, pair)
    return {
      get: async (key) => this.readCommitted(key, plainValue),
      range: (from, to) => scan(this.rangeOf(from, to), false),
      reverseRange: (from, to) => scan(this.rangeOf(from, to), true),
      prefixScan: (prefix) => scan(this.prefixRangeOf(prefix), false),
      all: () => scan(this.rangeOf(null, null), false),
      reverseAll: () => scan(this.rangeOf(null, null), true),
      approximateEntryCount: async () => this.committedCount,
    }
  }
}
