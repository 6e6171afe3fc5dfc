import { join } from 'node:path'
import { assert } from '../base/assert.ts'
import { StreamError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { encodeCheckpoint, readCheckpoint, replaceFile } from './checkpoint-file.ts'
import type { EpochEnd } from './log-config.ts'

const fileName = 'leader-epoch-checkpoint'

interface EpochStart {
  readonly epoch: number
  readonly startOffset: number
}

/**
 * Which leader epoch began at which offset. Every start of the broker is a new epoch, so a reader that remembers
 * (epoch, offset) learns when other data stands behind the same offset.
 *
 * Laws
 *  E1  epochs and start offsets rise strictly
 */
export class LeaderEpochs {
  readonly #files: Files
  readonly #path: string
  #starts: EpochStart[] = []
  #dirty = false

  constructor(files: Files, directory: string) {
    this.#files = files
    this.#path = join(directory, fileName)
  }

  /** Loads the file; entries from `endOffset` on are derived again from the batches. */
  load(endOffset: number): void {
    if (!this.#files.exists(this.#path)) return
    for (const [epoch, startOffset] of readCheckpoint(this.#files, this.#path)) {
      const start = { epoch: Number(epoch), startOffset: Number(startOffset) }
      const last = this.#starts.at(-1)
      if (
        !Number.isSafeInteger(start.epoch) ||
        !Number.isSafeInteger(start.startOffset) ||
        (last !== undefined && start.epoch <= last.epoch)
      ) {
        throw new StreamError(
          'LOG_CORRUPT',
          `${this.#path} is damaged: epoch ${epoch} from offset ${startOffset}; delete this file`,
        )
      }
      if (start.startOffset < endOffset) this.#starts.push(start)
    }
  }

  get latest(): number {
    return this.#starts.at(-1)?.epoch ?? -1
  }

  /** The epoch of the batch at this offset; -1 when it is not known. */
  epochAt(offset: number): number {
    for (let index = this.#starts.length - 1; index >= 0; index--) {
      if (this.#starts[index]!.startOffset <= offset) return this.#starts[index]!.epoch
    }
    return -1
  }

  /** A batch of this epoch begins at the offset. An epoch that wrote nothing leaves no trace. */
  assign(epoch: number, startOffset: number): void {
    if (epoch <= this.latest) return
    while (this.#starts.length > 0 && this.#starts.at(-1)!.startOffset >= startOffset) this.#starts.pop()
    assert(epoch > this.latest, 'E1: epochs rise')
    this.#starts.push({ epoch, startOffset })
    this.#dirty = true
  }

  /** The log begins at `startOffset` now. */
  truncateBefore(startOffset: number): void {
    let keep = 0
    while (keep + 1 < this.#starts.length && this.#starts[keep + 1]!.startOffset <= startOffset) keep++
    const first = this.#starts[keep]
    if (first === undefined || first.startOffset >= startOffset) return
    this.#starts = [{ epoch: first.epoch, startOffset }, ...this.#starts.slice(keep + 1)]
    this.#dirty = true
  }

  /** Where the largest epoch that is at most `epoch` ends; -1, -1 when the epoch is in the future. */
  endOf(epoch: number, currentEpoch: number, endOffset: number): EpochEnd {
    if (epoch === currentEpoch) return { leaderEpoch: epoch, endOffset }
    if (epoch < 0 || epoch > currentEpoch) return { leaderEpoch: -1, endOffset: -1 }
    const next = this.#starts.findIndex((start) => start.epoch > epoch)
    if (next === 0) return { leaderEpoch: epoch, endOffset: this.#starts[0]!.startOffset }
    const floor = next < 0 ? this.#starts.at(-1) : this.#starts[next - 1]
    return { leaderEpoch: floor?.epoch ?? epoch, endOffset: next < 0 ? endOffset : this.#starts[next]!.startOffset }
  }

  async save(): Promise<void> {
    if (!this.#dirty) return
    this.#dirty = false
    try {
      await replaceFile(
        this.#files,
        this.#path,
        encodeCheckpoint(this.#starts.map((start) => [start.epoch, start.startOffset])),
      )
    } catch (error) {
      this.#dirty = true
      throw error
    }
  }
}
