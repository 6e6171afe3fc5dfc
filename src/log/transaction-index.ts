import { assert } from '../base/assert.ts'
import { readInt64, writeInt64 } from '../base/bytes.ts'
import type { Files } from '../base/files.ts'
import { type EntryDigest, EntryFile } from './entry-file.ts'
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
 * A missing entry would show aborted records, so what is loaded is compared with a digest that was kept apart
 * (partition-checkpoint.ts), and derived from the batches when it differs (aborted-transactions.ts): never a guess.
 *
 * Laws
 *  A1  lastOffset rises strictly, firstOffset < lastOffset
 *  A2  an index that was loaded has the entries of its digest
 */
export class TransactionIndex {
  readonly #entries: EntryFile

  private constructor(entries: EntryFile) {
    this.#entries = entries
  }

  /** Of a new segment: there is no file. */
  static create(path: string): TransactionIndex {
    return new TransactionIndex(new EntryFile(path, entryBytes))
  }

  /** An empty one that takes the place of whatever is on the disk. */
  static anew(files: Files, path: string): TransactionIndex {
    return new TransactionIndex(EntryFile.anew(files, path, entryBytes))
  }

  /** A2: null when the file is not what the digest says. Entries behind those of the digest are left out. */
  static load(files: Files, path: string, digest: EntryDigest): TransactionIndex | null {
    const entries = EntryFile.loadKnown(files, path, entryBytes, digest)
    if (entries === null) return null
    const index = new TransactionIndex(entries)
    return index.#isOurs() ? index : null
  }

  #isOurs(): boolean {
    for (let number = 0; number < this.count; number++)
      if (this.#entries.buffer.readInt16BE(number * entryBytes) !== version) return false
    return true
  }

  digest(): EntryDigest {
    return this.#entries.digest()
  }

  /** Forgets the transactions whose marker lies at or above `offset`. */
  truncateFrom(offset: number): void {
    let count = this.count
    while (count > 0 && this.#at(count - 1).lastOffset >= offset) count--
    this.#entries.truncate(count)
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
