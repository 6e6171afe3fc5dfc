/**
 * Topics, offsets, configurations and groups from outside.
 */
import { type Clock, systemClock } from '../../base/clock.ts'
import { requestTimeoutMsDefault, topicLookupTimeoutMsDefault } from '../../base/limits.ts'
import { aName, checkOptions, orNull, texts } from '../../base/option-checks.ts'
import type { Connection } from '../../protocol/connection.ts'
import { codeToName, type KafkaError } from '../../protocol/error-codes.ts'
import { zeroUuid } from '../../protocol/schema.ts'
import { anInteger, requireArgument, requireConnection, someEnds, somePartitions } from '../argument-checks.ts'
import { brokerError } from '../broker-error.ts'
import { Caller } from '../caller.ts'
import { CommittedOffsets, type CommittedPartition } from '../consumer/committed-offsets.ts'
import { type FoundOffset, type Isolation, listOffsets, type OffsetSpec } from '../list-offsets.ts'
import { Metadata } from '../metadata.ts'
import { byTopic, nameOf, type TopicPartition } from '../topic-partition.ts'
import { alterTopicConfigs, type ConfigEntry, describeTopicConfigs } from './configs.ts'
import { describeGroups, type GroupDescription, type GroupListing, listGroups } from './groups.ts'
import {
  adminChecks,
  aSpec,
  checkAlteredConfigs,
  committedChecks,
  creationChecks,
  deletionChecks,
  listingChecks,
  requireNewTopics,
} from './option-checks.ts'

export interface AdminOptions {
  /** Names the client in error messages. Default 'admin'. */
  readonly clientId?: string
  /** How long one call may take. Default 30,000. */
  readonly requestTimeoutMs?: number
  /** How long to look for a topic that is not there. Default 5,000. */
  readonly topicLookupTimeoutMs?: number
  readonly clock?: Clock
}

export interface NewTopic {
  readonly name: string
  /** Default: as the broker is configured. */
  readonly partitions?: number
  /** Default: as the broker is configured; an embedded log has 1. */
  readonly replicationFactor?: number
  readonly configs?: Readonly<Record<string, string>>
}

export interface TopicDescription {
  readonly name: string
  readonly topicId: string
  readonly internal: boolean
  readonly partitionCount: number
  /** By partition; -1: unknown. */
  readonly leaderEpochs: readonly number[]
}

export class Admin {
  readonly #caller: Caller
  readonly #metadata: Metadata
  readonly #topicLookupTimeoutMs: number

  /** CONFIG_INVALID names an option that there is not, or that cannot have its value. */
  constructor(connection: Connection, options: AdminOptions = {}) {
    requireConnection('the admin', connection)
    checkOptions('the admin', options, adminChecks)
    const { clock = systemClock, requestTimeoutMs = requestTimeoutMsDefault, clientId = 'admin' } = options
    this.#caller = new Caller(connection, clock, requestTimeoutMs, clientId)
    this.#metadata = new Metadata(this.#caller)
    this.#topicLookupTimeoutMs = options.topicLookupTimeoutMs ?? topicLookupTimeoutMsDefault
  }

