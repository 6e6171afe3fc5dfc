import { assert } from '../base/assert.ts'
import { readInt64, writeInt64 } from '../base/bytes.ts'
import { StreamError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { EntryFile } from './entry-file.ts'
import type { AbortedTransaction } from './log-config.ts'

const entryBytes = 34
const version = 0

/** A transaction that ended in an abort marker at `lastOffset`. */
export interface AbortedEntry extends AbortedTransaction {
  readonly lastOffset: number
  /** Below it nothing was open when the marker was written: a reader below it needs no later entry. */
  readonly lastStableOffset: number
}

/**
 * The .txnindex of a segment: the aborted transactions whose marker lies in it, in order of their markers.
 * A missing entry would show aborted records, so this index is synced before the recovery point passes it, and damage
 * is LOG_CORRUPT, never a guess.
 *
 * Laws
 *  A1  lastOffset rises strictly, firstOffset < lastOffset
 */
export class TransactionIndex {
  readonly #entries: EntryFile

  private constructor(entries: EntryFile) {
    this.#entries = entries
  }

  static create(path: string): TransactionIndex {
    return new TransactionIndex(new EntryFile(path, entryBytes))
  }

  /** Keeps what lies below `endOffset`; entries past it are derived again. */
  static load(files: Files, path: string, endOffset: number): TransactionIndex {
    const index = new TransactionIndex(EntryFile.load(files, path, entryBytes))
    let lastOffset = -1
    for (let number = 0; number < index.count; number++) {
      const entry = index.#at(number)
      const sound =
        index.#entries.buffer.readInt16BE(number * entryBytes) === version &&
        entry.lastOffset > lastOffset &&
        entry.firstOffset < entry.lastOffset
      if (sound && entry.lastOffset < endOffset) {
        lastOffset = entry.lastOffset
        continue
      }
      index.#entries.truncate(number)
      break
    }
    return index
  }

  /** As `load`, for a segment that is whole: what breaks a law there is LOG_CORRUPT. */
  static loadSealed(files: Files, path: string, endOffset: number): TransactionIndex {
    const index = TransactionIndex.load(files, path, endOffset)
    if (index.#entries.dirty) {
      throw new StreamError(
        'LOG_CORRUPT',
        `${path}: entry ${index.count} is damaged; restore this file or delete the partition`,
      )
    }
    return index
  }

  get count(): number {
    return this.#entries.count
  }

  get path(): string {
    return this.#entries.path
  }

  get unsynced(): boolean {
    return this.#entries.unsynced
  }

  append(entry: AbortedEntry): void {
    assert(entry.firstOffset < entry.lastOffset, 'A1: a marker stands behind its transaction')
    assert(this.count === 0 || this.#at(this.count - 1).lastOffset < entry.lastOffset, 'A1: markers rise')
    const at = this.#entries.add()
    const { buffer } = this.#entries
    buffer.writeInt16BE(version, at)
    writeInt64(buffer, entry.producerId, at + 2)
    writeInt64(buffer, entry.firstOffset, at + 10)
    writeInt64(buffer, entry.lastOffset, at + 18)
    writeInt64(buffer, entry.lastStableOffset, at + 26)
  }

  #at(number: number): AbortedEntry {
    const at = number * entryBytes
    const { buffer } = this.#entries
    return {
      producerId: readInt64(buffer, at + 2),
      firstOffset: readInt64(buffer, at + 10),
      lastOffset: readInt64(buffer, at + 18),
      lastStableOffset: readInt64(buffer, at + 26),
    }
  }

  /**
   * Adds the transactions that touch `[fromOffset, toOffset)`. True when no later segment can hold another one.
   */
  collect(fromOffset: number, toOffset: number, into: AbortedTransaction[]): boolean {
    for (let number = 0; number < this.count; number++) {
      const entry = this.#at(number)
      if (entry.lastOffset >= fromOffset && entry.firstOffset < toOffset) {
        into.push({ producerId: entry.producerId, firstOffset: entry.firstOffset })
      }
      if (entry.lastStableOffset >= toOffset) return true
    }
    return false
  }

  /** Writes; the file is there only when something was ever aborted. */
  flush(files: Files): void {
    if (this.#entries.dirty) this.#entries.flush(files)
  }

  async sync(files: Files): Promise<void> {
    if (this.unsynced) await this.#entries.sync(files)
  }
}
