import { ByteWriter } from '../base/bytes.ts'
import { type Deferred, deferred } from '../base/deferred.ts'
import { StreamError } from '../base/errors.ts'
import { loopSliceMs } from '../base/limits.ts'
import type { Machine } from '../base/machine.ts'
import { type Headers, noHeaders, type Serde } from '../base/serde.ts'
import type { Connection } from '../client/index.ts'
import type { PartitionAppender } from '../client/producer/partition-appender.ts'
import { Producer } from '../client/producer/producer.ts'
import { partitionForKey } from '../records/partitioning.ts'
import { TimeWindowedSerde, windowedKeySuffixBytes } from '../serdes/windowed.ts'
import { closeAll } from './closing.ts'
import { StickyPartition } from './record-collector.ts'

/** A topic as `feed` sees it: what `topic(…)` makes. */
export interface FeedTopic<K, V> {
  readonly name: string
  readonly key: Serde<K>
  readonly value: Serde<V>
}

/** A record to feed. Key null or absent: any partition. Timestamp absent: now. */
export interface FeedRecord<K, V> {
  readonly key?: K | null
  readonly value: V | null
  /** Milliseconds since 1970. */
  readonly timestampMs?: number
  readonly headers?: Headers
}

export type FeedItem<K, V> = V | FeedRecord<K, V>

const recordFields: ReadonlySet<string> = new Set(['key', 'value', 'timestampMs', 'headers'])

/** An item with a field `value`, and no field that a record does not have, is a record; anything else is a value. */
function isRecord<K, V>(item: FeedItem<K, V>): item is FeedRecord<K, V> {
  if (typeof item !== 'object' || item === null || !('value' in item)) return false
  return Object.keys(item).every((name) => recordFields.has(name))
}

function areHeaders(headers: Headers): boolean {
  if (!Array.isArray(headers)) return false
  return headers.every((header) => {
    return typeof header?.key === 'string' && (header.value === null || Buffer.isBuffer(header.value))
  })
}

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
    if (typeof items !== 'object' || items === null) throw this.#invalid(`was given ${String(items)}; give an iterable`)
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
    const record: FeedRecord<K, V> = isRecord(item) ? item : { value: item }
    const recordKey = record.key ?? null
    const timestampMs = record.timestampMs ?? this.#machine.clock.now()
    const headers = record.headers ?? noHeaders
    if (!Number.isSafeInteger(timestampMs) || timestampMs < 0) {
      throw this.#invalid(`was given the timestamp ${String(timestampMs)}; give whole milliseconds from 0 on`)
    }
    if (!areHeaders(headers)) throw this.#invalid('was given headers that are no list of { key: text, value: bytes }')
    const partition = this.#partitionOf(recordKey)
    this.#partitions[partition]!.append(timestampMs, recordKey, key, record.value, value, headers)
    return this.#producer.full || this.#machine.clock.monotonic() >= this.#sliceEndMs
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

  #invalid(what: string): StreamError {
    return new StreamError('INPUT_INVALID', `${this.#topic.name} ${what}`)
  }
}
