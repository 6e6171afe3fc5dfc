import { AssertionError } from './assert.ts'

/**
 * A step in a state table: throws on an arrow that is not there.
 *
 * @example
 * const next = { created: ['running', 'closed'], running: ['closed'], closed: [] } as const
 * state = step(next, state, 'running')
 */
export function step<S extends string>(table: { readonly [K in S]: readonly S[] }, from: S, to: S): S {
  if (!table[from].includes(to)) throw new AssertionError(`no arrow from ${from} to ${to}`)
  return to
}
