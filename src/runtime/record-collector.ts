import { ByteWriter } from '../base/bytes.ts'
import type { StreamError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import type { Headers, Serde } from '../base/serde.ts'
import type { PartitionAppender } from '../client/producer/partition-appender.ts'
import type { Producer } from '../client/producer/producer.ts'
import type { Record } from '../processor/record.ts'
import type { ChangelogWriter } from '../processor/state-store.ts'
import { partitionForKey } from '../records/partitioning.ts'
import { TimeWindowedSerde, windowedKeySuffixBytes } from '../serdes/windowed.ts'
import type { SinkNode } from '../topology/node.ts'
import { chosenPartition } from './task/chosen-partition.ts'
import type { RecordCollector, SinkWriter } from './task/collector.ts'
import type { TopicPlan } from './topic-plan.ts'

/** A null key has no home: such records go to one partition for a while, so that batches fill, then to another. */
const recordsPerStickyPartition = 1000

/**
 * The way out of a task, over the thread's producer. A record is laid down in its batch at once; what the broker says comes
 * with the flush of the commit.
 */
export class ProducerCollector implements RecordCollector {
  readonly #producer: Producer
  readonly #topics: TopicPlan
  readonly #random: Random
  readonly #taskPartition: number
  readonly #sticky = new Map<string, StickyPartition>()

  constructor(producer: Producer, topics: TopicPlan, random: Random, taskPartition: number) {
    this.#producer = producer
    this.#topics = topics
    this.#random = random
    this.#taskPartition = taskPartition
  }

  get full(): boolean {
    return this.#producer.full
  }

  get refusal(): StreamError | null {
    return this.#producer.refusal
  }

  sink(node: SinkNode): SinkWriter {
    const topic = this.#topics.realName(node.topic)
    const count = this.#topics.partitionsOf(topic)
    const partitions = Array.from({ length: count }, (_, index) => this.#appender(topic, index))
    return new ProducerSink(node, topic, partitions, this.#stickyFor(topic, count))
  }

  sendRaw(
    topic: string,
    partition: number | null,
    timestampMs: number,
    key: Buffer | null,
    value: Buffer | null,
    headers: Headers,
  ): void {
    const count = this.#topics.partitionsOf(topic)
    const byKey = key === null ? this.#stickyFor(topic, count).next() : partitionForKey(key, 0, key.length, count)
    const appender = this.#appender(topic, partition ?? byKey)
    appender.appendBytes(timestampMs, key, 0, key?.length ?? 0, value, 0, value?.length ?? 0, headers)
  }

  changelog(storeName: string): ChangelogWriter | null {
    const topic = this.#topics.changelogOf(storeName)
    if (topic === null) return null
    const appender = this.#appender(topic, this.#taskPartition)
    return {
      append: (timestampMs, key, keyStart, keyEnd, value, valueStart, valueEnd, headers) =>
        appender.appendBytes(timestampMs, key, keyStart, keyEnd, value, valueStart, valueEnd, headers),
    }
  }

  #appender(topic: string, partition: number): PartitionAppender {
    const appender = this.#producer.partition(topic, partition)
    appender.messageBytesMax = this.#topics.messageBytesMax.get(topic) ?? Number.POSITIVE_INFINITY
    return appender
  }

  #stickyFor(topic: string, count: number): StickyPartition {
    let sticky = this.#sticky.get(topic)
    if (sticky === undefined) {
      sticky = new StickyPartition(this.#random, count)
      this.#sticky.set(topic, sticky)
    }
    return sticky
  }
}

/** Chooses partitions for null keys. */
export class StickyPartition {
  readonly #random: Random
  readonly #count: number
  #partition = 0
  #left = 0

  constructor(random: Random, count: number) {
    this.#random = random
    this.#count = count
  }

  next(): number {
    if (this.#left === 0) {
      this.#partition = this.#random.int(this.#count)
      this.#left = recordsPerStickyPartition
    }
    this.#left--
    return this.#partition
  }
}

/** A key that is encoded already: the builder takes its bytes over. */
const encodedKey: Serde<ByteWriter> = {
  name: 'encoded',
  encode: (key, into) => into.bytes(key.buffer, 0, key.position),
  decode: () => {
    throw new TypeError('an encoded key is only written')
  },
}

class ProducerSink implements SinkWriter {
  readonly #node: SinkNode
  readonly #topic: string
  readonly #partitions: readonly PartitionAppender[]
  readonly #sticky: StickyPartition
  readonly #key = new ByteWriter(256)
  /** Windowed keys are partitioned by the inner key's bytes. */
  readonly #suffixBytes: number

  constructor(node: SinkNode, topic: string, partitions: readonly PartitionAppender[], sticky: StickyPartition) {
    this.#node = node
    this.#topic = topic
    this.#partitions = partitions
    this.#sticky = sticky
    this.#suffixBytes = node.keySerde instanceof TimeWindowedSerde ? windowedKeySuffixBytes : 0
  }

  send(record: Record<unknown, unknown>): void {
    const { key, value, timestamp, headers } = record
    const { keySerde, valueSerde } = this.#node
    const partitions = this.#partitions
    const chosen = chosenPartition(this.#node, key, value, partitions.length, this.#topic)
    if (chosen >= 0) {
      partitions[chosen]!.append(timestamp, key, keySerde, value, valueSerde, headers)
      return
    }
    if (partitions.length === 1 || key === null) {
      const partition = partitions.length === 1 ? 0 : this.#sticky.next()
      partitions[partition]!.append(timestamp, key, keySerde, value, valueSerde, headers)
      return
    }
    const encoded = this.#key
    encoded.reset()
    keySerde.encode(key, encoded)
    const partition = partitionForKey(encoded.buffer, 0, encoded.position - this.#suffixBytes, partitions.length)
    partitions[partition]!.append(timestamp, encoded, encodedKey, value, valueSerde, headers)
  }
}
