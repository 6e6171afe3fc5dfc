import type { StateStore } from '../../../src/processor/state-store.ts'
import type { Bench, Logged } from './home.ts'

/** A commit between its rotation and its settling. */
export interface OnTheWay<R> {
  /** All rows as they were at the rotation. */
  readonly rows: R
  readonly records: readonly Logged[]
  phase: 'rotated' | 'committed' | 'written'
}

/** The commits of a store that are under way, as the runtime lets them overlap: the oldest first, two at most. */
export class CommitLine<R> {
  readonly #bench: Bench<StateStore>
  #all: OnTheWay<R>[] = []

  constructor(bench: Bench<StateStore>) {
    this.#bench = bench
  }

  get mayRotate(): boolean {
    return this.#all.length < 2 && this.#all.at(-1)?.phase !== 'rotated'
  }

  rotated(rows: R, records: readonly Logged[]): void {
    this.#all.push({ rows, records, phase: 'rotated' })
  }

  /** Commits the newest, when it is not committed yet. */
  commitNewest(): OnTheWay<R> | null {
    const newest = this.#all.at(-1)
    if (newest?.phase !== 'rotated') return null
    this.#bench.store.committed()
    newest.phase = 'committed'
    return newest
  }

  /** Takes the oldest one step further, when it is committed; gives it when it was written now. */
  async advanceOldest(): Promise<OnTheWay<R> | null> {
    const oldest = this.#all[0]
    if (oldest === undefined || oldest.phase === 'rotated') return null
    if (oldest.phase === 'written') {
      this.#bench.store.settled()
      this.#all.shift()
      return null
    }
    await this.#bench.stage().write({ sync: true })
    oldest.phase = 'written'
    return oldest
  }

  clear(): void {
    this.#all = []
  }
}
