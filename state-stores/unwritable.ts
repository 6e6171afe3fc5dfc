import { messageOf, StreamError } from '../src/base/errors.ts'

const codePrefix = /^SERDE_FAILED: /

/** A value that its serde cannot write: says of which row. `place` is what a window is named by, over its key. */
export function unwritable(storeName: string, key: unknown, cause: unknown, place = ''): StreamError {
  return new StreamError(
    'SERDE_FAILED',
    `store '${storeName}', key ${shown(key)}${place}: ${messageOf(cause).replace(codePrefix, '')}`,
    { cause },
  )
}

function shown(key: unknown): string {
  if (typeof key === 'bigint') return `${key}n`
  const text = Buffer.isBuffer(key) ? `0x${key.toString('hex')}` : (JSON.stringify(key) ?? String(key))
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
