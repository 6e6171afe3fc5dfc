import type { DroppedRecord } from './task/drops.ts'

/**
 * A line for what is left out, where nobody listens for `dropped`: nothing goes silently. The first of each kind, then the
 * second, fourth, eighth …, so that a bad input does not flood the log.
 */
export class DropLog {
  readonly #counts = new Map<string, number>()
  readonly #write: (line: string) => void

  constructor(write: (line: string) => void) {
    this.#write = write
  }

  tell({ taskId, node, reason, detail, place }: DroppedRecord): void {
    const kind = `${node} ${reason}`
    const count = (this.#counts.get(kind) ?? 0) + 1
    this.#counts.set(kind, count)
    if ((count & (count - 1)) !== 0) return
    const what = detail === '' ? reason : `${reason}: ${detail}`
    this.#write(`millrace: task ${taskId}, ${node} left out ${place} (${what}); ${count} of this kind so far`)
  }
}
