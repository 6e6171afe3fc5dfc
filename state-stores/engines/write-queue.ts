/**
 * One LevelDB write in flight per process: four at once raise an fdatasync from 0.25 to 34 ms, and a commit waits for the
 * slowest of its tasks. Writes run in the order in which they were asked for; one that fails does not stop the next.
 */
class WriteQueue {
  #last: Promise<unknown> = Promise.resolve()

  run(write: () => Promise<void>): Promise<void> {
    const result = this.#last.then(write)
    this.#last = result.catch(() => undefined)
    return result
  }
}

export const levelWrites = new WriteQueue()
