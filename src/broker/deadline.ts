import type { Clock, Timer } from '../base/clock.ts'

/**
 * A moment after which something is given up, and which may be moved. It passes only after a full turn of the loop beyond
 * the moment (D6): a request that waited behind a busy loop still counts as in time. Moving it costs no timer.
 */
export class Deadline {
  readonly #clock: Clock
  readonly #passed: () => void
  #atMs = Number.POSITIVE_INFINITY
  #timer: Timer | null = null
  #timerAtMs = Number.POSITIVE_INFINITY

  constructor(clock: Clock, passed: () => void) {
    this.#clock = clock
    this.#passed = passed
  }

  /** Passes `delayMs` from now, unless set or cleared before. */
  set(delayMs: number): void {
    this.#atMs = this.#clock.monotonic() + delayMs
    if (this.#timer === null || this.#timerAtMs > this.#atMs) this.#arm()
  }

  clear(): void {
    this.#atMs = Number.POSITIVE_INFINITY
    this.#timer?.cancel()
    this.#timer = null
  }

  get isSet(): boolean {
    return this.#atMs !== Number.POSITIVE_INFINITY
  }

  #arm(): void {
    this.#timer?.cancel()
    this.#timerAtMs = this.#atMs
    const delayMs = Math.max(0, Math.ceil(this.#atMs - this.#clock.monotonic()))
    this.#timer = this.#clock.timer(delayMs, () => {
      this.#timer = null
      void this.#fire()
    })
  }

  async #fire(): Promise<void> {
    if (this.#clock.monotonic() >= this.#atMs) await this.#clock.turn()
    if (!this.isSet || this.#timer !== null) return
    if (this.#clock.monotonic() < this.#atMs) return this.#arm()
    this.#atMs = Number.POSITIVE_INFINITY
    this.#passed()
  }
}
