import { assert } from '../base/assert.ts'
import { readInt64, writeInt64 } from '../base/bytes.ts'
import type { Files } from '../base/files.ts'
import { type EntryDigest, EntryFile } from './entry-file.ts'

const entryBytes = 12

/**
 * The sparse .timeindex of a segment: (largest timestamp so far, int64; last offset of the batch that has it, relative,
 * int32).
 *
 * Laws
 *  T1  timestamps rise strictly, offsets rise
 *  T2  no record up to the offset of an entry has a larger timestamp than the entry
 *  T3  an index that was loaded has the entries of its digest: one that lacks some would say that there is no such record
 */
export class TimeIndex {
  readonly #entries: EntryFile
  readonly #baseOffset: number

  private constructor(entries: EntryFile, baseOffset: number) {
    this.#entries = entries
    this.#baseOffset = baseOffset
  }

  static create(path: string, baseOffset: number): TimeIndex {
    return new TimeIndex(new EntryFile(path, entryBytes), baseOffset)
  }

  /** An empty one that takes the place of whatever is on the disk. */
  static anew(files: Files, path: string, baseOffset: number): TimeIndex {
    return new TimeIndex(EntryFile.anew(files, path, entryBytes), baseOffset)
  }

  /** T3: null when the file is not what the digest says. Entries behind those of the digest are left out. */
  static load(files: Files, path: string, baseOffset: number, digest: EntryDigest): TimeIndex | null {
    const entries = EntryFile.loadKnown(files, path, entryBytes, digest)
    return entries === null ? null : new TimeIndex(entries, baseOffset)
  }

  digest(): EntryDigest {
    return this.#entries.digest()
  }

  get count(): number {
    return this.#entries.count
  }

  timestampAt(index: number): number {
    return readInt64(this.#entries.buffer, index * entryBytes)
  }

  offsetAt(index: number): number {
    return this.#baseOffset + this.#entries.buffer.readInt32BE(index * entryBytes + 8)
  }

  /** Takes an entry in when it says something new. */
  offer(timestampMs: number, offset: number): void {
    if (this.count > 0 && timestampMs <= this.timestampAt(this.count - 1)) return
    assert(this.count === 0 || offset > this.offsetAt(this.count - 1), 'T1: offsets rise')
    assert(offset >= this.#baseOffset, 'T1: an entry points into its segment')
    const at = this.#entries.add()
    writeInt64(this.#entries.buffer, timestampMs, at)
    this.#entries.buffer.writeInt32BE(offset - this.#baseOffset, at + 8)
  }

  /** T2: where to begin looking for the first record with at least this timestamp. */
  lookup(timestampMs: number): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.timestampAt(middle) < timestampMs) low = middle + 1
      else high = middle
    }
    return low === 0 ? this.#baseOffset : this.offsetAt(low - 1)
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
