/**
 * Time, asked for. The only home of Date.now and of timers; a test moves its own clock (src/testing/manual-clock.ts).
 */
export interface Clock {
  /** Milliseconds since 1970, whole. */
  now(): number
  /** Milliseconds since some fixed moment, with fractions, never going back. */
  monotonic(): number
  /** Calls back once, after `delayMs`. Timers do not keep the process alive unless `keepAlive`. */
  timer(delayMs: number, callback: () => void, keepAlive?: boolean): Timer
  /** Resolves after `delayMs`, or at once when the signal aborts. Keeps the process alive. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>
  /** Resolves in a later turn of the event loop, after pending I/O had its chance. */
  turn(): Promise<void>
}

export interface Timer {
  cancel(): void
}

class SystemClock implements Clock {
  now(): number {
    return Date.now()
  }

  monotonic(): number {
    return performance.now()
  }

  timer(delayMs: number, callback: () => void, keepAlive = false): Timer {
    const handle = setTimeout(callback, delayMs)
    if (!keepAlive) handle.unref()
    return { cancel: () => clearTimeout(handle) }
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const done = (): void => {
        clearTimeout(handle)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const handle = setTimeout(done, delayMs)
      signal?.addEventListener('abort', done, { once: true })
    })
  }

  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve))
  }
}

export const systemClock: Clock = new SystemClock()
