import { assert } from '../../base/assert.ts'
import type { Cancellable, Punctuator } from '../../processor/processor.ts'
import type { ProcessorTaskNode } from './processor-node.ts'
import { type Timed, TimeQueue } from './time-queue.ts'

/** One `schedule`: due at `timestampMs`, then at later multiples of its interval, never twice for one call (KIP-138). */
export class PunctuationSchedule implements Timed, Cancellable {
  readonly node: ProcessorTaskNode
  readonly punctuator: Punctuator
  readonly intervalMs: number
  timestampMs: number
  cancelled = false

  constructor(node: ProcessorTaskNode, timestampMs: number, intervalMs: number, punctuator: Punctuator) {
    assert(intervalMs > 0, 'an interval is positive')
    this.node = node
    this.timestampMs = timestampMs
    this.intervalMs = intervalMs
    this.punctuator = punctuator
  }

  cancel(): void {
    this.cancelled = true
  }

  /** After it was called at `nowMs`: the next multiple, however many were passed. */
  step(nowMs: number): void {
    assert(nowMs >= this.timestampMs, 'it was due')
    const passed = Math.floor((nowMs - this.timestampMs) / this.intervalMs)
    this.timestampMs += (passed + 1) * this.intervalMs
  }
}

/** The schedules of a task on one kind of time, the earliest first. */
export class PunctuationQueue {
  readonly #schedules = new TimeQueue<PunctuationSchedule>()
  /** When the earliest is due: one comparison says that nothing is. */
  dueMs = Number.POSITIVE_INFINITY

  add(schedule: PunctuationSchedule): void {
    this.#schedules.offer(schedule)
    this.#measure()
  }

  /** Takes out the next schedule that is due at `nowMs`, which `again` puts back; null when none is. */
  next(nowMs: number): PunctuationSchedule | null {
    for (;;) {
      const first = this.#schedules.peek()
      if (first === null || first.timestampMs > nowMs) return null
      this.#schedules.poll()
      if (!first.cancelled) return first
      this.#measure()
    }
  }

  /** `next` gave it and it was called: back in line, unless it was cancelled. */
  again(schedule: PunctuationSchedule, nowMs: number): void {
    if (!schedule.cancelled) {
      schedule.step(nowMs)
      this.#schedules.offer(schedule)
    }
    this.#measure()
  }

  clear(): void {
    this.#schedules.clear()
    this.#measure()
  }

  #measure(): void {
    this.dueMs = this.#schedules.peek()?.timestampMs ?? Number.POSITIVE_INFINITY
  }
}
