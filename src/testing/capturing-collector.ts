import { ByteWriter } from '../base/bytes.ts'
import type { Headers, Serde } from '../base/serde.ts'
import type { ChangelogWriter } from '../processor/state-store.ts'
import { chosenPartition } from '../runtime/task/chosen-partition.ts'
import type { RecordCollector, SinkWriter } from '../runtime/task/collector.ts'
import type { SinkNode } from '../topology/node.ts'

/** A record as it would lie in its topic: bytes. The test driver knows one partition a topic. */
export interface ProducedRecord {
  readonly topic: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestampMs: number
  readonly headers: Headers
}

/** The way out of a task under test: keeps what was produced, in order. */
export class CapturingCollector implements RecordCollector {
  /** One record at a time: the task stops after each, so that its driver can commit. */
  readonly full = true
  readonly #topicName: (plainName: string) => string
  readonly #partitionCount: (plainName: string) => number
  readonly #changelogName: (storeName: string) => string | null
  readonly #writer = new ByteWriter()
  #produced: ProducedRecord[] = []

  /**
   * @param topicName      the real name of a sink's topic
   * @param partitionCount what a sink's partitioner may choose from
   * @param changelogName  the topic of a store's changelog; null: it keeps none
   */
  constructor(
    topicName: (plainName: string) => string,
    partitionCount: (plainName: string) => number,
    changelogName: (storeName: string) => string | null,
  ) {
    this.#topicName = topicName
    this.#partitionCount = partitionCount
    this.#changelogName = changelogName
  }

  /** What was produced since the last call. */
  take(): readonly ProducedRecord[] {
    const produced = this.#produced
    this.#produced = []
    return produced
  }

  sink(node: SinkNode): SinkWriter {
    const topic = this.#topicName(node.topic)
    const count = this.#partitionCount(node.topic)
    return {
      send: (record) => {
        // Where it goes is of no interest here; what the partitioner gives is checked all the same.
        chosenPartition(node, record.key, record.value, count, topic)
        const key = this.#encode(node.keySerde, record.key)
        const value = this.#encode(node.valueSerde, record.value)
        this.#produced.push({ topic, key, value, timestampMs: record.timestamp, headers: record.headers })
      },
    }
  }

  sendRaw(
    topic: string,
    _partition: number | null,
    timestampMs: number,
    key: Buffer | null,
    value: Buffer | null,
    headers: Headers,
  ): void {
    this.#produced.push({ topic, key: copyOf(key), value: copyOf(value), timestampMs, headers })
  }

  changelog(storeName: string): ChangelogWriter | null {
    const topic = this.#changelogName(storeName)
    if (topic === null) return null
    return {
      append: (timestampMs, keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd, headers) => {
        const key = copyOf(keyBytes.subarray(keyStart, keyEnd))
        const value = valueBytes === null ? null : copyOf(valueBytes.subarray(valueStart, valueEnd))
        this.#produced.push({ topic, key, value, timestampMs, headers })
      },
    }
  }

  #encode(serde: Serde<unknown>, thing: unknown): Buffer | null {
    if (thing === null) return null
    this.#writer.reset()
    serde.encode(thing, this.#writer)
    return this.#writer.copy()
  }
}

function copyOf(bytes: Buffer | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes)
}
