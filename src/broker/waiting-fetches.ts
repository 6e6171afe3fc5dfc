import type { Clock, Timer } from '../base/clock.ts'
import { deferred } from '../base/deferred.ts'
import { fetchWaitersMax } from '../base/limits.ts'
import type { Partition } from './topics/partition.ts'

/**
 * Fetches that wait for more to read.
 *
 * Laws
 *  F1  whoever waits goes on when it has enough, when its time is over, or when the broker closes, whichever is first
 *  F2  several appends in one step of the program wake a fetch once
 */
export class WaitingFetches {
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()
  #closed = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get count(): number {
    return this.#waiting.size
  }

  /** Resolves when `enough` says so after a change of one of the partitions, or after `maxWaitMs`. */
  wait(partitions: Iterable<Partition>, maxWaitMs: number, enough: () => boolean): Promise<void> {
    if (this.#closed || this.#waiting.size >= fetchWaitersMax) return Promise.resolve()
    const done = deferred()
    const cancels: (() => void)[] = []
    let checking = false
    let timer: Timer | null = null
    const finish = (): void => {
      timer?.cancel()
      for (const cancel of cancels) cancel()
      this.#waiting.delete(finish)
      done.resolve()
    }
    const check = (): void => {
      checking = false
      if (this.#waiting.has(finish) && enough()) finish()
    }
    const changed = (): void => {
      if (checking) return
      checking = true
      queueMicrotask(check)
    }
    this.#waiting.add(finish)
    for (const partition of partitions) cancels.push(partition.watch(changed))
    timer = this.#clock.timer(maxWaitMs, finish)
    return done.promise
  }

  close(): void {
    this.#closed = true
    for (const finish of this.#waiting) finish()
  }
}
