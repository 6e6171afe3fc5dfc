/**
 * The plain window store. Kafka Streams' `WindowStore`; its changelog records carry the time at which they were put.
 */
import type { WindowView } from '../../src/processor/store-views.ts'
import type { QueryableWindowStore } from '../builders.ts'
import { WindowTable } from './table.ts'

function row<K, V>(key: K, startMs: number, value: V): [K, number, V] {
  return [key, startMs, value]
}

export class PlainWindowStore<K, V> extends WindowTable<K, V> implements QueryableWindowStore<K, V> {
  readonly kind = 'window'

  put(key: K, value: V | null, startMs: number): void {
    this.putRow(key, startMs, value, this.context.currentTimestampMs())
  }

  at(key: K, startMs: number): V | undefined {
    return this.valueAt(key, startMs, (value) => value)
  }

  fetch(key: K, fromMs: number, toMs: number, visit: (value: V, startMs: number) => void): void {
    this.visit(key, fromMs, toMs, false, (value, _timestampMs, startMs) => visit(value, startMs))
  }

  backwardFetch(key: K, fromMs: number, toMs: number, visit: (value: V, startMs: number) => void): void {
    this.visit(key, fromMs, toMs, true, (value, _timestampMs, startMs) => visit(value, startMs))
  }

  fetchAll(fromMs: number, toMs: number): AsyncIterable<[K, number, V]> {
    return this.scan(fromMs, toMs, false, row)
  }

  backwardFetchAll(fromMs: number, toMs: number): AsyncIterable<[K, number, V]> {
    return this.scan(fromMs, toMs, true, row)
  }

  all(): AsyncIterable<[K, number, V]> {
    return this.fetchAll(0, Number.MAX_SAFE_INTEGER)
  }

  backwardAll(): AsyncIterable<[K, number, V]> {
    return this.backwardFetchAll(0, Number.MAX_SAFE_INTEGER)
  }

  committedView(): WindowView<K, V> {
    return this.viewOf()
  }
}
