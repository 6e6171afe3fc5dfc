/**
 * Changelog records of a key-value store on their way into the engine, with the count of rows.
 */
import type { EngineBatch } from '../../src/processor/state-engine.ts'
import type { RestoredRecord, StoreContext } from '../../src/processor/state-store.ts'
import { countKey, encodeNumber, rowPrefix, rowPrefixBytes } from '../row-keys.ts'
import type { ValueForm } from '../value-form.ts'

export class KeyValueRestore {
  readonly #context: StoreContext
  readonly #form: ValueForm<unknown>
  readonly #prefix: Buffer
  readonly #startedEmpty: boolean
  #batch: EngineBatch | null = null
  /** How many rows there are: an approximation, since records of one batch do not see each other. */
  rowCount: number

  /** `rowCount`: what the engine has; null when it has nothing of the store. */
  constructor(context: StoreContext, form: ValueForm<unknown>, rowCount: number | null) {
    this.#context = context
    this.#form = form
    this.#prefix = rowPrefix(context.storeId)
    this.#startedEmpty = rowCount === null
    this.rowCount = rowCount ?? 0
  }

  /** True for the first record of a batch. */
  apply(batch: EngineBatch, record: RestoredRecord): boolean {
    const isFirst = this.#batch !== batch
    if (isFirst) {
      this.#batch = batch
      batch.beforeWrite(() => batch.put(countKey(this.#context.storeId), encodeNumber(this.rowCount)))
    }
    const key = this.#rowKeyOf(record)
    // Into a store that was empty every value is taken for new; else, the tail of a changelog, one look says.
    const isDelete = record.valueStart < 0
    const existed = (isDelete || !this.#startedEmpty) && this.#context.engine.get(key) !== undefined
    if (isDelete) {
      if (existed) this.rowCount--
      batch.del(key)
    } else {
      if (!existed) this.rowCount++
      batch.put(key, this.#rowOf(record))
    }
    return isFirst
  }

  #rowKeyOf({ buffer, keyStart, keyEnd }: RestoredRecord): Buffer {
    const key = Buffer.allocUnsafe(rowPrefixBytes + keyEnd - keyStart)
    this.#prefix.copy(key)
    buffer.copy(key, rowPrefixBytes, keyStart, keyEnd)
    return key
  }

  #rowOf({ buffer, valueStart, valueEnd, timestampMs }: RestoredRecord): Buffer {
    const { stampBytes } = this.#form
    const row = Buffer.allocUnsafe(stampBytes + valueEnd - valueStart)
    this.#form.stamp(row, timestampMs)
    buffer.copy(row, stampBytes, valueStart, valueEnd)
    return row
  }
}
