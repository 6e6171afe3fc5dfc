import { inspect } from 'node:util'
import { messageOf, StreamError } from '../src/base/errors.ts'

const codePrefix = /^SERDE_FAILED: /

/** A value, or the key itself, that its serde cannot write: says of which row, or which window of a key. */
export function unwritable(storeName: string, key: unknown, cause: unknown, startMs?: number): StreamError {
  const window = startMs === undefined ? '' : `, window from ${startMs}`
  return new StreamError(
    'SERDE_FAILED',
    `store '${storeName}', key ${shown(key)}${window}: ${messageOf(cause).replace(codePrefix, '')}`,
    { cause },
  )
}

function shown(key: unknown): string {
  const text = inspect(key, { depth: 2, breakLength: Number.POSITIVE_INFINITY, compact: true })
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
