/**
 * Our own mistakes. An assertion stays on in production, stops the task, and is never caught to go on.
 * What the world does wrong is a `StreamError` (errors.ts).
 */
export function assert(condition: unknown, law: string): asserts condition {
  if (!condition) throw new AssertionError(law)
}

const brand = Symbol.for('millrace.AssertionError')

export class AssertionError extends Error {
  override readonly name = 'AssertionError'

  constructor(law: string) {
    super(law)
    Object.defineProperty(this, brand, { value: true })
  }

  /** By brand: another copy of the package agrees, and an assertion of a user's own library is none of ours. */
  static is(error: unknown): boolean {
    return error instanceof Error && brand in error
  }
}

/** The end of a switch that covers every case: the compiler checks it, and so does the run. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`)
}
