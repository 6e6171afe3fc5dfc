import { assert } from '../src/base/assert.ts'
import { step } from '../src/base/state-table.ts'

/**
 * How far the frozen generation of a store is in its commit. Its laws are those of src/processor/state-store.ts.
 *
 *   settled ──1b rotate──> frozen ──3 committed──> committed ──4 settled──> settled
 */
const next = { settled: ['frozen'], frozen: ['committed'], committed: ['settled'] } as const

export class FrozenPhase {
  #now: keyof typeof next = 'settled'

  /** May queries see it, though the engine does not have it yet? */
  get isCommitted(): boolean {
    return this.#now === 'committed'
  }

  freeze(): void {
    assert(this.#now === 'settled', 'ST3: the frozen generation is settled before the next one freezes')
    this.#now = step(next, this.#now, 'frozen')
  }

  committed(): void {
    this.#now = step(next, this.#now, 'committed')
  }

  assertStaged(): void {
    assert(this.#now === 'committed', 'ST2: only what is committed is staged')
  }

  settled(): void {
    this.#now = step(next, this.#now, 'settled')
  }
}
