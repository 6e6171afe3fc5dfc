/** What the scenarios read: 10,000 keys drawn at random, 100-byte values, timestamps 1 ms apart, in 4 partitions. */
export const keyCount = 10_000
export const tableRecords = 100_000
export const partitions = 4
const valueBytes = 100
const firstTimestampMs = 978_307_200_000

export interface InputRecord {
  readonly key: string
  readonly value: string
  readonly timestampMs: number
}

/** A small generator of its own: the same input on every machine. */
class Draw {
  #state = 1

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1103515245) + 12345) & 0x7fffffff
    return Math.floor((this.#state / 0x80000000) * limit)
  }
}

/** The value begins with another of the 10,000 keys, which the repartition scenario cuts out of it. */
function valueWith(other: number): string {
  return `key-${other} `.padEnd(valueBytes, 'x')
}

export function* streamRecords(count: number): Iterable<InputRecord> {
  const draw = new Draw()
  for (let index = 0; index < count; index++) {
    const key = `key-${draw.below(keyCount)}`
    yield { key, value: valueWith(draw.below(keyCount)), timestampMs: firstTimestampMs + index }
  }
}

/** Every key once. */
export function* distinctRecords(count: number): Iterable<InputRecord> {
  for (let index = 0; index < count; index++) {
    yield { key: `key-${index}`, value: valueWith(index % keyCount), timestampMs: firstTimestampMs + index }
  }
}

/** The table's records lie before the stream's in time, so that a join finds them. */
export function* tableRecordsOf(count: number): Iterable<InputRecord> {
  for (let index = 0; index < count; index++)
    yield { key: `key-${index}`, value: valueWith(index % keyCount), timestampMs: 0 }
}
