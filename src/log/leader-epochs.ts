import { join } from 'node:path'
import { assert } from '../base/assert.ts'
import { StreamError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { encodeCheckpoint, parseCheckpoint, parseNumber, replaceFile } from './checkpoint-file.ts'
import type { EpochEnd } from './log-config.ts'

const fileName = 'leader-epoch-checkpoint'

export interface EpochStart {
  readonly epoch: number
  readonly startOffset: number
}

/**
 * Which leader epoch began at which offset. Every start of the broker is a new epoch, so a reader that remembers
 * (epoch, offset) learns when other data stands behind the same offset.
 *
 * Its file is Kafka's, and has no checksum: it is believed only where the segment-checkpoint is lost.
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

  /**
   * Takes in what the checkpoint knew, or else what the file says of offsets below `endOffset`. False: neither tells, and
   * what the batches say must be taken in by `assign`. Throws LOG_CORRUPT when an epoch is not below `nextEpoch`.
   */
  load(known: readonly EpochStart[] | null, endOffset: number, nextEpoch: number): boolean {
    const bytes = this.#files.exists(this.#path) ? this.#files.read(this.#path) : null
    const found = known ?? parseEpochs(bytes, nextEpoch)?.filter((start) => start.startOffset < endOffset) ?? []
    this.#starts = [...found]
    this.#dirty = bytes === null ? found.length > 0 : !bytes.equals(this.#encode())
    if (this.latest >= nextEpoch) {
      throw new StreamError(
        'LOG_CORRUPT',
        `${this.#path} goes up to life ${this.latest} of this folder, and log-directory.json says that number ${nextEpoch} begins; restore both from the same copy of the data folder`,
      )
    }
    return known !== null || found.length > 0 || endOffset === 0
  }

  get starts(): readonly EpochStart[] {
    return this.#starts
  }

  /** Is the file other than it should be? */
  get dirty(): boolean {
    return this.#dirty
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
      await replaceFile(this.#files, this.#path, this.#encode())
    } catch (error) {
      this.#dirty = true
      throw error
    }
  }

  #encode(): Buffer {
    return encodeCheckpoint(this.#starts.map((start) => [start.epoch, start.startOffset]))
  }
}

/** E1: null when the file is not there, or cannot be what was written. */
function parseEpochs(bytes: Buffer | null, nextEpoch: number): EpochStart[] | null {
  const lines = bytes === null ? null : parseCheckpoint(bytes)
  if (lines === null) return null
  const starts: EpochStart[] = []
  for (const line of lines) {
    const [epoch, startOffset] = line.map(parseNumber)
    const last = starts.at(-1)
    if (epoch == null || startOffset == null || line.length !== 2 || epoch >= nextEpoch) return null
    if (last !== undefined && (epoch <= last.epoch || startOffset <= last.startOffset)) return null
    starts.push({ epoch, startOffset })
  }
  return starts
}
