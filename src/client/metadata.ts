/**
 * What is known of topics: their ids, partition counts and leader epochs. Asked once, and again when an answer shows
 * that it is stale. (A carrier with several brokers learns the leaders from the same answers.)
 */
import { StreamError } from '../base/errors.ts'
import { codeToName, kafkaErrors } from '../protocol/error-codes.ts'
import { zeroUuid } from '../protocol/schema.ts'
import { brokerError, isRetriable } from './broker-error.ts'
import type { Caller } from './caller.ts'
import type { TopicPartition } from './topic-partition.ts'

export interface TopicInfo {
  readonly name: string
  readonly topicId: string
  /** By partition. */
  readonly leaderEpochs: readonly number[]
}

export class Metadata {
  readonly #caller: Caller
  readonly #topics = new Map<string, TopicInfo>()
  readonly #names = new Map<string, string>()
  readonly #lookingUp = new Map<string, Promise<StreamError | null>>()

  constructor(caller: Caller) {
    this.#caller = caller
  }

  get(topic: string): TopicInfo | undefined {
    return this.#topics.get(topic)
  }

  /** Is the partition there, as far as known? */
  has({ topic, partition }: TopicPartition): boolean {
    const known = this.#topics.get(topic)
    return known !== undefined && partition < known.leaderEpochs.length
  }

  /** The name that belongs to a topic id. */
  nameOf(topicId: string): string | undefined {
    return this.#names.get(topicId)
  }

  /** Forgets a topic, so that the next `ensure` asks again. */
  forget(topic: string): void {
    const known = this.#topics.get(topic)
    if (known === undefined) return
    this.#topics.delete(topic)
    this.#names.delete(known.topicId)
  }

  /** All of these topics, asked for until they are there: TOPIC_UNKNOWN after `timeoutMs`. */
  async ensure(topics: Iterable<string>, timeoutMs: number): Promise<void> {
    const retry = this.#caller.retry(timeoutMs)
    for (;;) {
      const missing = [...new Set(topics)].filter((topic) => !this.#topics.has(topic))
      if (missing.length === 0) return
      const failed = await this.#lookUp(missing)
      if (failed === null) continue
      if (!failed.retriable) throw failed
      try {
        await retry.wait(failed)
      } catch (error) {
        throw StreamError.is(error, 'TIMED_OUT') ? failed : error
      }
    }
  }

  /** As `refresh`; callers that want the same topics at the same time share one question. */
  async #lookUp(topics: readonly string[]): Promise<StreamError | null> {
    const asked = topics.filter((topic) => !this.#lookingUp.has(topic))
    if (asked.length > 0) {
      const answer = this.refresh(asked).finally(() => {
        for (const topic of asked) this.#lookingUp.delete(topic)
      })
      for (const topic of asked) this.#lookingUp.set(topic, answer)
    }
    const answers = await Promise.all(new Set(topics.map((topic) => this.#lookingUp.get(topic)!)))
    return answers.find((failed) => failed !== null) ?? null
  }

  /** Asks once. Returns why some topic is not known yet, or null. */
  async refresh(topics: readonly string[]): Promise<StreamError | null> {
    const response = await this.#caller.call(
      'Metadata',
      {
        topics: topics.map((name) => ({ topicId: zeroUuid, name })),
        allowAutoTopicCreation: false,
        includeClusterAuthorizedOperations: false,
        includeTopicAuthorizedOperations: false,
      },
      { codeOf: () => 0, what: `look up ${topics.join(', ')}` },
    )
    let failed: StreamError | null = null
    for (const { errorCode, name, topicId, partitions } of response.topics) {
      if (name === null) continue
      const codes = [errorCode, ...partitions.map((partition) => partition.errorCode)]
      const code = codes.find((each) => each !== 0 && codeToName(each) !== 'REPLICA_NOT_AVAILABLE') ?? 0
      this.forget(name)
      if (code !== 0 && !(errorCode === 0 && !isRetriable(code))) {
        failed = brokerError(code, `topic ${name}`)
        continue
      }
      const leaderEpochs: number[] = new Array(partitions.length).fill(-1)
      for (const { partitionIndex, leaderEpoch } of partitions) leaderEpochs[partitionIndex] = leaderEpoch
      this.#topics.set(name, { name, topicId, leaderEpochs })
      this.#names.set(topicId, name)
    }
    const absent = topics.find((topic) => !this.#topics.has(topic))
    if (failed === null && absent !== undefined) {
      failed = brokerError(kafkaErrors.UNKNOWN_TOPIC_OR_PARTITION.code, `topic ${absent}`)
    }
    return failed
  }
}
