/** Time windows: tumbling ones, aligned to 1970, `[start, start + size)`. */
import { StreamError } from '../src/base/errors.ts'
import { anything, checkOptions, shown } from '../src/base/option-checks.ts'

export interface TumblingWindows {
  readonly sizeMs: number
  /** How long after its end a window still takes late records, in stream time. */
  readonly graceMs: number
}

/**
 * Windows of `sizeMs` that neither overlap nor leave gaps. A record is late, left out and counted, when its window's end is at
 * or before the largest timestamp seen minus `graceMs` (default 0). Throws TOPOLOGY_INVALID unless the size is a positive and the
 * grace a non-negative whole number of milliseconds.
 *
 * @example
 * stream.groupByKey().windowedBy(tumbling(60_000, { graceMs: 5_000 })).count()
 */
export function tumbling(sizeMs: number, options: { readonly graceMs?: number } = {}): TumblingWindows {
  checkOptions('tumbling', options, { graceMs: anything }, 'TOPOLOGY_INVALID')
  const { graceMs = 0 } = options
  if (!isSize(sizeMs)) {
    throw new StreamError(
      'TOPOLOGY_INVALID',
      `windows of ${shown(sizeMs)} ms; give a positive whole number of milliseconds`,
    )
  }
  if (!isGrace(graceMs, sizeMs)) {
    throw new StreamError(
      'TOPOLOGY_INVALID',
      `a grace of ${shown(graceMs)} ms; give a whole number of milliseconds from 0 on`,
    )
  }
  return Object.freeze({ sizeMs, graceMs })
}

/** For callers without types. */
export function isTumbling(windows: object): boolean {
  const { sizeMs, graceMs }: { readonly [Name in keyof TumblingWindows]?: unknown } = windows
  return isSize(sizeMs) && isGrace(graceMs, sizeMs)
}

function isSize(sizeMs: unknown): sizeMs is number {
  return Number.isSafeInteger(sizeMs) && Number(sizeMs) > 0
}

function isGrace(graceMs: unknown, sizeMs: number): boolean {
  return Number.isSafeInteger(graceMs) && Number(graceMs) >= 0 && Number.isSafeInteger(sizeMs + Number(graceMs))
}
