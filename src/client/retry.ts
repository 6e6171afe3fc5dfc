/**
 * When to try again: pauses that double, up to a deadline. A pause ends early when the client is closed.
 */
import type { Clock } from '../base/clock.ts'
import { messageOf, StreamError } from '../base/errors.ts'

export interface RetryOptions {
  /** From the first attempt to the last. */
  readonly timeoutMs: number
  /** 0: the first pause is one turn of the loop. */
  readonly firstPauseMs: number
  readonly pauseMsMax: number
}

export class Retry {
  readonly #clock: Clock
  readonly #signal: AbortSignal
  readonly #deadlineMs: number
  readonly #timeoutMs: number
  readonly #pauseMsMax: number
  #pauseMs: number

  constructor(clock: Clock, signal: AbortSignal, options: RetryOptions) {
    this.#clock = clock
    this.#signal = signal
    this.#timeoutMs = options.timeoutMs
    this.#deadlineMs = clock.monotonic() + options.timeoutMs
    this.#pauseMs = options.firstPauseMs
    this.#pauseMsMax = options.pauseMsMax
  }

  /** Pauses before the next attempt, or throws: TIMED_OUT with the cause when the deadline has passed, CLOSED when closed. */
  async wait(cause: unknown): Promise<void> {
    if (this.#clock.monotonic() + this.#pauseMs > this.#deadlineMs) {
      throw new StreamError('TIMED_OUT', `no success in ${this.#timeoutMs} ms: ${messageOf(cause)}`, { cause })
    }
    if (this.#pauseMs === 0) await this.#clock.turn()
    else await this.#clock.sleep(this.#pauseMs, this.#signal)
    if (this.#signal.aborted) throw closedError()
    this.#pauseMs = Math.min(this.#pauseMsMax, Math.max(1, this.#pauseMs * 2))
  }
}

export function closedError(): StreamError {
  return new StreamError('CLOSED', 'the client is closed; make another one')
}
