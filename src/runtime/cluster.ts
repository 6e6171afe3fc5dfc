import type { Clock } from '../base/clock.ts'
import { StreamError } from '../base/errors.ts'
import { Admin, type NewTopic, type TopicDescription } from '../client/admin/admin.ts'
import type { Connection } from '../client/index.ts'
import { byTopic, nameOf, type TopicPartition } from '../client/topic-partition.ts'

const deleteRetentionMsDefault = 24 * 60 * 60 * 1000

/** What the runtime asks the log about topics and groups. Answers are by `<topic>-<partition>`. */
export class Cluster {
  readonly #connection: Connection
  readonly #admin: Admin

  constructor(connection: Connection, clock: Clock, clientId: string) {
    this.#connection = connection
    this.#admin = new Admin(connection, { clock, clientId })
  }

  /** Topics that do not exist are left out. */
  describe(names: readonly string[]): Promise<Map<string, TopicDescription>> {
    return names.length === 0 ? Promise.resolve(new Map()) : this.#admin.describeTopics(names)
  }

  create(topics: readonly NewTopic[]): Promise<void> {
    return this.#admin.createTopics(topics, { ifNotExists: true })
  }

  async configsOf(topic: string): Promise<ReadonlyMap<string, string | null>> {
    const entries = (await this.#admin.describeConfigs([topic])).get(topic) ?? new Map()
    return new Map([...entries].map(([name, { value }]) => [name, value]))
  }

  /** The largest batch that each topic takes. */
  async messageBytesMax(topics: readonly string[]): Promise<Map<string, number>> {
    if (topics.length === 0) return new Map()
    const limits = new Map<string, number>()
    for (const [topic, configs] of await this.#admin.describeConfigs(topics)) {
      const text = configs.get('max.message.bytes')?.value ?? null
      if (text !== null) limits.set(topic, Number(text))
    }
    return limits
  }

  /** How long a compacted topic keeps deletes. */
  async deleteRetentionMs(topic: string): Promise<number> {
    const text = (await this.configsOf(topic)).get('delete.retention.ms')
    return text === undefined || text === null ? deleteRetentionMsDefault : Number(text)
  }

  startOffsets(partitions: readonly TopicPartition[]): Promise<Map<string, number>> {
    return this.#offsets(partitions, 'earliest')
  }

  /** High watermarks: what is still open in a transaction counts. */
  endOffsets(partitions: readonly TopicPartition[]): Promise<Map<string, number>> {
    return this.#offsets(partitions, 'latest')
  }

  async #offsets(partitions: readonly TopicPartition[], spec: 'earliest' | 'latest'): Promise<Map<string, number>> {
    if (partitions.length === 0) return new Map()
    const found = await this.#admin.listOffsets(partitions, spec)
    return new Map(found.map((each) => [nameOf(each), each.offset]))
  }

  /** Where leader epochs ended: KIP-320. A partition whose log cannot say is left out. */
  async epochEnds(asked: readonly (TopicPartition & { readonly leaderEpoch: number })[]): Promise<Map<string, number>> {
    const known = asked.filter(({ leaderEpoch }) => leaderEpoch >= 0)
    const ends = new Map<string, number>()
    if (known.length === 0) return ends
    const response = await this.#connection.request('OffsetForLeaderEpoch', {
      replicaId: -1,
      topics: [...byTopic(known)].map(([topic, list]) => ({
        topic,
        partitions: list.map(({ partition, leaderEpoch }) => ({ partition, currentLeaderEpoch: -1, leaderEpoch })),
      })),
    })
    for (const { topic, partitions } of response.topics) {
      for (const { partition, errorCode, endOffset } of partitions) {
        if (errorCode === 0 && endOffset >= 0) ends.set(nameOf({ topic, partition }), endOffset)
      }
    }
    return ends
  }

  async deleteRecords(before: readonly (TopicPartition & { readonly offset: number })[]): Promise<void> {
    await this.#admin.deleteRecords(before)
  }

  /** What the group has committed, offsets of finished transactions included. */
  async committedOffsets(groupId: string): Promise<Map<string, number>> {
    const committed = new Map<string, number>()
    for (const each of await this.#admin.committedOffsets(groupId)) {
      if (each.committed !== null) committed.set(nameOf(each), each.committed.offset)
    }
    return committed
  }

  async close(): Promise<void> {
    await this.#admin.close()
    await this.#connection.close()
  }
}

/** The facts of a topic that must be there by now. */
export function required<T>(found: ReadonlyMap<string, T>, topic: string): T {
  const fact = found.get(topic)
  if (fact !== undefined) return fact
  throw new StreamError('TOPIC_MISSING', `the topic ${topic} is not there any more; start again when it is`)
}
