import { StreamError } from '../../base/errors.ts'

/** Is it something to wait for? A promise of any make. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/**
 * An ordinary callback gave something back: if it is a promise, nobody would wait for it. Returns the error to throw then,
 * else null. The promise is refused with it, so what it rejects with later is of no interest to anyone.
 */
export function promiseRefused(result: unknown, what: string): StreamError | null {
  if (!isPromise(result)) return null
  result.then(undefined, () => undefined)
  return new StreamError('PROMISE_IN_SYNC_STEP', what)
}
