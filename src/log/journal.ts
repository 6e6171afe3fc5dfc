import { join } from 'node:path'
import { StreamError } from '../base/errors.ts'
import type { Files, OpenFile } from '../base/files.ts'
import { journalFrameBytesMax, journalHalfBytes } from '../base/limits.ts'
import { FrameBuilder } from './journal-frame.ts'
import { SyncGroup } from './sync-group.ts'

/** The two files; neither is the name of a partition. */
export const journalNames = ['journal.0', 'journal.1'] as const

/** Whose bytes the journal holds. */
export interface JournalUser {
  /** A round begins: puts into the frame what is not durable yet. False: it put nothing there. */
  stage(frame: FrameBuilder): boolean
  /** What it staged is durable (J1). */
  journaled(): void
  /** Makes durable in its own files what was appended so far. Rejects when it cannot. */
  syncFiles(): Promise<void>
}

/**
 * Where the short tails of many partitions become durable together: one fdatasync, where each partition alone would need one
 * of its own. What it holds is in the .log files too, in the cache of the operating system; after an unclean stop
 * `replayJournal` writes it there again.
 *
 * It is two files written in turn. When one is full its partitions are synced in the background, and only then it is written
 * over.
 *
 * Laws
 *  J1  `journaled` is called when the bytes that were staged are in a frame that is on the disk
 *  J2  a file is written over only after all whose bytes it holds were synced
 *  J3  bytes at one position of one segment never change, so an old frame says nothing wrong
 *
 * What it cannot take (too long, no room, a failure of the disk) the user makes durable in its own file.
 */
export class Journal {
  readonly #files: Files
  readonly #directory: string
  readonly #life: number
  readonly #halfBytes: number
  readonly #halves: [Half, Half]
  readonly #group = new SyncGroup(() => this.#round())
  readonly #frame: FrameBuilder
  /** Who will be asked for its bytes when the next round begins. */
  readonly #waiting = new Set<JournalUser>()
  #current = 0
  #sequence = 0
  /** It is closed, or a sync failed: nobody knows what of the file is on the disk. */
  #ended = false

  /** @param life the number of this opening of the directory */
  constructor(files: Files, directory: string, life: number, halfBytes: number = journalHalfBytes) {
    this.#files = files
    this.#directory = directory
    this.#life = life
    this.#halfBytes = halfBytes
    this.#frame = new FrameBuilder(Math.min(halfBytes, journalFrameBytesMax))
    const [first, second] = journalNames
    this.#halves = [new Half(first), new Half(second)]
  }

  /** Resolves when a round is over that began after the call, or none can begin; `journaled` has been called then, or will not be. */
  join(user: JournalUser): Promise<void> {
    if (this.#ended) return Promise.resolve()
    this.#waiting.add(user)
    return this.#group.join().catch(unlessCoded)
  }

  /** As `join`, for what is staged already. */
  async underWay(): Promise<void> {
    await this.#group.underWay?.catch(unlessCoded)
  }

  async #round(): Promise<void> {
    const users = this.#stage()
    if (users.length === 0) return
    const frame = this.#frame.seal(this.#life, ++this.#sequence)
    let half: Half
    try {
      // Whoever joined meanwhile: behind a torn frame nothing is replayed.
      if (this.#ended) throw new StreamError('DISK_FAILED', `the journal of ${this.#directory} takes nothing more`)
      half = this.#halfFor(frame.length)
      half.write(this.#files, this.#directory, frame)
    } finally {
      this.#frame.reset()
    }
    for (const user of users) half.users.add(user)
    try {
      await half.sync(this.#files, this.#directory)
    } catch (error) {
      this.#ended = true
      throw error
    }
    for (const user of users) user.journaled()
  }

  /** Fills the frame. Returns whose bytes are in it. */
  #stage(): JournalUser[] {
    const staged: JournalUser[] = []
    for (const user of this.#waiting) {
      try {
        if (user.stage(this.#frame)) staged.push(user)
      } catch (error) {
        unlessCoded(error)
      }
    }
    this.#waiting.clear()
    return staged
  }

  #halfFor(bytes: number): Half {
    const half = this.#halves[this.#current]!
    if (half.end + bytes <= this.#halfBytes) return half
    const next = this.#halves[1 - this.#current]!
    // J2
    if (next.users.size > 0) throw new StreamError('DISK_FULL', 'both halves of the journal are in use')
    this.#current = 1 - this.#current
    next.end = 0
    void this.#retire(half)
    return next
  }

  /** J2. Where one fails, its bytes stay here for the next start: this half is not used any more. */
  async #retire(half: Half): Promise<void> {
    // One after the other: a round of the journal that comes meanwhile must not wait behind all of them.
    for (const user of half.users) {
      try {
        await user.syncFiles()
        half.users.delete(user)
      } catch (error) {
        unlessCoded(error)
      }
    }
  }

  /** Waits for the round under way. */
  async close(): Promise<void> {
    this.#ended = true
    await this.#group.join().catch(() => undefined)
    for (const half of this.#halves) half.close()
  }
}

/** A failure of the disk is told by whoever syncs its own files then. */
function unlessCoded(error: unknown): void {
  if (!StreamError.is(error)) throw error
}

class Half {
  readonly users = new Set<JournalUser>()
  /** Where the next frame goes. */
  end = 0
  readonly #name: string
  #file: OpenFile | null = null
  #named = false

  constructor(name: string) {
    this.#name = name
  }

  write(files: Files, directory: string, frame: Buffer): void {
    this.#file ??= files.open(join(directory, this.#name), 'write')
    this.#file.write(frame, 0, frame.length, this.end)
    this.end += frame.length
  }

  async sync(files: Files, directory: string): Promise<void> {
    await this.#file!.sync()
    if (this.#named) return
    await files.syncDirectory(directory)
    this.#named = true
  }

  close(): void {
    this.#file?.close()
    this.#file = null
  }
}
