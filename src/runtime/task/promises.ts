import { StreamError } from '../../base/errors.ts'

/**
 * An ordinary callback gave something back: if it is a promise, nobody would wait for it. Returns the error to throw then,
 * else null. The promise is refused with it, so what it rejects with later is of no interest to anyone.
 */
export function promiseRefused(result: unknown, what: string): StreamError | null {
  if (typeof result !== 'object' || result === null || !('then' in result)) return null
  void Promise.resolve(result).catch(() => undefined)
  return new StreamError('PROMISE_IN_SYNC_STEP', what)
}
