import { assert } from '../base/assert.ts'
import type { Files } from '../base/files.ts'
import { type EntryDigest, EntryFile } from './entry-file.ts'

const entryBytes = 8

/**
 * The sparse .index of a segment: last offset of a batch (relative to the segment, int32) → its position (int32).
 *
 * Laws
 *  I1  offsets and positions rise strictly
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

  /** An empty one that takes the place of whatever is on the disk. */
  static anew(files: Files, path: string, baseOffset: number): OffsetIndex {
    return new OffsetIndex(EntryFile.anew(files, path, entryBytes), baseOffset)
  }

  /** Null when the file is not what the digest says. Entries behind those of the digest are left out. */
  static load(files: Files, path: string, baseOffset: number, digest: EntryDigest): OffsetIndex | null {
    const entries = EntryFile.loadKnown(files, path, entryBytes, digest)
    return entries === null ? null : new OffsetIndex(entries, baseOffset)
  }

  digest(): EntryDigest {
    return this.#entries.digest()
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

  /** Forgets all entries. */
  clear(): void {
    this.#entries.truncate(0)
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
