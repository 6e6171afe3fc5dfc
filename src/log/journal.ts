import { join } from 'node:path'
import { StreamError } from '../base/errors.ts'
import type { Files, OpenFile } from '../base/files.ts'
import { journalFrameBytesMax, journalHalfBytes } from '../base/limits.ts'
import { FrameBuilder, type JournalTail } from './journal-frame.ts'
import { SyncGroup } from './sync-group.ts'

/** The two files; neither is the name of a partition. */
export const journalNames = ['journal.0', 'journal.1'] as const

/** Whose bytes the journal holds. */
export interface JournalUser {
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
 *  J1  when `take` says true, the bytes are in a frame that is on the disk
 *  J2  a file is written over only after all whose bytes it holds were synced
 *  J3  bytes at one position of one segment never change, so an old frame says nothing wrong
 *
 * When it cannot take a tail (too long, no room, a failure of the disk) the caller makes it durable in its own file.
 */
export class Journal {
  readonly #files: Files
  readonly #directory: string
  readonly #life: number
  readonly #halfBytes: number
  readonly #halves: [Half, Half]
  readonly #group = new SyncGroup(() => this.#round())
  readonly #frame: FrameBuilder
  /** Those with bytes in the frame. */
  #users: JournalUser[] = []
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

  /** True: they are durable (J1). False: it could not take them. */
  async take(tail: JournalTail, user: JournalUser): Promise<boolean> {
    if (this.#ended) return false
    try {
      if (!this.#frame.add(tail)) return false
      this.#users.push(user)
      await this.#group.join()
      return true
    } catch (error) {
      if (!StreamError.is(error)) throw error
      return false
    }
  }

  async #round(): Promise<void> {
    const users = this.#users
    this.#users = []
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
    const results = await Promise.allSettled([...half.users].map((user) => user.syncFiles()))
    if (results.every(({ status }) => status === 'fulfilled')) half.users.clear()
  }

  /** Waits for the round under way. */
  async close(): Promise<void> {
    this.#ended = true
    await this.#group.join().catch(() => undefined)
    for (const half of this.#halves) half.close()
  }
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
