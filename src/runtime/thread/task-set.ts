import { assert } from '../../base/assert.ts'
import { queueBytesMax } from '../../base/limits.ts'
import type { Consumer } from '../../client/consumer/consumer.ts'
import type { FetchedPartition } from '../../client/consumer/partition-state.ts'
import { nameOf, type TopicPartition } from '../../client/topic-partition.ts'
import type { ActiveTask } from '../active-task.ts'
import { compareTaskIds } from '../task/task-id.ts'

/** The tasks that run, and who gets which partition's records. */
export class TaskSet {
  readonly #tasks = new Map<string, ActiveTask>()
  readonly #byPartition = new Map<string, ActiveTask>()
  readonly #paused = new Map<string, TopicPartition>()
  #list: readonly ActiveTask[] = []

  /** In the order of their ids. */
  get all(): readonly ActiveTask[] {
    return this.#list
  }

  has(taskId: string): boolean {
    return this.#tasks.has(taskId)
  }

  /** A task that was opened begins: its partitions are read from where it says. */
  add(active: ActiveTask, consumer: Consumer): void {
    const { task } = active
    assert(!this.#tasks.has(task.taskId), 'a task runs once')
    this.#tasks.set(task.taskId, active)
    this.#relist()
    for (const queue of task.group.queues) {
      this.#byPartition.set(nameOf(queue), active)
      consumer.seek(queue, queue.fetchedTo)
      consumer.resume([queue])
    }
  }

  /** After a rebalance: what stayed here goes on where its queues end. */
  reassigned(consumer: Consumer): void {
    for (const { task } of this.#list) {
      for (const queue of task.group.queues) consumer.seek(queue, queue.fetchedTo)
    }
    consumer.pause([...this.#paused.values()])
  }

  remove(taskId: string): ActiveTask {
    const active = this.#tasks.get(taskId)
    assert(active !== undefined, 'only a task that runs is removed')
    this.#tasks.delete(taskId)
    this.#relist()
    for (const queue of active.task.group.queues) {
      this.#byPartition.delete(nameOf(queue))
      this.#paused.delete(nameOf(queue))
    }
    return active
  }

  #relist(): void {
    this.#list = [...this.#tasks.values()].sort((left, right) => compareTaskIds(left.task.id, right.task.id))
  }

  /** Fetched batches go to the queues; a partition whose queue is full is not fetched until half of it is done. */
  addFetched(fetched: readonly FetchedPartition[], consumer: Consumer): void {
    for (const piece of fetched) {
      const active = this.#byPartition.get(nameOf(piece))
      // A partition that was taken away while its answer was on the way.
      if (active === undefined) continue
      active.task.add(piece.topic, piece.partition, piece)
      const queue = active.task.queue(piece.topic, piece.partition)
      if (queue.bufferedBytes < queueBytesMax || this.#paused.has(nameOf(piece))) continue
      this.#paused.set(nameOf(piece), piece)
      consumer.pause([piece])
    }
  }

  resumeDrained(consumer: Consumer): void {
    for (const [name, { topic, partition }] of this.#paused) {
      const active = this.#byPartition.get(name)
      assert(active !== undefined, 'only partitions of tasks that run are held back')
      if (active.task.queue(topic, partition).bufferedBytes > queueBytesMax / 2) continue
      this.#paused.delete(name)
      consumer.resume([{ topic, partition }])
    }
  }

  /** When the next punctuator of the wall clock is due. */
  get punctuationDueMs(): number {
    let dueMs = Number.POSITIVE_INFINITY
    for (const { task } of this.#list) dueMs = Math.min(dueMs, task.wallPunctuationDueMs)
    return dueMs
  }
}
