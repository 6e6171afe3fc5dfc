import { AssertionError } from '../base/assert.ts'
import { ByteWriter } from '../base/bytes.ts'
import { type Deferred, deferred } from '../base/deferred.ts'
import { StreamError } from '../base/errors.ts'
import { loopSliceMs } from '../base/limits.ts'
import type { Machine } from '../base/machine.ts'
import { noHeaders } from '../base/serde.ts'
import type { Connection } from '../client/index.ts'
import type { PartitionAppender } from '../client/producer/partition-appender.ts'
import { Producer } from '../client/producer/producer.ts'
import { partitionForKey } from '../records/partitioning.ts'
import { TimeWindowedSerde, windowedKeySuffixBytes } from '../serdes/windowed.ts'
import { closeAll } from './closing.ts'
import {
  checkRecord,
  type FeedItem,
  type FeedRecord,
  type FeedTopic,
  recordOf,
  requireItems,
  unwritable,
} from './feed-item.ts'
import { StickyPartition } from './record-collector.ts'

/** One call of `feed`: its own idempotent producer, from the first item until everything is in the log. */
export class Feed<K, V> {
  readonly #topic: FeedTopic<K, V>
  readonly #machine: Machine
  readonly #connection: Connection
  readonly #producer: Producer
  readonly #partitions: readonly PartitionAppender[]
  readonly #sticky: StickyPartition
  readonly #key = new ByteWriter(256)
  readonly #suffixBytes: number
  readonly #ended: Deferred<never> = deferred()
  /** The iterable's, while it is asked for items. */
  #waitedFor: AsyncIterator<FeedItem<K, V>> | null = null
  #sliceEndMs = 0
  #closed = false

  constructor(topic: FeedTopic<K, V>, partitionCount: number, connection: Connection, machine: Machine) {
    this.#topic = topic
    this.#machine = machine
    this.#connection = connection
    this.#producer = new Producer(connection, { acks: 'all', clock: machine.clock })
    this.#partitions = Array.from({ length: partitionCount }, (_, at) => this.#producer.partition(topic.name, at))
    this.#sticky = new StickyPartition(machine.random, partitionCount)
    this.#suffixBytes = topic.key instanceof TimeWindowedSerde ? windowedKeySuffixBytes : 0
  }

  async run(items: Iterable<FeedItem<K, V>> | AsyncIterable<FeedItem<K, V>>): Promise<void> {
    try {
      await Promise.race([this.#feedAll(items), this.#ended.promise])
    } finally {
      await this.close()
    }
  }

  async #feedAll(items: Iterable<FeedItem<K, V>> | AsyncIterable<FeedItem<K, V>>): Promise<void> {
    this.#sliceEndMs = this.#machine.clock.monotonic() + loopSliceMs
    requireItems(this.#topic.name, items)
    if (Symbol.asyncIterator in items) {
      const iterator = items[Symbol.asyncIterator]()
      this.#waitedFor = iterator
      try {
        for await (const item of { [Symbol.asyncIterator]: () => iterator }) {
          if (this.#append(item)) await this.#breathe()
        }
      } finally {
        this.#waitedFor = null
      }
    } else {
      for (const item of items) if (this.#append(item)) await this.#breathe()
    }
    this.#requireOpen()
    await this.#producer.flush()
  }

  /** Ends it: `run` rejects with CLOSED, also while its iterable is waiting. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#ended.reject(this.#closedError())
    void this.#giveUp(this.#waitedFor)
    await closeAll([() => this.#producer.close(), () => this.#connection.close()])
  }

  /** The iterator may be waiting for ever; what it says to its end, thrown or promised, is of no interest any more. */
  async #giveUp(iterator: AsyncIterator<FeedItem<K, V>> | null): Promise<void> {
    try {
      await iterator?.return?.()
    } catch {
      // Nobody reads its items any more.
    }
  }

  /** Returns whether it is time to let others work. */
  #append(item: FeedItem<K, V>): boolean {
    this.#requireOpen()
    const { key, value } = this.#topic
    const record = recordOf<K, V>(item)
    const recordKey = record.key ?? null
    const timestampMs = record.timestampMs ?? this.#machine.clock.now()
    const headers = record.headers ?? noHeaders
    checkRecord(this.#topic.name, timestampMs, headers)
    try {
      const partition = this.#partitionOf(recordKey)
      this.#partitions[partition]!.append(timestampMs, recordKey, key, record.value, value, headers)
    } catch (error) {
      throw this.#explained(error, record)
    }
    return this.#producer.full || this.#machine.clock.monotonic() >= this.#sliceEndMs
  }

  /** What a serde could not write is named; an error that is none of theirs stays what it is. */
  #explained(error: unknown, { key, value }: FeedRecord<K, V>): unknown {
    if (AssertionError.is(error) || (StreamError.is(error) && error.code !== 'SERDE_FAILED')) return error
    const { name, key: keySerde } = this.#topic
    try {
      this.#key.reset()
      if (key !== null && key !== undefined) keySerde.encode(key, this.#key)
    } catch {
      return unwritable(name, 'key', key, error)
    }
    return unwritable(name, 'value', value, error)
  }

  #partitionOf(key: K | null): number {
    const count = this.#partitions.length
    if (count === 1) return 0
    if (key === null) return this.#sticky.next()
    this.#key.reset()
    this.#topic.key.encode(key, this.#key)
    return partitionForKey(this.#key.buffer, 0, this.#key.position - this.#suffixBytes, count)
  }

  async #breathe(): Promise<void> {
    const { clock } = this.#machine
    if (this.#producer.full) await this.#producer.ready()
    await clock.turn()
    this.#sliceEndMs = clock.monotonic() + loopSliceMs
  }

  #requireOpen(): void {
    if (this.#closed) throw this.#closedError()
  }

  #closedError(): StreamError {
    return new StreamError('CLOSED', `the application was closed while ${this.#topic.name} was fed`)
  }
}
