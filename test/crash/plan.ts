import { type CrashPoint, crashPoints } from '../../src/base/crash-points.ts'
import type { Random } from '../../src/base/random.ts'

/** One way to die: at a named point the n-th time, or so many milliseconds after the start. */
export type Death =
  | { readonly kind: 'point'; readonly point: CrashPoint; readonly nth: number }
  | { readonly kind: 'moment'; readonly afterMs: number }

/** What is planned as one: a death at a named point, with the one that has to come before it; or one at a moment. */
export interface Unit {
  readonly deaths: readonly Death[]
  /** How often it did not come about. */
  readonly missed: number
}

export const perPoint = 5
export const pointNames = Object.keys(crashPoints) as CrashPoint[]
const momentMsMax = 2500
/** A file of the short kind has about this many commits; only a long one has more, in a run from its beginning. */
const shortNthMax = 4
const longNthMax = 12
const missesMax = 6
const ingestPerStory = 2
const momentsMin = 10

/** A restore point is only reached when there is something to restore: the death before it leaves a committed tail. */
const leavesTail: Death = { kind: 'point', point: 'commit.4.enter', nth: 2 }

/** Kills that are enough for each point `perPoint` times, and some at random moments. */
export const killsForEveryPoint = perPoint * (pointNames.length + pointNames.filter(isRestore).length) + momentsMin

function isRestore(point: CrashPoint): boolean {
  return point.startsWith('restore.')
}

/**
 * The deaths of a whole run, dealt to stories as they unfold: whether a death comes about depends on how much of the story is
 * left, so one that did not is planned anew, earlier in a later story, until it did or was missed too often.
 *
 * Law
 *  P1  every unit is in one queue, at hand in a story, done, or `unreachable`
 */
export class Plan {
  /** Missed too often: their points. */
  readonly unreachable: string[] = []
  readonly #random: Random
  /** Only there to be met while the ingest is not over. */
  readonly #ingest: Unit[] = []
  /** Met for certain only by a run from the beginning of a long file. */
  readonly #long: Unit[] = []
  readonly #short: Unit[] = []
  readonly #moments: Unit[] = []
  #ingestInStory = 0

  constructor(random: Random, kills: number) {
    this.#random = random
    const moments = kills >= killsForEveryPoint ? momentsMin : Math.min(momentsMin, Math.ceil(kills / 8))
    let left = kills - moments
    for (const unit of pointUnits(random)) {
      if (unit.deaths.length > left) continue
      left -= unit.deaths.length
      this.#queueOf(unit).push(unit)
    }
    for (left += moments; left > 0; left--) this.#moments.push(moment(random))
  }

  /** Deaths that are still to come. */
  get left(): number {
    const units = [...this.#ingest, ...this.#long, ...this.#short, ...this.#moments]
    return units.reduce((sum, { deaths }) => sum + deaths.length, 0)
  }

  /** A story begins. Does it want a long file? */
  begin(): { readonly long: boolean } {
    this.#ingestInStory = 0
    return { long: this.#long.length > 0 }
  }

  /** The next one for the story: while its ingest is not over what needs that, then what comes about anywhere. */
  take(ingested: boolean): Unit | null {
    if (this.#moments.length > 0 && this.#random.int(this.left) < this.#moments.length) return this.#moments.shift()!
    if (!ingested && this.#ingest.length > 0 && this.#ingestInStory++ < ingestPerStory) return this.#ingest.shift()!
    if (!ingested && this.#long.length > 0) return this.#long.shift()!
    return this.#short.shift() ?? this.#moments.shift() ?? null
  }

  /** It did not come about: again, in a story's beginning and sooner. */
  missed(unit: Unit): void {
    const again: Unit = { deaths: unit.deaths.map(sooner), missed: unit.missed + 1 }
    const last = unit.deaths.at(-1)!
    if (last.kind === 'moment') this.#moments.push(again)
    else if (again.missed >= missesMax) this.unreachable.push(last.point)
    else this.#queueOf(again).unshift(again)
  }

  #queueOf({ deaths, missed }: Unit): Unit[] {
    const first = deaths[0]!
    if (first.kind === 'moment') return this.#moments
    if (first.point.startsWith('ingest.')) return this.#ingest
    return first.nth > shortNthMax || missed > 0 ? this.#long : this.#short
  }
}

function sooner(death: Death): Death {
  if (death.kind === 'moment') return { ...death, afterMs: Math.ceil(death.afterMs / 2) }
  return { ...death, nth: Math.ceil(death.nth / 2) }
}

function moment(random: Random): Unit {
  return { deaths: [{ kind: 'moment', afterMs: 150 + random.int(momentMsMax) }], missed: 0 }
}

/** Every named point `perPoint` times, so that a part of it has as many points as it can. */
function pointUnits(random: Random): Unit[] {
  const units: Unit[] = []
  for (let round = 0; round < perPoint; round++) {
    for (const point of shuffled(random, pointNames)) {
      const death: Death = { kind: 'point', point, nth: nthOf(random, point) }
      units.push({ deaths: isRestore(point) ? [leavesTail, death] : [death], missed: 0 })
    }
  }
  return units
}

function nthOf(random: Random, point: CrashPoint): number {
  if (isRestore(point)) return 1
  // An ingest has few transactions: the airports', and one for each 2,000 rows.
  if (point.startsWith('ingest.')) return 1 + random.int(2)
  const long = point.startsWith('commit.') && random.int(2) === 0
  return long ? shortNthMax + 1 + random.int(longNthMax - shortNthMax) : 1 + random.int(shortNthMax)
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const result = [...items]
  for (let index = result.length - 1; index > 0; index--) {
    const other = random.int(index + 1)
    ;[result[index], result[other]] = [result[other]!, result[index]!]
  }
  return result
}
