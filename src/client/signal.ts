/**
 * Something happened: whoever waits for it wakes, and whoever comes later finds it.
 */
import type { Clock } from '../base/clock.ts'

export class Signal {
  readonly #clock: Clock
  #set: boolean = false
  #wake: (() => void) | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  set(): void {
    this.#set = true
    this.#wake?.()
  }

  /** Resolves when it is set, or after `timeoutMs`; then it is not set any more. One waits at a time. */
  wait(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer?.cancel()
        this.#set = false
        this.#wake = null
        resolve()
      }
      const timer = this.#set ? null : this.#clock.timer(timeoutMs, done, true)
      if (this.#set) done()
      else this.#wake = done
    })
  }
}
