import type { Clock } from '../../base/clock.ts'
import { StreamError } from '../../base/errors.ts'

export interface Bounds {
  readonly clock: Clock
  readonly timeoutMs: number
  /** After the signal there are only `graceMs` left. */
  readonly signal: AbortSignal
  readonly graceMs: number
}

/** Waits for what a user's code promised, but not for ever: TIMED_OUT. What comes later is of no interest any more. */
export function bounded<T>(work: Promise<T>, { clock, timeoutMs, signal, graceMs }: Bounds): Promise<T> {
  return new Promise((resolve, reject) => {
    const give = (ms: number) => (): void => {
      end()
      const what = `an async step has not finished in ${ms} ms; bound what it waits for, or raise taskTimeoutMs`
      reject(new StreamError('TIMED_OUT', what))
    }
    let timer = clock.timer(timeoutMs, give(timeoutMs), true)
    const stop = (): void => {
      timer.cancel()
      timer = clock.timer(graceMs, give(graceMs), true)
    }
    const end = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', stop)
    }
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    work.finally(end).then(resolve, reject)
  })
}
