import { Change } from '../../src/processor/change.ts'
import type { Processor, ProcessorContext, ProcessorSupplier } from '../../src/processor/processor.ts'
import { Record } from '../../src/processor/record.ts'
import type { RowMapper } from './row-mapper.ts'

/**
 * A filter or mapValues of a table that keeps nothing. Where the parent tells old values, a filter leaves out what was no row and is
 * none; otherwise it tells a delete that may be of nothing, as in Kafka Streams.
 */
class TableStep<K, V, V2> implements Processor<K, Change<V>, K, Change<V2>> {
  readonly #mapper: RowMapper<K, V, V2>
  readonly #oldValues: boolean
  #context!: ProcessorContext<K, Change<V2>>
  #nodeName = ''

  constructor(mapper: RowMapper<K, V, V2>, oldValues: boolean) {
    this.#mapper = mapper
    this.#oldValues = oldValues
  }

  init(context: ProcessorContext<K, Change<V2>>): void {
    this.#context = context
    this.#nodeName = context.nodeName
  }

  process(record: Record<K, Change<V>>): void {
    const { key, value } = record
    const after = this.#mapper.map(key, value.newValue, this.#nodeName)
    const before = this.#oldValues ? this.#mapper.map(key, value.oldValue, this.#nodeName) : null
    if (after === null && before === null && this.#oldValues && this.#mapper.elidesNothing) return
    this.#context.forward(new Record(key, new Change(after, before), record.timestamp, record.headers))
  }
}

export function tableStep<K, V, V2>(
  mapper: RowMapper<K, V, V2>,
  oldValues: boolean,
): ProcessorSupplier<K, Change<V>, K, Change<V2>> {
  return { get: () => new TableStep(mapper, oldValues) }
}
