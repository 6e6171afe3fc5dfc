import { assert } from '../base/assert.ts'
import { StreamError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { journalTailBytesMax } from '../base/limits.ts'
import type { Journal, JournalUser } from './journal.ts'
import type { FrameBuilder } from './journal-frame.ts'
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
  readonly #filesGroup = new SyncGroup(() => this.#filesRound())
  /** Folders with names that a power cut may still take back. */
  readonly #folders = new Set<string>()
  #syncedOffset: number
  #durable: LogPosition
  /** How far the last frame of the journal reaches that was begun, */
  #staged: LogPosition | null = null
  /** and the last round of the files. */
  #filingOffset = 0
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

  /** N1 */
  async join(): Promise<void> {
    const offset = this.#endOffset()
    const named = this.foldersUnsynced
    if (this.#tailFits) await this.#journal?.journal.join(this)
    if (named || this.#durable.offset < offset) await this.#filesGroup.join()
  }

  /** As `join`, for what lies before `offset`: the round under way may cover it. */
  async joinBefore(offset: number): Promise<void> {
    if (this.#staged !== null && offset <= this.#staged.offset) await this.#journal?.journal.underWay()
    else if (offset <= this.#filingOffset) await this.#filesGroup.underWay
    if (this.#durable.offset < offset) await this.join()
  }

  /** N1 */
  syncFiles(): Promise<void> {
    return this.#filesGroup.join()
  }

  /** Its files are closed, and perhaps gone: nothing is opened again (N4). */
  close(): void {
    this.#closed = true
  }

  /** How far a round is to reach; null: there is nothing left to do. N3, N4 */
  #target(): LogPosition | null {
    if (this.#failure !== null) throw this.#failure
    const offset = this.#endOffset()
    const segment = this.#segments.active
    if (!this.#closed) return { offset, segment, position: segment.sizeBytes }
    if (offset <= this.#syncedOffset) return null
    throw new StreamError('CLOSED', `${segment.directory} was closed before all of it was synced`)
  }

  /** Is what is not durable yet for the journal? Not bytes of a segment that was sealed, names, or too much; N3, N4. */
  get #tailFits(): boolean {
    if (this.#failure !== null || this.#closed || this.foldersUnsynced) return false
    const { active } = this.#segments
    const { segment, position } = this.#durable
    return active === segment && active.sizeBytes - position <= journalTailBytesMax
  }

  stage(frame: FrameBuilder): boolean {
    if (this.#journal === null || !this.#tailFits) return false
    const { folder, topicId } = this.#journal
    const segment = this.#segments.active
    const { baseOffset, sizeBytes } = segment
    const { position } = this.#durable
    const length = sizeBytes - position
    if (length === 0 || !frame.add({ folder, topicId, baseOffset, position, file: segment.file(), length }))
      return false
    this.#staged = { offset: this.#endOffset(), segment, position: sizeBytes }
    return true
  }

  journaled(): void {
    assert(this.#staged !== null, 'J1: what is journaled was staged')
    this.#reached(this.#staged)
  }

  async #filesRound(): Promise<void> {
    const target = this.#target()
    if (target === null) return
    this.#filingOffset = target.offset
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
