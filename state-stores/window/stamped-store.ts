/**
 * The timestamped window store: what windowed aggregates are kept in. Kafka Streams' `TimestampedWindowStore`.
 */
import type { Headers } from '../../src/base/serde.ts'
import type { StoreEntry, ValueAndTimestamp } from '../../src/processor/state-store.ts'
import type { TimestampedWindowView } from '../../src/processor/store-views.ts'
import type { QueryableTimestampedWindowStore } from '../builders.ts'
import type { WindowEntry } from './row.ts'
import { WindowTable } from './table.ts'

function stamped<V>(value: V, timestamp: number): ValueAndTimestamp<V> {
  return { value, timestamp }
}

function row<K, V>(key: K, startMs: number, value: V, timestamp: number): [K, number, ValueAndTimestamp<V>] {
  return [key, startMs, { value, timestamp }]
}

export class StampedWindowStore<K, V> extends WindowTable<K, V> implements QueryableTimestampedWindowStore<K, V> {
  readonly kind = 'timestampedWindow'

  entry(key: K, startMs: number): StoreEntry<V> {
    return this.find(key, startMs)
  }

  update(entry: StoreEntry<V>, value: V | null, timestampMs: number, headers: Headers, shared = false): void {
    this.write(entry as WindowEntry<K, V>, value, timestampMs, headers, shared)
  }

  put(key: K, value: ValueAndTimestamp<V> | null, startMs: number): void {
    if (value === null) this.putRow(key, startMs, null, this.context.currentTimestampMs())
    else this.putRow(key, startMs, value.value, value.timestamp)
  }

  at(key: K, startMs: number): ValueAndTimestamp<V> | undefined {
    return this.valueAt(key, startMs, stamped)
  }

  fetch(key: K, fromMs: number, toMs: number, visit: (value: ValueAndTimestamp<V>, startMs: number) => void): void {
    this.visit(key, fromMs, toMs, false, (value, timestamp, startMs) => visit({ value, timestamp }, startMs))
  }

  backwardFetch(
    key: K,
    fromMs: number,
    toMs: number,
    visit: (value: ValueAndTimestamp<V>, startMs: number) => void,
  ): void {
    this.visit(key, fromMs, toMs, true, (value, timestamp, startMs) => visit({ value, timestamp }, startMs))
  }

  fetchAll(fromMs: number, toMs: number): AsyncIterable<[K, number, ValueAndTimestamp<V>]> {
    return this.scan(fromMs, toMs, false, row)
  }

  backwardFetchAll(fromMs: number, toMs: number): AsyncIterable<[K, number, ValueAndTimestamp<V>]> {
    return this.scan(fromMs, toMs, true, row)
  }

  all(): AsyncIterable<[K, number, ValueAndTimestamp<V>]> {
    return this.fetchAll(0, Number.MAX_SAFE_INTEGER)
  }

  backwardAll(): AsyncIterable<[K, number, ValueAndTimestamp<V>]> {
    return this.backwardFetchAll(0, Number.MAX_SAFE_INTEGER)
  }

  committedView(): TimestampedWindowView<K, V> {
    return {
      ...this.viewOf(),
      atWithTimestamp: async (key, startMs) => {
        let found: ValueAndTimestamp<V> | undefined
        this.visitCommitted(key, startMs, startMs, (value, timestamp) => {
          found = { value, timestamp }
        })
        return found
      },
    }
  }
}
