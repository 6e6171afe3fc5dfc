import { assert } from '../../base/assert.ts'
import { StreamError } from '../../base/errors.ts'

/**
 * Work that goes on while `poll` returns. Its error is thrown by the next `check`, once; being closed is no news.
 */
export class Background {
  readonly #onEnd: () => void
  #running: boolean = false
  #error: unknown = null

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd
  }

  get running(): boolean {
    return this.#running
  }

  run(work: () => Promise<void>): void {
    assert(!this.#running, 'one piece of work at a time')
    this.#running = true
    void work()
      .catch((error: unknown) => {
        if (!StreamError.is(error, 'CLOSED')) this.#error = error
      })
      .finally(() => {
        this.#running = false
        this.#onEnd()
      })
  }

  check(): void {
    const error = this.#error
    this.#error = null
    if (error !== null) throw error
  }
}
