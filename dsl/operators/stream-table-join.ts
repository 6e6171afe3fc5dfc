import type { Processor, ProcessorContext, ProcessorSupplier } from '../../src/processor/processor.ts'
import { Record } from '../../src/processor/record.ts'
import { refusePromise } from './sync-result.ts'
import type { Rows, TableView } from './table-view.ts'

/** `right` is undefined where the table has no row, which only a left join tells. */
export type Joiner<K, V, V2, R> = (left: V, right: V2 | undefined, key: K) => R

/**
 * Each record of the stream with the table's row of its key, as it is now; the result has the record's timestamp and headers.
 * A null value is dropped and counted, and so is a null key, but a left join tells a value without key as one without row.
 */
class StreamTableJoin<K, V, V2, R> implements Processor<K, V, K, R> {
  readonly #view: TableView<K, V2>
  readonly #joiner: Joiner<K, V, V2, R>
  readonly #left: boolean
  #context!: ProcessorContext<K, R>
  #rows!: Rows<K, V2>

  constructor(view: TableView<K, V2>, joiner: Joiner<K, V, V2, R>, left: boolean) {
    this.#view = view
    this.#joiner = joiner
    this.#left = left
  }

  init(context: ProcessorContext<K, R>): void {
    this.#context = context
    this.#rows = this.#view.open(context)
  }

  process(record: Record<K, V>): void {
    const { key, value } = record
    if (value === null || (key === null && !this.#left)) {
      this.#context.recordDropped('a join needs a key and a value')
      return
    }
    const right = key === null ? null : this.#rows.row(key)
    if (right === null && !this.#left) return
    const result = this.#joiner(value, right === null ? undefined : right, key)
    refusePromise(result, this.#context.nodeName)
    this.#context.forward(new Record(key, result, record.timestamp, record.headers))
  }
}

export function streamTableJoin<K, V, V2, R>(
  view: TableView<K, V2>,
  joiner: Joiner<K, V, V2, R>,
  left: boolean,
): ProcessorSupplier<K, V, K, R> {
  return { get: () => new StreamTableJoin(view, joiner, left) }
}
