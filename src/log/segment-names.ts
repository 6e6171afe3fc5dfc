import { join } from 'node:path'

/** Kafka's file names: the base offset in 20 digits, then what the file is. */
export type SegmentPart = '.log' | '.index' | '.timeindex' | '.txnindex'

export function segmentPath(directory: string, baseOffset: number, part: SegmentPart | '.snapshot'): string {
  return join(directory, `${String(baseOffset).padStart(20, '0')}${part}`)
}

/** The offset in a name like 00000000000000000042.log; null for any other name. */
export function offsetOfName(name: string, part: string): number | null {
  if (name.length !== 20 + part.length || !name.endsWith(part)) return null
  const digits = name.slice(0, 20)
  if (!/^\d{20}$/.test(digits)) return null
  const offset = Number(digits)
  return Number.isSafeInteger(offset) ? offset : null
}
