import { engineWritesInFlightMax } from '../../src/base/limits.ts'

/**
 * So many LevelDB writes are in flight per process: the tasks of a commit write side by side, and fdatasyncs that come together
 * share the file system's work. They may hold every thread of libuv's pool (four, unless UV_THREADPOOL_SIZE says otherwise); a
 * sync of the log then waits for the first of them, not for a queue. Begun in the order asked for; one that fails does not stop
 * the others.
 */
class WriteQueue {
  #inFlight = 0
  readonly #waiting: (() => void)[] = []

  async run(write: () => Promise<void>): Promise<void> {
    if (this.#inFlight < engineWritesInFlightMax) this.#inFlight++
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      await write()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#inFlight--
      else next()
    }
  }
}

export const levelWrites = new WriteQueue()
