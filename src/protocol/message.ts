/**
 * What is known of one API key: its versions and its two tables. Each file of messages/ makes one.
 */
import { assert } from '../base/assert.ts'
import type { Type } from './schema.ts'

export interface Api<Request, Response> {
  readonly key: number
  /** Versions the tables describe. */
  readonly versions: readonly [min: number, max: number]
  /** The version our client speaks: one that Apache Kafka 3.5 to 4.2 all serve. */
  readonly pinned: number
  /** The oldest version that carries everything our client needs. */
  readonly oldest: number
  /** The first flexible version (KIP-482). */
  readonly flexible: number
  readonly request: Type<Request>
  readonly response: Type<Response>
}

export function api<Request, Response>(definition: Api<Request, Response>): Api<Request, Response> {
  const { versions, pinned, oldest } = definition
  assert(versions[0] <= oldest && oldest <= pinned && pinned <= versions[1], 'a pinned version is described')
  return Object.freeze(definition)
}
