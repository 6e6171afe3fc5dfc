import { assert } from '../../base/assert.ts'
import { StreamError } from '../../base/errors.ts'
import type { ActiveTask } from '../active-task.ts'
import { closeAll } from '../closing.ts'
import type { TaskId } from '../task/task-id.ts'
import type { TaskOpener } from './task-opener.ts'

interface Opening {
  readonly abort: AbortController
  readonly done: Promise<void>
  opened: readonly ActiveTask[] | null
}

/**
 * Tasks that are assigned and not yet open. They are opened beside the loop, which goes on meanwhile: the group is heard, and
 * tasks that run already work.
 */
export class PendingTasks {
  readonly #opener: TaskOpener
  readonly #onOpened: () => void
  readonly #onFailure: (error: unknown) => void
  #opening: Opening | null = null

  constructor(opener: TaskOpener, onOpened: () => void, onFailure: (error: unknown) => void) {
    this.#opener = opener
    this.#onOpened = onOpened
    this.#onFailure = onFailure
  }

  open(ids: readonly TaskId[]): void {
    assert(this.#opening === null, 'an assignment is given back before the next one')
    const abort = new AbortController()
    const done = this.#opener.open(ids, abort.signal).then((opened) => {
      opening.opened = opened
      this.#onOpened()
    })
    const opening: Opening = { abort, done, opened: null }
    done.catch((error: unknown) => {
      if (!abort.signal.aborted) this.#onFailure(error)
    })
    this.#opening = opening
  }

  /** Hands over what is open and restored; null: nothing yet. */
  take(): readonly ActiveTask[] | null {
    const opened = this.#opening?.opened ?? null
    if (opened !== null) this.#opening = null
    return opened
  }

  /** Gives up, and closes what is open. Throws what went wrong, unless it was the giving up. */
  async stop(): Promise<void> {
    const opening = this.#opening
    if (opening === null) return
    this.#opening = null
    opening.abort.abort()
    try {
      await opening.done
    } catch (error) {
      if (!StreamError.is(error, 'CLOSED')) throw error
    }
    await closeAll((opening.opened ?? []).map((active) => () => active.close()))
  }
}
