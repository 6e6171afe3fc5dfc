/**
 * Our own mistakes. An assertion stays on in production, stops the task, and is never caught to go on.
 * What the world does wrong is a `StreamError` (errors.ts).
 */
export function assert(condition: unknown, law: string): asserts condition {
  if (!condition) throw new AssertionError(law)
}

export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** The end of a switch that covers every case: the compiler checks it, and so does the run. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`)
}
