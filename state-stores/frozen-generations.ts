import { assert } from '../src/base/assert.ts'
import { frozenGenerationsMax } from '../src/base/limits.ts'

/** What a rotation froze: bytes on their way to the engine. */
export interface FrozenGeneration<E, R> {
  /** What it holds of an entry; null when the entry did not change in it. */
  rowOf(entry: E): R | null
}

/**
 * The frozen generations of a store, at most two: while the rows of one are written, the next may be frozen and committed.
 * Its laws are those of src/processor/state-store.ts.
 *
 *   1b `add` ──> frozen ──3 `committed`──> committed ──4 `settled`──> gone: the engine has it
 */
export class FrozenGenerations<E, R, G extends FrozenGeneration<E, R>> {
  /** The newest first. */
  readonly #all: G[] = []
  /** How many of them are committed: all, or all but the newest. */
  #committedCount = 0

  /** What the task sees, the newest first: a row of a newer one hides those of the others. */
  get all(): readonly G[] {
    return this.#all
  }

  /** What queries see of them, the newest first. */
  get committedAll(): readonly G[] {
    return this.#all.slice(this.#all.length - this.#committedCount)
  }

  /** The one frozen last, whose entries the next may freeze again; null when the engine has all of them. */
  get newest(): G | null {
    return this.#all[0] ?? null
  }

  add(generation: G): void {
    const isCommitted = this.#committedCount === this.#all.length
    assert(isCommitted, 'ST3: a generation freezes when the one before is committed')
    assert(this.#all.length < frozenGenerationsMax, 'ST3: a generation freezes when the one before the last is settled')
    this.#all.unshift(generation)
  }

  /** The newest is committed. */
  committed(): G {
    const newest = this.#all[0]
    assert(newest !== undefined && this.#committedCount < this.#all.length, 'ST2: only what is frozen is committed')
    this.#committedCount++
    return newest
  }

  /** What queries see of the entry; null: what the engine has. */
  committedRowOf(entry: E): R | null {
    for (const generation of this.committedAll) {
      const row = generation.rowOf(entry)
      if (row !== null) return row
    }
    return null
  }

  /** The oldest, whose rows go to the engine next. */
  get oldestCommitted(): G {
    assert(this.#committedCount > 0, 'ST2: only what is committed is staged')
    return this.#all.at(-1)!
  }

  /** The engine has the oldest. */
  settled(): G {
    const oldest = this.oldestCommitted
    this.#all.pop()
    this.#committedCount--
    return oldest
  }

  clear(): void {
    this.#all.length = 0
    this.#committedCount = 0
  }
}
