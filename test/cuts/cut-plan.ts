/**
 * When the power goes in one life, and what time does until then. All of it is drawn before the life begins, from the seed.
 *
 * Where a cut hurts most is where the disk is being told something that counts: so most of the cuts fall a few steps after
 * such a moment, the others anywhere.
 */
import type { Random } from '../../src/base/random.ts'

export type LifeEnd = 'cut' | 'kill'

export interface CutPlan {
  /** Does the power go, or only the process? Some damage takes both: a death, and a cut before the next life has synced. */
  readonly end: LifeEnd
  /** The power goes so many steps after the work has begun, at the latest. */
  readonly stepsMax: number
  /** It may go before: so many steps after the machine was switched on. */
  readonly fromBeginning: boolean
  /** The power goes `delay` steps after the disk saw `moment` for the `nth` time. */
  readonly moment: RegExp | null
  readonly nth: number
  readonly delay: number
  /** Before the work begins so much time passes, in ms: the next checkpoint is near then. */
  readonly idleMs: number
  /** The clock moves by less than this in a step that moves it, in ms. */
  readonly strideMs: number
  /** From this step of the work on everything is closed in order, and the power goes afterwards, or meanwhile. null: no such step. */
  readonly stopAt: number | null
}

/** What the disk sees, and how often it may see it before. */
type Moment = readonly [event: RegExp, nthMax: number]

const checkpointMoments: readonly Moment[] = [
  [/^write .*\.snapshot$/, 8],
  [/^sync .*\.(snapshot|txnindex)$/, 8],
  [/^rename .*leader-epoch-checkpoint$/, 8],
  [/^rename .*segment-checkpoint$/, 8],
  [/^write .*recovery-point-offset-checkpoint/, 1],
  [/^rename .*recovery-point-offset-checkpoint$/, 1],
  [/^rename .*log-start-offset-checkpoint$/, 1],
]

const commitMoments: readonly Moment[] = [
  [/^sync .*__consumer_offsets-0\/.*\.log$/, 20],
  [/^sync .*__transaction_state-0\/.*\.log$/, 30],
  [/^write .*__transaction_state-0\/.*\.log$/, 40],
]

/** While segments are synced one after the other, and their names are not yet. */
const segmentMoments: readonly Moment[] = [
  [/^sync .*\/even-0\/.*\.log$/, 12],
  [/^sync .*\/(even|counts)-0$/, 4],
]

/** How long until a round of checkpoints has been seen whole. */
const checkpointSteps = 600
const strideMsCalm = 4
const kinds = ['stop', 'checkpoint', 'checkpoint', 'commit', 'commit', 'segments', 'anywhere', 'anywhere'] as const
type Kind = (typeof kinds)[number]

/** In half of the histories all cuts are of one kind: some damage takes two of them in a row. */
export function drawHabit(random: Random): Kind | null {
  const kind = kinds[random.int(kinds.length)]!
  return random.int(2) === 0 ? kind : null
}

/** @param steps how long the work goes on at most, mostly */
export function drawPlan(random: Random, steps: number, habit: Kind | null): CutPlan {
  const drawn = kinds[random.int(kinds.length)]!
  const kind = habit ?? drawn
  const hurried = kind === 'checkpoint' || random.int(3) === 0
  const idleMs = hurried ? 28_500 + random.int(1_500) : 0
  const strideMs = hurried ? 100 + random.int(400) : strideMsCalm
  const stepsMax = 10 + random.int(steps)
  const end: LifeEnd = random.int(4) === 0 ? 'kill' : 'cut'
  const fromBeginning = kind === 'anywhere'
  const plan = { end, stepsMax, fromBeginning, moment: null, nth: 0, delay: 0, idleMs, strideMs, stopAt: null }
  switch (kind) {
    case 'stop':
      return { ...plan, stopAt: stepsMax, stepsMax: stepsMax + (random.int(2) === 0 ? random.int(80) : 5000) }
    case 'checkpoint':
      return { ...plan, stepsMax: steps + checkpointSteps, ...drawMoment(random, checkpointMoments, 12) }
    case 'commit':
      return { ...plan, stepsMax: steps, ...drawMoment(random, commitMoments, 8) }
    case 'segments':
      return { ...plan, ...drawMoment(random, segmentMoments, 4) }
    case 'anywhere':
      return plan
  }
}

function drawMoment(
  random: Random,
  moments: readonly Moment[],
  delayMax: number,
): Pick<CutPlan, 'moment' | 'nth' | 'delay'> {
  const [moment, nthMax] = moments[random.int(moments.length)]!
  return { moment, nth: 1 + random.int(nthMax), delay: random.int(delayMax) }
}
