/**
 * The plain key-value store: a row is the value's bytes, nothing else. Kafka Streams' `KeyValueStore`.
 */
import { noHeaders, type Serde } from '../../src/base/serde.ts'
import type { KeyValueView } from '../../src/processor/store-views.ts'
import type { QueryableKeyValueStore } from '../builders.ts'
import { KeyValueTable } from './table.ts'

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
    return this.scan(from, to, false, pair)
  }

  reverseRange(from: K | null, to: K | null): AsyncIterable<[K, V]> {
    return this.scan(from, to, true, pair)
  }

  prefixScan(prefix: string | Buffer): AsyncIterable<[K, V]> {
    return this.scanPrefix(prefix, pair)
  }

  all(): AsyncIterable<[K, V]> {
    return this.range(null, null)
  }

  reverseAll(): AsyncIterable<[K, V]> {
    return this.reverseRange(null, null)
  }

  committedView(): KeyValueView<K, V> {
    return this.viewOf()
  }
}
