import { assert } from '../../base/assert.ts'
import type { RecordQueue, SourceBatches } from './record-queue.ts'
import { TimeQueue } from './time-queue.ts'

/** How far a partition's fetched position is behind its end: a number, or null when it is not known yet. */
export type LagOf = (topic: string, partition: number) => number | null

/**
 * The queues of a task: which record comes next.
 *
 * Laws
 *  G1  the queue whose head has the lowest timestamp is next; ties as java.util.PriorityQueue breaks them
 *  G2  an empty partition blocks the task while its lag is unknown or not zero, and for `maxTaskIdleMs` once it is zero
 *      (KIP-695); with `maxTaskIdleMs` -1 nothing is waited for
 */
export class PartitionGroup {
  readonly queues: readonly RecordQueue[]
  readonly #byTime = new TimeQueue<RecordQueue>()
  readonly #maxTaskIdleMs: number
  readonly #lagOf: LagOf
  /** G2 was asked and answered, and nothing has changed since. */
  #cleared = false

  constructor(queues: readonly RecordQueue[], maxTaskIdleMs: number, lagOf: LagOf) {
    this.queues = queues
    this.#maxTaskIdleMs = maxTaskIdleMs
    this.#lagOf = lagOf
  }

  /** Puts fetched batches into one of the queues; one that was empty may have a head now. */
  add(queue: RecordQueue, fetched: SourceBatches): void {
    const wasEmpty = queue.record === null
    queue.add(fetched)
    if (!wasEmpty || queue.record === null) return
    // When it is empty again, the waiting begins anew.
    queue.idleDeadlineMs = -1
    this.#byTime.offer(queue)
  }

  /** Lags and the clock may have moved: ask G2 again. */
  refresh(): void {
    this.#cleared = false
  }

  /** The queue whose head is next, or null: all are empty, or the task has to wait. */
  next(nowMs: number): RecordQueue | null {
    const first = this.#byTime.peek()
    if (first === null) return null
    if (this.#byTime.size < this.queues.length && !this.#cleared) {
      if (!this.#mayGoOn(nowMs)) return null
      this.#cleared = true
    }
    return first
  }

  /** The head of `queue`, which `next` gave, is processed. */
  advance(queue: RecordQueue): void {
    if (this.queues.length === 1) {
      queue.advance()
      if (queue.record === null) this.#byTime.poll()
      return
    }
    // Out before its head changes, in again after: as Kafka Streams does, so ties fall the same way.
    const first = this.#byTime.poll()
    assert(first === queue, 'G1: the queue that was next is still first')
    queue.advance()
    if (queue.record !== null) this.#byTime.offer(queue)
    else this.#cleared = false
  }

  get bufferedRecords(): number {
    let count = 0
    for (const queue of this.queues) count += queue.bufferedRecords + (queue.record === null ? 0 : 1)
    return count
  }

  #mayGoOn(nowMs: number): boolean {
    if (this.#maxTaskIdleMs < 0) return true
    for (const queue of this.queues) {
      if (queue.record !== null) {
        queue.idleDeadlineMs = -1
      } else if (!this.#hasWaited(queue, nowMs)) {
        return false
      }
    }
    return true
  }

  #hasWaited(queue: RecordQueue, nowMs: number): boolean {
    const lag = this.#lagOf(queue.topic, queue.partition)
    if (lag === null || lag > 0) {
      queue.idleDeadlineMs = -1
      return false
    }
    if (queue.idleDeadlineMs < 0) queue.idleDeadlineMs = nowMs + this.#maxTaskIdleMs
    return nowMs >= queue.idleDeadlineMs
  }
}
