import type { DroppedRecord } from '../runtime/task/drops.ts'

/** Records that were left out, gathered so that a flood of them becomes one line a reason. */
export class Drops {
  readonly #found = new Map<string, { count: number; last: string }>()

  count({ node, reason, place }: DroppedRecord): void {
    const what = `${node}: ${reason}`
    const found = this.#found.get(what)
    if (found === undefined) {
      this.#found.set(what, { count: 1, last: place })
      return
    }
    found.count++
    found.last = place
  }

  /** A line for each node and reason since the last call. */
  take(): string[] {
    const lines = [...this.#found].map(
      ([what, { count, last }]) => `left out ${count} records at ${what}, the last was ${last}`,
    )
    this.#found.clear()
    return lines
  }
}
