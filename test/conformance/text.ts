/**
 * How keys, values and bytes look as text, and the serdes a scenario can name.
 *
 * Text: a string as it is, a long in decimal, a windowed key as `key@start/end`, null as null.
 * Bytes: the text when it is printable UTF-8 and does not begin with `0x`, else `0x` and lower-case hex.
 */
import type { ByteWriter } from '../../src/base/bytes.ts'
import type { Headers, Serde } from '../../src/base/serde.ts'
import { bigint64, string } from '../../src/serdes/index.ts'
import { timeWindowed, Windowed } from '../../src/serdes/windowed.ts'

export function textOf(thing: unknown): string | null {
  if (thing === null || thing === undefined) return null
  if (thing instanceof Windowed) return `${shown(thing.key)}@${thing.startMs}/${thing.endMs}`
  return String(thing)
}

/** As `textOf`, with null written out. */
export function shown(thing: unknown): string {
  return textOf(thing) ?? 'null'
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function textOfBytes(bytes: Buffer | null): string | null {
  if (bytes === null) return null
  const text = decoded(bytes)
  return text === null || !printable(text) || text.startsWith('0x') ? `0x${bytes.toString('hex')}` : text
}

function decoded(bytes: Buffer): string | null {
  try {
    return decoder.decode(bytes)
  } catch {
    return null // not UTF-8: shown as hex
  }
}

function printable(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x20 || (unit >= 0x7f && unit < 0xa0)) return false
  }
  return true
}

/** The inverse of `textOfBytes`. */
export function bytesOfText(text: string | null): Buffer | null {
  if (text === null) return null
  return text.startsWith('0x') ? Buffer.from(text.slice(2), 'hex') : Buffer.from(text, 'utf8')
}

/** `{n=v,n=v}`, in order. */
export function shownHeaders(headers: Headers): string {
  return `{${headers.map(({ key, value }) => `${key}=${shown(textOfBytes(value))}`).join(',')}}`
}

/** Writes the text of anything, reads strings. */
export const text: Serde<unknown> = {
  name: 'text',
  encode(value: unknown, into: ByteWriter): void {
    const written = textOf(value)
    if (written === null) throw new Error('null has no text')
    string.encode(written, into)
  },
  decode: (bytes: Buffer, start: number, end: number): unknown => string.decode(bytes, start, end),
}

/** A long: a number where that is exact, else a bigint. Text of either is the same. */
const long: Serde<unknown> = {
  name: 'long',
  encode(value: unknown, into: ByteWriter): void {
    if (typeof value !== 'number' && typeof value !== 'bigint') throw new Error(`${shown(value)} is no long`)
    bigint64.encode(BigInt(value), into)
  },
  decode(bytes: Buffer, start: number, end: number): unknown {
    const value = bigint64.decode(bytes, start, end)
    return Number.isSafeInteger(Number(value)) ? Number(value) : value
  },
}

/** Text that refuses to be written when it is `refused`. */
function failing(refused: string): Serde<unknown> {
  return {
    name: `failing(${refused})`,
    encode(value: unknown, into: ByteWriter): void {
      if (textOf(value) === refused) throw new Error(`refused: ${refused}`)
      text.encode(value, into)
    },
    decode: text.decode,
  }
}

/** The serdes by the names a scenario gives them; null: there is none of that name here. */
export function serdeNamed(name: string): Serde<unknown> | null {
  const colon = name.indexOf(':')
  const argument = colon < 0 ? '' : name.slice(colon + 1)
  switch (colon < 0 ? name : name.slice(0, colon)) {
    case 'text':
      return text
    case 'long':
      return long
    case 'timeWindowed':
      return timeWindowed(text, Number(argument)) as Serde<unknown>
    case 'failing':
      return failing(argument)
    default:
      return null
  }
}
