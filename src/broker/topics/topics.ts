/**
 * The topics of this broker: what there is, and how it comes and goes.
 *
 * Laws
 *  T1  the meta file says which topics exist; folders follow it. Folders are made before the file names a new topic, and
 *      removed after it names a deleted one as deleted: a crash in between leaves folders of no topic, which the next
 *      start removes. A folder that a power cut took had nothing in it that counts: it is made anew, empty
 *  T2  one change at a time, each on what the last one left
 *  T3  a deletion is durable before it is answered, so a later topic of the same name never finds old data
 *  T4  records are removed only when the file says that their topic was deleted: any other folder stays, and is told
 *
 * Not here: the file (meta-file.ts), names and configs (topic-name.ts, topic-configs.ts).
 */
import { assert } from '../../base/assert.ts'
import { StreamError } from '../../base/errors.ts'
import { brokerPartitionsMax, topicPartitionsMax } from '../../base/limits.ts'
import type { Random } from '../../base/random.ts'
import type { LogDirectory, PartitionFolder } from '../../log/log-directory.ts'
import type { PartitionLog } from '../../log/partition-log.ts'
import { accepted, type Refusal, refused, refusedBy } from '../kafka-answers.ts'
import type { MetaFile, TopicMeta } from './meta-file.ts'
import { Partition } from './partition.ts'
import { configProblem, logConfigOf, type TopicConfigs } from './topic-configs.ts'
import { collisionKey, isInternalTopic, topicNameProblem } from './topic-name.ts'

export interface Topic {
  readonly name: string
  readonly id: string
  readonly isInternal: boolean
  readonly configs: TopicConfigs
  readonly partitions: readonly Partition[]
}

export interface TopicSpec {
  readonly name: string
  readonly partitions: number
  readonly configs: readonly { readonly name: string; readonly value: string | null }[]
}

