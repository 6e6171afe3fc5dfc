import { assert } from '../base/assert.ts'
import { StreamError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { journalTailBytesMax } from '../base/limits.ts'
import type { Journal, JournalUser } from './journal.ts'
import type { Segment } from './segment.ts'
import type { SegmentList } from './segment-list.ts'
import { SyncGroup } from './sync-group.ts'

/** The journal, and who writes to it. */
export interface JournalAccess {
  readonly journal: Journal
  /** Name of the partition's folder. */
  readonly folder: string
  readonly topicId: string
}

/** An offset, and where its bytes begin; the segment is null where that is not known. */
interface LogPosition {
  readonly offset: number
  readonly segment: Segment | null
  readonly position: number
}

/**
 * How far a partition is on the disk: many callers share one round. A short tail of the active segment goes to the journal, with
 * those of other partitions; anything else is an fdatasync of the segments, and of the folders whose names changed.
 *
 * Laws
 *  N1  what was appended, and what was named, before a call of `join` is durable when it resolves; after `syncFiles` it is so
 *      in the partition's own files
 *  N2  syncedOffset ≤ durableOffset, and neither goes back
 *  N3  after a failure nothing counts as synced any more: the operating system may have dropped what it could not write
 *  N4  a partition that was closed opens no file: its folder may be gone, or another topic's
 */
export class LogSync implements JournalUser {
  readonly #files: Files
  readonly #segments: SegmentList
  readonly #endOffset: () => number
  readonly #tellFailure: (cause: unknown) => Error
  readonly #journal: JournalAccess | null
  #failure: Error | null = null
  readonly #group = new SyncGroup(() => this.#round())
  readonly #filesGroup = new SyncGroup(() => this.#filesRound())
  /** Folders with names that a power cut may still take back. */
  readonly #folders = new Set<string>()
  #syncedOffset: number
  #durable: LogPosition
  /** How far the last round that began reaches. */
  #syncingOffset = 0
  #closed = false

  /** `tellFailure`: says what a failure of the disk means, and calls `fail` with it. */
  constructor(
    files: Files,
    segments: SegmentList,
    syncedOffset: number,
    endOffset: () => number,
    tellFailure: (cause: unknown) => Error,
    journal: JournalAccess | null,
  ) {
    this.#files = files
    this.#segments = segments
    this.#syncedOffset = syncedOffset
    this.#durable = { offset: syncedOffset, segment: null, position: 0 }
    this.#endOffset = endOffset
    this.#tellFailure = tellFailure
    this.#journal = journal
  }

  /** Everything below it is on the disk, in the partition's own files. */
  get syncedOffset(): number {
    return this.#syncedOffset
  }

  /** Everything below it is on the disk, there or in the journal. */
  get durableOffset(): number {
    return this.#durable.offset
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

  /** N1 */
  syncFiles(): Promise<void> {
    return this.#filesGroup.join()
  }

  /** The round under way, when it covers what lies below `offset`; null when another one is needed. */
  underWay(offset: number): Promise<void> | null {
    return offset <= this.#syncingOffset ? this.#group.underWay : null
  }

  /** Its files are closed, and perhaps gone: nothing is opened again (N4). */
  close(): void {
    this.#closed = true
  }

  /** How far a round is to reach; null: there is nothing left to do. N3, N4 */
  #target(doneOffset: number): LogPosition | null {
    if (this.#failure !== null) throw this.#failure
    const offset = this.#endOffset()
    const segment = this.#segments.active
    if (!this.#closed) return { offset, segment, position: segment.sizeBytes }
    if (offset <= doneOffset) return null
    throw new StreamError('CLOSED', `${segment.directory} was closed before all of it was synced`)
  }

  async #round(): Promise<void> {
    const target = this.#target(this.#durable.offset)
    if (target === null) return
    this.#syncingOffset = target.offset
    if (!(await this.#toJournal(target))) return this.#filesGroup.join()
    this.#reached(target)
  }

  /** False: the round needs more than the journal. */
  async #toJournal({ segment, position: end }: LogPosition): Promise<boolean> {
    // Bytes of a segment that was sealed, or a name, are not for the journal.
    if (this.#journal === null || this.foldersUnsynced || segment === null || segment !== this.#durable.segment)
      return false
    const { journal, folder, topicId } = this.#journal
    const { baseOffset } = segment
    const { position } = this.#durable
    const length = end - position
    if (length === 0) return true
    if (length > journalTailBytesMax) return false
    return journal.take({ folder, topicId, baseOffset, position, file: segment.file(), length }, this)
  }

  async #filesRound(): Promise<void> {
    const target = this.#target(this.#syncedOffset)
    if (target === null) return
    try {
      for (const segment of this.#segments.unsynced()) await segment.sync()
      const folders = [...this.#folders]
      this.#folders.clear()
      for (const folder of folders) await this.#files.syncDirectory(folder)
    } catch (error) {
      throw this.#tellFailure(error)
    }
    assert(target.offset >= this.#syncedOffset, 'N2: the synced offset never goes back')
    this.#syncedOffset = target.offset
    this.#reached(target)
  }

  /** N2: the two kinds of rounds may overtake each other. */
  #reached(end: LogPosition): void {
    if (end.offset >= this.#durable.offset) this.#durable = end
  }
}
