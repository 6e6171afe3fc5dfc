import { StreamError } from '../base/errors.ts'
import { freeBytesCheckMs } from '../base/limits.ts'
import type { Machine } from '../base/machine.ts'

/**
 * Keeps some room on the disk for what must still be written when it fills up: commits, markers, deletions. Looks when
 * someone asks and either a while has passed or what was written since the last look may have used up the room.
 */
export class DiskGuard {
  /** Called when the disk is found full; again only after something could be written. */
  onFull: ((error: StreamError) => void) | null = null
  readonly #machine: Machine
  readonly #directory: string
  readonly #minFreeBytes: number
  #checkedAtMs = Number.NEGATIVE_INFINITY
  #freeBytes = Number.POSITIVE_INFINITY
  /** Since the last look. */
  #writtenBytes = 0
  #full: StreamError | null = null

  constructor(machine: Machine, directory: string, minFreeBytes: number) {
    this.#machine = machine
    this.#directory = directory
    this.#minFreeBytes = minFreeBytes
  }

  /** Why nothing can be produced, as it was found last; null while it can. */
  get full(): StreamError | null {
    return this.#full
  }

  /** Why nothing may be produced now (DISK_FULL), or null. */
  refusal(): StreamError | null {
    if (this.#minFreeBytes === 0) return null
    const nowMs = this.#machine.clock.monotonic()
    const usedUp = this.#writtenBytes > 0 && this.#freeBytes - this.#writtenBytes < this.#minFreeBytes
    if (usedUp || nowMs - this.#checkedAtMs >= freeBytesCheckMs) {
      this.#checkedAtMs = nowMs
      this.#writtenBytes = 0
      this.#freeBytes = this.#machine.files.freeBytes(this.#directory)
    }
    if (this.#freeBytes >= this.#minFreeBytes) return null
    const what = `${this.#freeBytes} bytes are free in ${this.#directory}, min.free.bytes is ${this.#minFreeBytes}`
    return this.refused(new StreamError('DISK_FULL', `${what}: free some space`))
  }

  written(bytes: number): void {
    this.#writtenBytes += bytes
    this.#full = null
  }

  /** The disk had no room for a write. */
  refused(error: StreamError): StreamError {
    if (this.#full === null) this.onFull?.(error)
    this.#full = error
    return error
  }
}
