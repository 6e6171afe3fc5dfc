import { assert } from '../base/assert.ts'
import type { Producer } from '../client/producer/producer.ts'
import { nameOf, type TopicPartition } from '../client/topic-partition.ts'
import { closeAll } from './closing.ts'
import type { MetricRegistry } from './metrics.ts'
import type { ProducerCollector } from './record-collector.ts'
import type { CommitMeta, LogPosition } from './state/meta-rows.ts'
import type { TaskState } from './state/task-state.ts'
import type { Task, TaskOffset } from './task/task.ts'

/** A store's changelog partition, and how far of it is in the store. */
export interface ChangelogPosition {
  readonly store: string
  readonly topic: string
  readonly partition: number
  readonly topicId: string
  readonly leaderEpoch: number
  offset: number
}

/** What identifies the data behind an input's offsets. */
export interface InputIdentity {
  readonly topic: string
  readonly topicId: string
}

/**
 * A task that runs, with its state and the positions that belong to it: what a commit works on.
 *
 * Law
 *  V1  the positions that `writeState` writes are those of the transaction whose rows it writes
 */
export class ActiveTask {
  readonly task: Task
  readonly state: TaskState
  readonly #collector: ProducerCollector
  readonly #producer: Producer
  readonly #changelogs: readonly ChangelogPosition[]
  readonly #topicIds: ReadonlyMap<string, string>
  readonly #reported = new Map<string, number>()
  readonly #committedInputs: { [topicPartition: string]: LogPosition }
  /** Of the commits whose rows are still to be written, the oldest first. */
  readonly #unwritten: CommitMeta[] = []

  constructor(parts: {
    readonly task: Task
    readonly state: TaskState
    readonly collector: ProducerCollector
    readonly producer: Producer
    readonly changelogs: readonly ChangelogPosition[]
    readonly inputs: readonly InputIdentity[]
  }) {
    this.task = parts.task
    this.state = parts.state
    this.#collector = parts.collector
    this.#producer = parts.producer
    this.#changelogs = parts.changelogs
    this.#topicIds = new Map(parts.inputs.map(({ topic, topicId }) => [topic, topicId]))
    this.#committedInputs = { ...parts.state.lastCommit?.inputs }
  }

  /** Step 1b. What a user's store throws is not taken for the log's. */
  rotate(): void {
    let atHand = ''
    try {
      this.state.rotate((storeName) => {
        atHand = storeName
        return this.#collector.changelog(storeName)
      })
    } catch (error) {
      throw this.task.failures.storeFailed(atHand, error)
    }
  }

  /** Step 2 is done: each changelog ends after what this producer wrote there last. */
  measureChangelogs(): void {
    for (const changelog of this.#changelogs) {
      const offset = this.#producer.endOffset(changelog.topic, changelog.partition)
      if (offset < 0) continue
      assert(offset >= changelog.offset, 'V1: a changelog only grows')
      changelog.offset = offset
    }
  }

  /** Step 3 is known to be done. `nowMs`: when the commit began. */
  committed(offsets: readonly TaskOffset[], nowMs: number): void {
    for (const { topic, partition, offset, leaderEpoch } of offsets) {
      const name = `${topic}-${partition}`
      const topicId = this.#topicIds.get(topic)
      assert(topicId !== undefined, 'V1: offsets are of the inputs of the task')
      this.#committedInputs[name] = { topicId, leaderEpoch, offset }
    }
    this.#unwritten.push(this.#meta(nowMs))
    this.state.committed()
  }

  /** Step 4 of the oldest commit that has not had it. */
  writeState(): Promise<void> {
    const meta = this.#unwritten.shift()
    assert(meta !== undefined, 'V1: what is written was committed')
    return this.state.write(meta, true)
  }

  /** Writes down that the state was in use now, when nothing else was written for a while. */
  touch(nowMs: number): Promise<void> {
    return this.state.touch(this.#meta(nowMs))
  }

  /** Where a successor begins to read; null: nothing is committed. */
  committedOffset(at: TopicPartition): number | null {
    return this.#committedInputs[nameOf(at)]?.offset ?? null
  }

  /** Adds what happened since the last report. */
  report(metrics: MetricRegistry): void {
    const { task } = this
    const labels = { task: task.taskId }
    this.#add(metrics, 'process-total', task.processedTotal, labels)
    this.#add(metrics, 'dropped-records-total', task.drops.total, labels)
    for (const { topic, takenCount } of task.group.queues) {
      this.#add(metrics, 'records-consumed-total', takenCount, { ...labels, topic })
    }
  }

  #add(metrics: MetricRegistry, name: string, total: number, labels: { readonly [label: string]: string }): void {
    const key = `${name} ${labels.topic ?? ''}`
    const before = this.#reported.get(key) ?? 0
    if (total === before) return
    this.#reported.set(key, total)
    metrics.add(name, total - before, labels)
  }

  /** Lets go of everything, whatever was not committed with it. Idempotent. */
  close(): Promise<void> {
    return closeAll([() => this.task.close(), () => this.state.close()])
  }

  #meta(nowMs: number): CommitMeta {
    const changelogs: { [store: string]: LogPosition } = {}
    for (const { store, topicId, leaderEpoch, offset } of this.#changelogs) {
      changelogs[store] = { topicId, leaderEpoch, offset }
    }
    return { timeMs: nowMs, changelogs, inputs: { ...this.#committedInputs } }
  }
}
