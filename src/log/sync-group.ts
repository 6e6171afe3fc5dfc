import { type Deferred, deferred } from '../base/deferred.ts'
import { afterMicrotasks } from '../base/microtasks.ts'

/**
 * Many callers, one round of work: everyone who joins before a round begins is served by it, everyone who joins later
 * waits for the next.
 *
 * Laws
 *  G1  a caller is answered only by a round that began after it joined
 *  G2  at most one round runs at a time
 *  G3  a round begins, the first as the later ones, when the promises that could go on have gone on: callers who come one
 *      promise after the other share it
 */
export class SyncGroup {
  readonly #round: () => Promise<void>
  #waiting: Deferred<void> | null = null
  #underWay: Deferred<void> | null = null
  #running = false

  constructor(round: () => Promise<void>) {
    this.#round = round
  }

  /** The round that has begun, null when none has: for a caller who knows that it serves him (G1). */
  get underWay(): Promise<void> | null {
    return this.#underWay?.promise ?? null
  }

  join(): Promise<void> {
    this.#waiting ??= deferred()
    const { promise } = this.#waiting
    if (!this.#running) void this.#run()
    return promise
  }

  async #run(): Promise<void> {
    this.#running = true
    while (this.#waiting !== null) {
      await afterMicrotasks()
      const served: Deferred<void> = this.#waiting
      this.#waiting = null
      this.#underWay = served
      try {
        await this.#round()
        served.resolve()
      } catch (error) {
        served.reject(error)
      }
    }
    this.#underWay = null
    this.#running = false
  }
}