export class Topics {
  readonly #meta: MetaFile
  readonly #directory: LogDirectory
  readonly #random: Random
  readonly #flush: 'sync' | 'os'
  readonly #byName = new Map<string, Topic>()
  readonly #byId = new Map<string, Topic>()
  /** Told when a topic is gone from the file and from memory, before its folders go. */
  onDelete: ((topic: string) => void) | null = null
  #last: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(meta: MetaFile, directory: LogDirectory, random: Random, flush: 'sync' | 'os') {
    this.#meta = meta
    this.#directory = directory
    this.#random = random
    this.#flush = flush
  }

  /** T1: opens what the file names, and removes what is left over. A partition that cannot be opened is offline. */
  async load(): Promise<void> {
    const { topics } = this.#meta.current
    const counts = new Map(topics.map(({ name, partitions }) => [name, partitions]))
    for (const folder of this.#directory.folders()) {
      if (folder.partition < (counts.get(folder.topic) ?? 0)) continue
      if (this.#isLeftOver(folder)) await this.#directory.removePartition(folder.topic, folder.partition)
      else this.#directory.setAside(folder.topic, folder.partition, unknownFolder(folder))
    }
    for (const meta of topics) this.#enter(meta, await this.#openAll(meta, 0))
  }

  /** T4 */
  #isLeftOver({ topic, partition, topicId }: PartitionFolder): boolean {
    if (topicId !== null && this.#meta.current.deleted.includes(topicId)) return true
    return !this.#directory.holdsRecords(topic, partition)
  }

  get clusterId(): string {
    return this.#meta.current.clusterId
  }

  get leaderEpoch(): number {
    return this.#directory.leaderEpoch
  }

  all(): Topic[] {
    return [...this.#byName.values()]
  }

  get(name: string): Topic | undefined {
    return this.#byName.get(name)
  }

  getById(id: string): Topic | undefined {
    return this.#byId.get(id)
  }

  find(topic: string, partition: number): Partition | null {
    return this.#byName.get(topic)?.partitions[partition] ?? null
  }

  *partitions(): Generator<Partition> {
    for (const topic of this.#byName.values()) yield* topic.partitions
  }

  #enter(meta: TopicMeta, partitions: readonly Partition[]): void {
    const { name, id, configs } = meta
    assert(partitions.length === meta.partitions, 'a topic has all its partitions')
    const topic: Topic = { name, id, configs, partitions, isInternal: isInternalTopic(name) }
    this.#byName.set(name, topic)
    this.#byId.set(id, topic)
  }

  #openAll(meta: TopicMeta, from: number): Promise<Partition[]> {
    const opened = indexes(from, meta.partitions).map(async (index) => {
      return new Partition(meta.name, meta.id, index, await this.#open(meta, index))
    })
    return Promise.all(opened)
  }

  async #open({ name, id, configs }: TopicMeta, index: number): Promise<PartitionLog | StreamError> {
    try {
      const config = logConfigOf(configs, this.#flush)
      return await this.#directory.openPartition(name, index, { config, topicId: id })
    } catch (error) {
      if (!StreamError.is(error)) throw error
      return error
    }
  }

  /** T2 */
  #inOrder<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => {
      if (this.#closed) throw new StreamError('CLOSED', 'the broker is closed; open it again')
      return change()
    })
    // The next change waits for this one, whatever came of it; who asked for this one hears of its failure.
    this.#last = result.catch(() => undefined)
    return result
  }

  // ---- creating

  /** Creates those that can be created, all with one write; says of each what became of it. */
  create(specs: readonly TopicSpec[], validateOnly = false): Promise<Map<string, Refusal>> {
    return this.#inOrder(async () => {
      const results = new Map<string, Refusal>()
      const metas: TopicMeta[] = []
      for (const spec of specs) {
        const refusal = this.#refuse(spec, metas)
        results.set(spec.name, refusal ?? accepted)
        if (refusal === null) metas.push(this.#toMeta(spec))
      }
      if (validateOnly || metas.length === 0) return results
      try {
        await this.#add(metas)
      } catch (error) {
        const refusal = refusedBy(error)
        for (const { name } of metas) results.set(name, refusal)
      }
      return results
    })
  }

  #toMeta({ name, partitions, configs }: TopicSpec): TopicMeta {
    const values = configs.map((config) => [config.name, config.value!] as const)
    return { name, id: this.#random.uuid(), partitions, configs: Object.fromEntries(values) }
  }

  #refuse({ name, partitions, configs }: TopicSpec, others: readonly TopicMeta[]): Refusal | null {
    const problem = topicNameProblem(name)
    if (problem !== null) return refused('INVALID_TOPIC_EXCEPTION', problem)
    if (this.#byName.has(name)) return refused('TOPIC_ALREADY_EXISTS', `topic ${name} exists already`)
    for (const known of [...this.#byName.keys(), ...others.map((other) => other.name)]) {
      if (collisionKey(known) !== collisionKey(name)) continue
      return refused('INVALID_TOPIC_EXCEPTION', `topic ${name} differs from ${known} only in '.' and '_'`)
    }
    if (!Number.isInteger(partitions) || partitions < 1 || partitions > topicPartitionsMax) {
      return refused('INVALID_PARTITIONS', `${name}: ${partitions} partitions; say 1 to ${topicPartitionsMax}`)
    }
    if (this.#partitionCount() + partitions > brokerPartitionsMax) {
      return refused('INVALID_PARTITIONS', `${name}: the broker holds at most ${brokerPartitionsMax} partitions`)
    }
    for (const config of configs) {
      const wrong = configProblem(config.name, config.value)
      if (wrong !== null) return refused('INVALID_CONFIG', wrong)
    }
    return null
  }

  #partitionCount(): number {
    let count = 0
    for (const topic of this.#byName.values()) count += topic.partitions.length
    return count
  }

  /** T1: folders, then the file; then they are there. */
  async #add(metas: readonly TopicMeta[]): Promise<void> {
    // A deletion that could not remove its folders has left old data behind.
    const names = new Set(metas.map(({ name }) => name))
    const found = this.#directory.folders().filter(({ topic }) => names.has(topic))
    for (const folder of found) if (!this.#isLeftOver(folder)) throw unknownFolder(folder)
    for (const { topic, partition } of found) await this.#directory.removePartition(topic, partition)
    const opened: { meta: TopicMeta; partitions: Partition[] }[] = []
    for (const meta of metas) opened.push({ meta, partitions: await this.#openAll(meta, 0) })
    const all = opened.flatMap(({ partitions }) => partitions)
    try {
      for (const partition of all) assertOnline(partition)
      await this.#meta.update((meta) => ({ ...meta, topics: [...meta.topics, ...metas] }))
    } catch (error) {
      await this.#drop(all, 'the topic could not be created')
      throw error
    }
    for (const { meta, partitions } of opened) this.#enter(meta, partitions)
  }

  async #drop(partitions: readonly Partition[], reason: string): Promise<void> {
    for (const partition of partitions) {
      partition.detach(new StreamError('TOPIC_UNKNOWN', `${partition.topic}-${partition.index}: ${reason}`))
    }
    await Promise.all(partitions.map(({ topic, index }) => this.#directory.removePartition(topic, index)))
  }

  /** More partitions for a topic. */
  grow(name: string, count: number, validateOnly: boolean): Promise<Refusal> {
    return this.#inOrder(async () => {
      const topic = this.#byName.get(name)
      if (topic === undefined) return refused('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${name}`)
      const present = topic.partitions.length
      if (!Number.isInteger(count) || count <= present || count > topicPartitionsMax) {
        return refused(
          'INVALID_PARTITIONS',
          `${name} has ${present} partitions; it can only grow, up to ${topicPartitionsMax}`,
        )
      }
      if (this.#partitionCount() + count - present > brokerPartitionsMax) {
        return refused('INVALID_PARTITIONS', `${name}: the broker holds at most ${brokerPartitionsMax} partitions`)
      }
      if (validateOnly) return accepted
      const meta: TopicMeta = { name, id: topic.id, partitions: count, configs: topic.configs }
      const added = await this.#openAll(meta, present)
      try {
        for (const partition of added) assertOnline(partition)
        await this.#replace(meta)
      } catch (error) {
        await this.#drop(added, 'the partition could not be created')
        return refusedBy(error)
      }
      this.#enter(meta, [...topic.partitions, ...added])
      return accepted
    })
  }

  #replace(changed: TopicMeta): Promise<void> {
    return this.#meta.update((meta) => {
      return { ...meta, topics: meta.topics.map((topic) => (topic.id === changed.id ? changed : topic)) }
    })
  }

  // ---- changing

  /** Gives a topic other configs: what `change` makes of the present ones. */
  alter(
    name: string,
    validateOnly: boolean,
    change: (configs: TopicConfigs) => TopicConfigs | Refusal,
  ): Promise<Refusal> {
    return this.#inOrder(async () => {
      const topic = this.#byName.get(name)
      if (topic === undefined) return refused('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${name}`)
      const configs = change(topic.configs)
      if (isRefusal(configs)) return configs
      if (validateOnly) return accepted
      const meta: TopicMeta = { name, id: topic.id, partitions: topic.partitions.length, configs }
      try {
        await this.#replace(meta)
      } catch (error) {
        return refusedBy(error)
      }
      this.#enter(meta, topic.partitions)
      for (const { online } of topic.partitions) online?.updateConfig(logConfigOf(configs, this.#flush))
      return accepted
    })
  }

  // ---- deleting

  /** T3 */
  delete(topic: Topic): Promise<Refusal> {
    return this.#inOrder(async () => {
      const { name, id } = topic
      if (this.#byId.get(id) === undefined) return refused('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${name}`)
      const { partitions } = this.#byId.get(id)!
      try {
        await this.#meta.update((meta) => {
          const topics = meta.topics.filter((known) => known.id !== id)
          const ids = new Set(this.#directory.folders().map(({ topicId }) => topicId))
          return { ...meta, topics, deleted: [...meta.deleted.filter((one) => ids.has(one)), id] }
        })
        this.#byName.delete(name)
        this.#byId.delete(id)
        await this.#drop(partitions, 'its topic was deleted')
        this.onDelete?.(name)
        return accepted
      } catch (error) {
        return refusedBy(error)
      }
    })
  }

  /** Nothing changes and nobody reads any more; the logs are the directory's to close. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#last
    const reason = new StreamError('CLOSED', 'the broker is closed; open it again')
    for (const partition of this.partitions()) partition.detach(reason)
  }
}

function indexes(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, at) => from + at)
}

function unknownFolder({ topic, partition, topicId }: PartitionFolder): StreamError {
  const what = `the folder ${topic}-${partition} holds records of topic id ${topicId ?? '(unknown)'}`
  const advice = 'restore both from the same copy of the data folder, or move the folder away'
  return new StreamError('LOG_CORRUPT', `${what}, which meta.json neither names nor calls deleted; ${advice}`)
}

function assertOnline(partition: Partition): void {
  if (partition.failure !== null) throw partition.failure
}

function isRefusal(value: TopicConfigs | Refusal): value is Refusal {
  return 'error' in value && 'message' in value
}
