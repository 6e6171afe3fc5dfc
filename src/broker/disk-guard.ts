import { freeBytesCheckMs } from '../base/limits.ts'
import type { Machine } from '../base/machine.ts'

/**
 * Keeps some room on the disk for what must still be written when it fills up: commits, markers, deletions. Looks at
 * most once in a while, when someone asks.
 */
export class DiskGuard {
  readonly #machine: Machine
  readonly #directory: string
  readonly #minFreeBytes: number
  #checkedAtMs = Number.NEGATIVE_INFINITY
  #freeBytes = Number.POSITIVE_INFINITY

  constructor(machine: Machine, directory: string, minFreeBytes: number) {
    this.#machine = machine
    this.#directory = directory
    this.#minFreeBytes = minFreeBytes
  }

  /** Why nothing may be produced now, or null. */
  refusal(): string | null {
    if (this.#minFreeBytes === 0) return null
    const nowMs = this.#machine.clock.monotonic()
    if (nowMs - this.#checkedAtMs >= freeBytesCheckMs) {
      this.#checkedAtMs = nowMs
      this.#freeBytes = this.#machine.files.freeBytes(this.#directory)
    }
    if (this.#freeBytes >= this.#minFreeBytes) return null
    return `${this.#freeBytes} bytes are free, min.free.bytes is ${this.#minFreeBytes}: free some space`
  }
}
