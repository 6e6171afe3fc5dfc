/** One history by its number: of a log and its producers, or of a whole application. */
import type { Files } from '../../src/base/files.ts'
import { SeededRandom } from '../../src/base/random.ts'
import { appHistory } from './app-history.ts'
import { logHistory } from './log-history.ts'

export interface HistoryChoice {
  readonly seed: number
  readonly number: number
  /** What a planted bug makes of the disk. */
  readonly faulty: (files: Files) => Files
}

export interface HistoryTotals {
  readonly histories: number
  readonly cuts: number
  readonly acknowledged: number
  readonly committed: number
  readonly counted: number
  readonly restarts: number
}

/** Runs it; throws what its check found wrong. Each history has a seed of its own, so that it can be run alone. */
export async function history({ seed, number, faulty }: HistoryChoice): Promise<HistoryTotals> {
  const random = new SeededRandom(seed * 1_000_003 + number)
  const nothing = { histories: 1, acknowledged: 0, committed: 0, counted: 0, restarts: 0 }
  if (number % 2 === 0) return { ...nothing, ...(await logHistory({ random, faulty })) }
  return { ...nothing, ...(await appHistory({ random, faulty })) }
}
