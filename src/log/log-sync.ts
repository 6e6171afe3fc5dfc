import { assert } from '../base/assert.ts'
import type { Files } from '../base/files.ts'
import type { SegmentList } from './segment-list.ts'
import { SyncGroup } from './sync-group.ts'

/**
 * How far a partition is on the disk: many callers share one round of fdatasync over the segments and the folders whose
 * names changed.
 *
 * Laws
 *  N1  what was appended, and what was named, before a call of `join` is durable when it resolves
 *  N2  the synced offset never goes back
 *  N3  after a failure nothing counts as synced any more: the operating system may have dropped what it could not write
 */
export class LogSync {
  readonly #files: Files
  readonly #segments: SegmentList
  readonly #endOffset: () => number
  readonly #tellFailure: (cause: unknown) => Error
  #failure: Error | null = null
  readonly #group = new SyncGroup(() => this.#round())
  /** Folders with names that a power cut may still take back. */
  readonly #folders = new Set<string>()
  #syncedOffset: number
  /** How far the last round that began reaches. */
  #syncingOffset = 0

  /** `tellFailure`: says what a failure of the disk means, and calls `fail` with it. */
  constructor(
    files: Files,
    segments: SegmentList,
    syncedOffset: number,
    endOffset: () => number,
    tellFailure: (cause: unknown) => Error,
  ) {
    this.#files = files
    this.#segments = segments
    this.#syncedOffset = syncedOffset
    this.#endOffset = endOffset
    this.#tellFailure = tellFailure
  }

  get syncedOffset(): number {
    return this.#syncedOffset
  }

  /** Are there names that a power cut may take back? */
  get foldersUnsynced(): boolean {
    return this.#folders.size > 0
  }

  /** A name in it is new, or gone. */
  named(folder: string): void {
    this.#folders.add(folder)
  }

  /** N3 */
  fail(failure: Error): void {
    this.#failure ??= failure
  }

  join(): Promise<void> {
    return this.#group.join()
  }

  /** The round under way, when it covers what lies below `offset`; null when another one is needed. */
  underWay(offset: number): Promise<void> | null {
    return offset <= this.#syncingOffset ? this.#group.underWay : null
  }

  async #round(): Promise<void> {
    // N3
    if (this.#failure !== null) throw this.#failure
    const target = this.#endOffset()
    this.#syncingOffset = target
    try {
      for (const segment of this.#segments.unsynced()) await segment.sync()
      const folders = [...this.#folders]
      this.#folders.clear()
      for (const folder of folders) await this.#files.syncDirectory(folder)
    } catch (error) {
      throw this.#tellFailure(error)
    }
    assert(target >= this.#syncedOffset, 'N2: the synced offset never goes back')
    this.#syncedOffset = target
  }
}
