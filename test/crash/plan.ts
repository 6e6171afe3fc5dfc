import { type CrashPoint, crashPoints } from '../../src/base/crash-points.ts'
import type { Random } from '../../src/base/random.ts'

/** One way to die: at a named point the n-th time, or so many milliseconds after the start. */
export type Death =
  | { readonly kind: 'point'; readonly point: CrashPoint; readonly nth: number; readonly again?: boolean }
  | { readonly kind: 'moment'; readonly afterMs: number }

const perPoint = 5
const momentMsMax = 2500

/** A restore point is only reached when there is something to restore: the death before it leaves a committed tail. */
const leavesTail: Death = { kind: 'point', point: 'commit.4.enter', nth: 2 }

/** Deaths for a whole run: every named point `perPoint` times, the rest at random moments, in seeded order. */
export function planDeaths(random: Random, kills: number): Death[] {
  const deaths: Death[] = []
  const named = Object.keys(crashPoints) as CrashPoint[]
  for (let round = 0; round < perPoint; round++) {
    for (const point of shuffled(random, named)) {
      if (point.startsWith('restore.')) deaths.push(leavesTail, { kind: 'point', point, nth: 1 })
      // An ingest has few transactions: the airports', and one for each 2,000 rows.
      else deaths.push({ kind: 'point', point, nth: 1 + random.int(point.startsWith('ingest.') ? 2 : 4) })
    }
  }
  const chosen = deaths.slice(0, kills)
  while (chosen.length < kills) chosen.push({ kind: 'moment', afterMs: 150 + random.int(momentMsMax) })
  // Neighbours stay together: a restore point needs the death before it.
  return kills > deaths.length
    ? interleave(random, chosen.slice(0, deaths.length), chosen.slice(deaths.length))
    : chosen
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const result = [...items]
  for (let index = result.length - 1; index > 0; index--) {
    const other = random.int(index + 1)
    ;[result[index], result[other]] = [result[other]!, result[index]!]
  }
  return result
}

function interleave(random: Random, ordered: readonly Death[], others: readonly Death[]): Death[] {
  const result: Death[] = []
  let next = 0
  for (const death of ordered) {
    if (death.kind === 'point' && !death.point.startsWith('restore.')) {
      while (next < others.length && random.int(2) === 0) result.push(others[next++]!)
    }
    result.push(death)
  }
  return [...result, ...others.slice(next)]
}
