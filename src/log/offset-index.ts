import { assert } from '../base/assert.ts'
import type { Files } from '../base/files.ts'
import { EntryFile } from './entry-file.ts'

const entryBytes = 8

/**
 * The sparse .index of a segment: last offset of a batch (relative to the segment, int32) → its position (int32).
 *
 * Laws
 *  I1  offsets and positions rise strictly; `load` keeps the entries up to the first that breaks this
 *  I2  an entry is a hint: whoever follows it compares the batch it finds with the entry
 */
export class OffsetIndex {
  readonly #entries: EntryFile
  readonly #baseOffset: number

  private constructor(entries: EntryFile, baseOffset: number) {
    this.#entries = entries
    this.#baseOffset = baseOffset
  }

  static create(path: string, baseOffset: number): OffsetIndex {
    return new OffsetIndex(new EntryFile(path, entryBytes), baseOffset)
  }

  static load(files: Files, path: string, baseOffset: number, logBytes: number): OffsetIndex {
    const index = new OffsetIndex(EntryFile.load(files, path, entryBytes), baseOffset)
    let count = 0
    let offset = baseOffset - 1
    let position = -1
    while (count < index.count) {
      const nextOffset = index.offsetAt(count)
      const nextPosition = index.positionAt(count)
      if (nextOffset <= offset || nextPosition <= position || nextPosition >= logBytes) break
      offset = nextOffset
      position = nextPosition
      count++
    }
    index.#entries.truncate(count)
    return index
  }

  get count(): number {
    return this.#entries.count
  }

  get lastOffset(): number {
    return this.count === 0 ? this.#baseOffset - 1 : this.offsetAt(this.count - 1)
  }

  get lastPosition(): number {
    return this.count === 0 ? 0 : this.positionAt(this.count - 1)
  }

  offsetAt(index: number): number {
    return this.#baseOffset + this.#entries.buffer.readInt32BE(index * entryBytes)
  }

  positionAt(index: number): number {
    return this.#entries.buffer.readInt32BE(index * entryBytes + 4)
  }

  append(offset: number, position: number): void {
    assert(offset > this.lastOffset, 'I1: offsets rise strictly')
    assert(this.count === 0 || position > this.lastPosition, 'I1: positions rise strictly')
    assert(offset - this.#baseOffset <= 0x7fffffff, 'relative offsets have 32 bits')
    const at = this.#entries.add()
    this.#entries.buffer.writeInt32BE(offset - this.#baseOffset, at)
    this.#entries.buffer.writeInt32BE(position, at + 4)
  }

  /** The number of the last entry whose offset is at most `offset`; -1 when there is none. */
  lookup(offset: number): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.offsetAt(middle) <= offset) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  /** Forgets entries from `offset` on. */
  truncateFrom(offset: number): void {
    this.#entries.truncate(this.lookup(offset - 1) + 1)
  }

  /** Is the file other than `load` left the entries? */
  get dirty(): boolean {
    return this.#entries.dirty
  }

  get unsynced(): boolean {
    return this.#entries.unsynced
  }

  flush(files: Files): void {
    this.#entries.flush(files)
  }

  sync(files: Files): Promise<void> {
    return this.#entries.sync(files)
  }
}
