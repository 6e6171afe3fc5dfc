import type { Topic } from '../../dsl/topic.ts'
import { ByteWriter } from '../base/bytes.ts'
import { type Headers, noHeaders, type Serde } from '../base/serde.ts'
import { type FeedItem, type FeedRecord, recordOf, unwritable } from '../runtime/feed-item.ts'
import type { ProducedRecord } from './capturing-collector.ts'

/** A record as a test reads it. */
export interface TestRecord<K, V> {
  readonly key: K | null
  readonly value: V | null
  /** Milliseconds since 1970. */
  readonly timestampMs: number
  readonly headers: Headers
}

/** A record as a test writes it. */
export type PipedRecord<K, V> = FeedRecord<K, V>

/** Takes records into the topology: `driver.input(topic)`. */
export class TestInput<K, V> {
  readonly #topic: Topic<K, V>
  readonly #writer = new ByteWriter()
  readonly #now: () => number
  readonly #pipe: (record: ProducedRecord) => Promise<void>

  constructor(topic: Topic<K, V>, now: () => number, pipe: (record: ProducedRecord) => Promise<void>) {
    this.#topic = topic
    this.#now = now
    this.#pipe = pipe
  }

  /**
   * Puts one record in and resolves when all that follows from it is done: a whole record, or its value alone, which then has
   * no key and the time of the driver's clock. (An object with `value`, and no field that a record does not have, is a
   * record, as for `app.feed`: a value that has a field `value` itself is written `{ value: { value: 5 } }`.) Calls that overlap are taken one after the other. Rejects with INPUT_INVALID for a timestamp that
   * is not a whole number from 0 on or headers that are none, SERDE_FAILED for what the topic's serdes cannot write, CLOSED after `close`, else with the error that ended the task; nothing more can be piped
   * after that one.
   *
   * @example
   * await input.pipe({ key: 'a', value: 7, timestampMs: 1000 })
   * await input.pipe('to be or not to be')
   */
  async pipe(input: FeedItem<K, V>): Promise<void> {
    const { name: topic, key, value } = this.#topic
    const record = recordOf<K, V>(input)
    await this.#pipe({
      topic,
      key: this.#encode('key', key, record.key),
      value: this.#encode('value', value, record.value),
      timestampMs: record.timestampMs ?? this.#now(),
      headers: record.headers ?? noHeaders,
    })
  }

  #encode<T>(part: 'key' | 'value', serde: Serde<T>, thing: T | null | undefined): Buffer | null {
    if (thing === null || thing === undefined) return null
    this.#writer.reset()
    try {
      serde.encode(thing, this.#writer)
    } catch (error) {
      throw unwritable(this.#topic.name, part, thing, error)
    }
    return this.#writer.copy()
  }
}

/** Reads what a topic was given, in order: `driver.output(topic)`. */
export class TestOutput<K, V> {
  readonly #topic: Topic<K, V>
  readonly #records: readonly ProducedRecord[]
  #index = 0

  constructor(topic: Topic<K, V>, records: readonly ProducedRecord[]) {
    this.#topic = topic
    this.#records = records
  }

  /** How many records were not read yet. */
  get size(): number {
    return this.#records.length - this.#index
  }

  /** The next record, or undefined when all were read. SERDE_FAILED when it is not what the topic says. */
  read(): TestRecord<K, V> | undefined {
    const record = this.#records[this.#index]
    if (record === undefined) return undefined
    this.#index++
    const { key, value, timestampMs, headers } = record
    return { key: decode(this.#topic.key, key), value: decode(this.#topic.value, value), timestampMs, headers }
  }

  /** All records that were not read yet. */
  readAll(): TestRecord<K, V>[] {
    const records: TestRecord<K, V>[] = []
    for (let record = this.read(); record !== undefined; record = this.read()) records.push(record)
    return records
  }

  /** The values of the records that were not read yet. */
  readValues(): (V | null)[] {
    return this.readAll().map(({ value }) => value)
  }
}

function decode<T>(serde: Serde<T>, bytes: Buffer | null): T | null {
  return bytes === null ? null : serde.decode(bytes, 0, bytes.length)
}
