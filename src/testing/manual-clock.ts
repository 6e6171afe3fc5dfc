import { assert } from '../base/assert.ts'
import { type Clock, systemClock, type Timer } from '../base/clock.ts'

interface Alarm {
  readonly atMs: number
  readonly order: number
  readonly callback: () => void
}

/**
 * Time that moves by hand: `advance` fires what is due, in order of time, then of setting. `turn` is a real turn of the
 * event loop, so that pending I/O of a test has its chance.
 *
 * Laws
 *  T1  time never goes back
 *  T2  a callback sees the time it was set for, also when one `advance` passes several
 */
export class ManualClock implements Clock {
  #nowMs: number
  readonly #startMs: number
  #alarms: Alarm[] = []
  #order = 0

  constructor(startMs = 1_000_000) {
    this.#nowMs = startMs
    this.#startMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  monotonic(): number {
    return this.#nowMs - this.#startMs
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#alarms.length
  }

  timer(delayMs: number, callback: () => void): Timer {
    const alarm = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback }
    this.#alarms.push(alarm)
    return {
      cancel: () => {
        this.#alarms = this.#alarms.filter((other) => other !== alarm)
      },
    }
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const done = (): void => {
        timer.cancel()
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = this.timer(delayMs, done)
      signal?.addEventListener('abort', done, { once: true })
    })
  }

  turn(): Promise<void> {
    return systemClock.turn()
  }

  /** Moves time on and fires the timers that come due on the way, those they set included. */
  advance(ms: number): void {
    assert(ms >= 0, 'T1: time never goes back')
    const endMs = this.#nowMs + ms
    for (let next = this.#due(endMs); next !== null; next = this.#due(endMs)) {
      this.#alarms = this.#alarms.filter((other) => other !== next)
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.callback()
    }
    this.#nowMs = endMs
  }

  /** As `advance`, and then gives promises and pending I/O their chance. */
  async pass(ms: number): Promise<void> {
    this.advance(ms)
    for (let turn = 0; turn < 3; turn++) await this.turn()
  }

  #due(endMs: number): Alarm | null {
    let first: Alarm | null = null
    for (const alarm of this.#alarms) {
      if (alarm.atMs > endMs) continue
      if (first === null || alarm.atMs < first.atMs || (alarm.atMs === first.atMs && alarm.order < first.order)) {
        first = alarm
      }
    }
    return first
  }
}
