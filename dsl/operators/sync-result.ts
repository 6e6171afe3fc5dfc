/**
 * What callbacks give back. An ordinary step is synchronous (D6): a promise would be stored or written as if it were the value,
 * so it is refused where it appears. The check costs a type test for primitives and one property look-up for objects.
 */
import { StreamError } from '../../src/base/errors.ts'

/** Is it something to wait for? A promise of any make. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

export function refusePromise(result: unknown, nodeName: string): void {
  if (isPromise(result)) throw promiseRefused(nodeName, result)
}

/**
 * `results`: what the callback gave, with promises in it, or in lists and pairs. Nobody will wait for them: unless they are taken up
 * here, a rejection would end the process as unhandled.
 */
export function promiseRefused(nodeName: string, ...results: readonly unknown[]): StreamError {
  for (const result of results.flat(2)) {
    if (isPromise(result)) result.then(undefined, () => {})
  }
  return new StreamError(
    'PROMISE_IN_SYNC_STEP',
    `a callback of '${nodeName}' returned a promise; make it synchronous, or use process with { async: true }`,
  )
}

/** The same for what a fold returns, which has to be a value or null. */
export function checkFolded(result: unknown, nodeName: string): void {
  if (result === undefined) {
    throw new StreamError(
      'RECORD_FAILED',
      `the fold of '${nodeName}' returned undefined; return the accumulator, or null to delete the row`,
    )
  }
  refusePromise(result, nodeName)
}
