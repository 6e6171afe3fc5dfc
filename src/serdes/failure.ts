import { StreamError } from '../base/errors.ts'

/** Bytes that are not what this serde wrote. */
export function malformed(serde: string, what: string, options?: { cause: unknown }): StreamError {
  return new StreamError(
    'SERDE_FAILED',
    `${serde} cannot read ${what}; check which serde the topic was written with`,
    options,
  )
}

/** A value that is not of this serde's type: the compiler was told otherwise. */
export function unfit(serde: string, value: unknown, wanted: string, options?: { cause: unknown }): StreamError {
  return new StreamError('SERDE_FAILED', `${serde} cannot write ${show(value)}; give it ${wanted}`, options)
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'object' && value !== null) return `a ${value.constructor?.name ?? 'object'}`
  return String(value)
}
