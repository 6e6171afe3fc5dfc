/** What headers are, for callers without types: in what is sent or fed, and in what a processor forwards. */
import type { Header } from './serde.ts'

/** What to give instead. */
export const headersWanted = 'a list of { key: text, value: bytes or null }'

export function areHeaders(headers: unknown): boolean {
  return Array.isArray(headers) && headers.every(isHeader)
}

function isHeader(header: Header | null | undefined): boolean {
  return typeof header?.key === 'string' && (header.value === null || Buffer.isBuffer(header.value))
}