  /**
   * Resolves when the topics can be used. Throws TOPIC_EXISTS (unless `ifNotExists`), TOPIC_INVALID, CONFIG_INVALID: the
   * first error; others are created.
   */
  async createTopics(topics: readonly NewTopic[], options: { readonly ifNotExists?: boolean } = {}): Promise<void> {
    requireNewTopics(topics)
    checkOptions('createTopics', options, creationChecks)
    if (topics.length === 0) return
    let lost = false
    const response = await this.#caller.call(
      'CreateTopics',
      {
        topics: topics.map(({ name, partitions = -1, replicationFactor = -1, configs = {} }) => ({
          name,
          numPartitions: partitions,
          replicationFactor,
          assignments: [],
          configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
        })),
        timeoutMs: this.#caller.requestTimeoutMs,
        validateOnly: false,
      },
      {
        codeOf: () => 0,
        beforeAgain: async () => {
          lost = true
        },
        what: 'create topics',
      },
    )
    // After a lost answer we may meet our own topic.
    const fine: readonly KafkaError[] =
      options.ifNotExists === true || lost ? ['NONE', 'TOPIC_ALREADY_EXISTS'] : ['NONE']
    for (const { name, errorCode, errorMessage } of response.topics) {
      this.#metadata.forget(name)
      if (!fine.includes(codeToName(errorCode))) throw brokerError(errorCode, `create topic ${name}`, errorMessage)
    }
    // A cluster's brokers hear of a new topic a little later than its controller.
    await this.#metadata.ensure(
      topics.map((topic) => topic.name),
      this.#topicLookupTimeoutMs,
    )
  }

  /** Throws TOPIC_UNKNOWN, unless `ifExists`. */
  async deleteTopics(names: readonly string[], options: { readonly ifExists?: boolean } = {}): Promise<void> {
    requireArgument('deleteTopics', names, texts)
    checkOptions('deleteTopics', options, deletionChecks)
    if (names.length === 0) return
    const response = await this.#caller.call(
      'DeleteTopics',
      {
        topics: names.map((name) => ({ name, topicId: zeroUuid })),
        topicNames: names,
        timeoutMs: this.#caller.requestTimeoutMs,
      },
      { codeOf: () => 0, what: 'delete topics' },
    )
    const fine: readonly KafkaError[] = options.ifExists === true ? ['NONE', 'UNKNOWN_TOPIC_OR_PARTITION'] : ['NONE']
    for (const { name, errorCode, errorMessage } of response.responses) {
      if (name !== null) this.#metadata.forget(name)
      if (!fine.includes(codeToName(errorCode))) throw brokerError(errorCode, `delete topic ${name}`, errorMessage)
    }
  }

  /** By name; a topic that does not exist is not in it. `names` left out: all topics. */
  async describeTopics(names: readonly string[] | null = null): Promise<Map<string, TopicDescription>> {
    requireArgument('describeTopics', names, orNull(texts))
    const response = await this.#caller.call(
      'Metadata',
      {
        topics: names === null ? null : names.map((name) => ({ topicId: zeroUuid, name })),
        allowAutoTopicCreation: false,
        includeClusterAuthorizedOperations: false,
        includeTopicAuthorizedOperations: false,
      },
      { codeOf: () => 0, what: 'describe topics' },
    )
    const found = new Map<string, TopicDescription>()
    for (const { name, topicId, isInternal, partitions, errorCode } of response.topics) {
      if (name === null || codeToName(errorCode) === 'UNKNOWN_TOPIC_OR_PARTITION') continue
      if (errorCode !== 0) throw brokerError(errorCode, `describe topic ${name}`)
      const leaderEpochs: number[] = new Array(partitions.length).fill(-1)
      for (const { partitionIndex, leaderEpoch } of partitions) leaderEpochs[partitionIndex] = leaderEpoch
      found.set(name, { name, topicId, internal: isInternal, partitionCount: partitions.length, leaderEpochs })
    }
    return found
  }

  /** Raises the number of partitions. Throws TOPIC_INVALID when there are as many or more already. */
  async createPartitions(topic: string, count: number): Promise<void> {
    requireArgument('createPartitions', topic, aName)
    requireArgument('createPartitions', count, anInteger)
    const response = await this.#caller.call(
      'CreatePartitions',
      {
        topics: [{ name: topic, count, assignments: null }],
        timeoutMs: this.#caller.requestTimeoutMs,
        validateOnly: false,
      },
      { codeOf: () => 0, what: `add partitions to ${topic}` },
    )
    this.#metadata.forget(topic)
    for (const { errorCode, errorMessage } of response.results) {
      if (errorCode !== 0) throw brokerError(errorCode, `add partitions to ${topic}`, errorMessage)
    }
  }

  /**
   * In the order asked. 'latest' is the last stable offset under read_committed, else the high watermark (default).
   * Offset -1: no record is that late.
   */
  async listOffsets(
    partitions: readonly TopicPartition[],
    spec: OffsetSpec,
    options: { readonly isolation?: Isolation } = {},
  ): Promise<FoundOffset[]> {
    requireArgument('listOffsets', partitions, somePartitions)
    requireArgument('listOffsets', spec, aSpec)
    checkOptions('listOffsets', options, listingChecks)
    const queries = partitions.map(({ topic, partition }) => ({ topic, partition, spec }))
    const { isolation = 'readUncommitted' } = options
    const found = await listOffsets(this.#caller, this.#metadata, queries, isolation, this.#topicLookupTimeoutMs)
    const byName = new Map(found.map((each) => [nameOf(each), each]))
    return partitions.map((at) => byName.get(nameOf(at))!)
  }

  /** Removes the records before these offsets. Resolves with the first offset left, in the order asked. */
  async deleteRecords(
    before: readonly (TopicPartition & { readonly offset: number })[],
  ): Promise<(TopicPartition & { readonly lowWatermark: number })[]> {
    requireArgument('deleteRecords', before, someEnds)
    const response = await this.#caller.call(
      'DeleteRecords',
      {
        topics: [...byTopic(before)].map(([name, list]) => ({
          name,
          partitions: list.map(({ partition, offset }) => ({ partitionIndex: partition, offset })),
        })),
        timeoutMs: this.#caller.requestTimeoutMs,
      },
      { codeOf: () => 0, what: 'delete records' },
    )
    const low = new Map<string, number>()
    for (const { name, partitions } of response.topics) {
      for (const { partitionIndex, lowWatermark, errorCode } of partitions) {
        const at = nameOf({ topic: name, partition: partitionIndex })
        if (errorCode !== 0) throw brokerError(errorCode, `delete records of ${at}`)
        low.set(at, lowWatermark)
      }
    }
    return before.map(({ topic, partition }) => {
      return { topic, partition, lowWatermark: low.get(nameOf({ topic, partition })) ?? -1 }
    })
  }

  /** All configurations of these topics, by topic and name. Throws TOPIC_UNKNOWN. */
  async describeConfigs(topics: readonly string[]): Promise<Map<string, Map<string, ConfigEntry>>> {
    requireArgument('describeConfigs', topics, texts)
    return describeTopicConfigs(this.#caller, topics)
  }

  /** Sets configurations of a topic, leaving others as they are; null goes back to the default. */
  async alterConfigs(topic: string, configs: Readonly<Record<string, string | null>>): Promise<void> {
    requireArgument('alterConfigs', topic, aName)
    checkAlteredConfigs(topic, configs)
    return alterTopicConfigs(this.#caller, topic, configs)
  }

  listGroups(): Promise<GroupListing[]> {
    return listGroups(this.#caller)
  }

  /** In the order asked; a group that does not exist has the state 'Dead'. */
  async describeGroups(groupIds: readonly string[]): Promise<GroupDescription[]> {
    requireArgument('describeGroups', groupIds, texts)
    return describeGroups(this.#caller, groupIds)
  }

  /** All offsets a group has committed. With `requireStable` it waits for open transactions that hold some. */
  async committedOffsets(
    groupId: string,
    options: { readonly requireStable?: boolean } = {},
  ): Promise<CommittedPartition[]> {
    requireArgument('committedOffsets', groupId, aName)
    checkOptions('committedOffsets', options, committedChecks)
    const committed = new CommittedOffsets(this.#caller, groupId)
    return committed.fetch(null, options.requireStable ?? false, this.#caller.requestTimeoutMs)
  }

  /** Ends calls that still wait, with CLOSED. The connection stays open. Idempotent. */
  async close(): Promise<void> {
    this.#caller.close()
  }
}
