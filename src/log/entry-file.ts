import { assert } from '../base/assert.ts'
import { crc32c } from '../base/crc.ts'
import type { Files } from '../base/files.ts'

const initialEntries = 64

/** What an index must hold: told apart from one that is missing, short or damaged without a walk over the batches. */
export interface EntryDigest {
  readonly count: number
  /** Of the first `count` entries. */
  readonly crc: number
}

/**
 * A file of entries of one size, held in memory and written in one go: what the three indexes have in common.
 *
 * Nothing here is ever the only copy: an index is derived from its .log, and what was not flushed before a crash is
 * derived again (recovery.ts).
 *
 * Laws
 *  F1  the file is a prefix of the entries in memory after each flush, and all of them
 */
export class EntryFile {
  readonly path: string
  readonly entryBytes: number
  buffer: Buffer
  count = 0
  #flushedCount = 0
  #shorten = false
  #unsynced = false

  constructor(path: string, entryBytes: number, content: Buffer | null = null) {
    this.path = path
    this.entryBytes = entryBytes
    this.buffer = content ?? Buffer.alloc(entryBytes * initialEntries)
    this.count = content === null ? 0 : Math.floor(content.length / entryBytes)
    this.#flushedCount = this.count
    this.#shorten = content !== null && content.length !== this.count * entryBytes
  }

  /** What is on disk, unchecked; empty when there is no file. */
  static load(files: Files, path: string, entryBytes: number): EntryFile {
    return new EntryFile(path, entryBytes, files.exists(path) ? files.read(path) : null)
  }

  /** What is on disk, as far as the digest knows it; null when it begins otherwise. */
  static loadKnown(files: Files, path: string, entryBytes: number, digest: EntryDigest): EntryFile | null {
    const entries = EntryFile.load(files, path, entryBytes)
    if (entries.count < digest.count) return null
    entries.truncate(digest.count)
    return entries.digest().crc === digest.crc ? entries : null
  }

  /** An empty one that takes the place of whatever is on the disk. */
  static anew(files: Files, path: string, entryBytes: number): EntryFile {
    const entries = EntryFile.load(files, path, entryBytes)
    entries.truncate(0)
    return entries
  }

  digest(): EntryDigest {
    return { count: this.count, crc: crc32c(this.buffer, 0, this.count * this.entryBytes) }
  }

  /** Is there something that the disk may not have? */
  get unsynced(): boolean {
    return this.#unsynced || this.dirty
  }

  get dirty(): boolean {
    return this.#shorten || this.#flushedCount < this.count
  }

  /** Makes room for one more entry and returns where it begins. */
  add(): number {
    const at = this.count * this.entryBytes
    if (at + this.entryBytes > this.buffer.length) {
      const larger = Buffer.alloc(Math.max(this.entryBytes * initialEntries, this.buffer.length * 2))
      this.buffer.copy(larger, 0, 0, at)
      this.buffer = larger
    }
    this.count++
    return at
  }

  truncate(count: number): void {
    assert(count <= this.count, 'an index is truncated to fewer entries')
    if (count < this.#flushedCount) {
      this.#flushedCount = count
      this.#shorten = true
    }
    this.count = count
  }

  /** F1: one write of what is new. Creates the file when it is not there. */
  flush(files: Files): void {
    if (!this.dirty && files.exists(this.path)) return
    const file = files.open(this.path, 'write')
    try {
      const from = this.#flushedCount * this.entryBytes
      const to = this.count * this.entryBytes
      if (to > from) file.write(this.buffer, from, to - from, from)
      if (this.#shorten) file.truncate(to)
      this.#flushedCount = this.count
      this.#shorten = false
      this.#unsynced = true
    } finally {
      file.close()
    }
  }

  /** Flushed, and on the disk (its name is the folder's business). */
  async sync(files: Files): Promise<void> {
    this.flush(files)
    if (!this.#unsynced) return
    this.#unsynced = false
    const file = files.open(this.path, 'write')
    try {
      await file.sync()
    } catch (error) {
      this.#unsynced = true
      throw error
    } finally {
      file.close()
    }
  }
}
