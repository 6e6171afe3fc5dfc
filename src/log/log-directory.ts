import { join } from 'node:path'
import { assert } from '../base/assert.ts'
import type { Timer } from '../base/clock.ts'
import { DirectoryLock } from '../base/directory-lock.ts'
import { StreamError } from '../base/errors.ts'
import { checkpointBytes, checkpointIntervalMs } from '../base/limits.ts'
import type { Machine } from '../base/machine.ts'
import { decodeCheckedJson, encodeCheckedJson } from './checked-json.ts'
import { encodeCheckpoint, parseCheckpoint, parseNumber, replaceFile } from './checkpoint-file.ts'
import { Journal } from './journal.ts'
import { removeJournal, replayJournal } from './journal-replay.ts'
import type { LogCheckpoint, LogConfig } from './log-config.ts'
import { PartitionLog } from './partition-log.ts'
import { claimTopicId, readTopicId } from './partition-metadata.ts'
import type { TailCut } from './recovery.ts'
import { offsetOfName } from './segment-names.ts'
import { SyncGroup } from './sync-group.ts'

const formatVersion = 2
const metaName = 'log-directory.json'
const recoveryPointsName = 'recovery-point-offset-checkpoint'
const startOffsetsName = 'log-start-offset-checkpoint'
const checkpointNames = [recoveryPointsName, startOffsetsName] as const
const deletedSuffix = '-delete'
/** A lock may lie beside the partitions. */
const partitionName = /^(?!\.lock-)(.+)-(\d+)$/
const checkIntervalMs = 1000

interface Meta {
  readonly version: number
  /** How often this folder was opened: the leader epoch of all that is appended in this life. */
  readonly starts: number
  /** Was life number `starts` closed in order? */
  readonly clean: boolean
}

export interface PartitionFolder {
  readonly topic: string
  readonly partition: number
  /** From partition.metadata; null when it is not there. */
  readonly topicId: string | null
}

export interface PartitionOptions {
  readonly config: LogConfig
  readonly topicId?: string
}

/**
 * The folder that holds all partitions: one holder at a time, one format version, and what a restart has to know.
 *
 * Laws
 *  Y1  the number of this life is on the disk before a partition is opened, so leader epochs never repeat, and a
 *      clean-shutdown mark counts only for the life that wrote it
 *  Y2  a recovery point is recorded only after everything below it was synced
 *  Y3  files of deleted records go only after the log start above them was recorded
 *  Y4  one damaged partition stops only itself: it is kept under its error
 */
export class LogDirectory {
  readonly directory: string
  /** The leader epoch of this life. */
  readonly leaderEpoch: number
  /** Was the life before closed in order? */
  readonly cleanShutdown: boolean
  /** Called when an open partition goes offline, and when a reader meets damage in it for the first time. */
  onTrouble: ((name: string, error: StreamError) => void) | null = null
  readonly #machine: Machine
  readonly #lock: DirectoryLock
  readonly #known: Map<string, LogCheckpoint>
  readonly #logs = new Map<string, PartitionLog>()
  readonly #failed = new Map<string, StreamError>()
  readonly #journal: Journal
  readonly #group = new SyncGroup(() => this.#checkpointRound())
  #timer: Timer | null = null
  #checkpointFailure: StreamError | null = null
  #lastCheckpointMs: number
  #closed: Promise<void> | null = null

  private constructor(
    machine: Machine,
    directory: string,
    lock: DirectoryLock,
    meta: Meta,
    cleanShutdown: boolean,
    known: Map<string, LogCheckpoint>,
    journal: Journal,
  ) {
    this.#machine = machine
    this.directory = directory
    this.#lock = lock
    this.leaderEpoch = meta.starts
    this.cleanShutdown = cleanShutdown
    this.#known = known
    this.#journal = journal
    this.#lastCheckpointMs = machine.clock.monotonic()
  }

  /**
   * Locks the folder and begins a new life in it. `lockDirectory` is the folder that the lock lies in, when that is
   * another one. Throws DATA_DIR_LOCKED naming the holder, LOG_FORMAT_NEWER, LOG_CORRUPT, and
   * what the disk says while the journal is replayed.
   */
  static async open(
    machine: Machine,
    directory: string,
    options: { readonly lockDirectory?: string; readonly journalHalfBytes?: number } = {},
  ): Promise<LogDirectory> {
    const lock = DirectoryLock.acquire(machine, options.lockDirectory ?? directory, 'DATA_DIR_LOCKED')
    try {
      const { files } = machine
      files.makeDirectory(directory)
      const last = readMeta(machine, directory)
      if (last === null) requireNew(machine, directory)
      // Before the first life has a number: a folder with a number and without these files has lost them.
      if (last === null) {
        for (const name of checkpointNames) await replaceFile(files, join(directory, name), encodeCheckpoint([]))
      } else if (!last.clean) {
        await replayJournal(files, directory, last.starts)
        removeJournal(files, directory)
      }
      const meta: Meta = { version: formatVersion, starts: (last?.starts ?? 0) + 1, clean: false }
      await replaceFile(files, join(directory, metaName), encodeCheckedJson(meta))
      await files.syncDirectory(join(directory, '..'))
      for (const name of files.list(directory))
        if (name.endsWith(deletedSuffix)) files.removeTree(join(directory, name))
      const opened = new LogDirectory(
        machine,
        directory,
        lock,
        meta,
        last?.clean ?? false,
        readKnown(machine, directory),
        new Journal(files, directory, meta.starts, options.journalHalfBytes),
      )
      opened.#schedule()
      return opened
    } catch (error) {
      lock.release()
      throw error
    }
  }

  /** The partition folders that are there, opened or not. */
  folders(): PartitionFolder[] {
    const { files } = this.#machine
    const folders: PartitionFolder[] = []
    for (const name of files.list(this.directory)) {
      const found = partitionName.exec(name)
      if (found === null) continue
      folders.push({
        topic: found[1]!,
        partition: Number(found[2]),
        topicId: readTopicId(files, join(this.directory, name)),
      })
    }
    return folders
  }

  /**
   * Opens a partition, or creates it. When it cannot be opened its error is kept, and given again to everyone who asks
   * (Y4).
   */
  async openPartition(topic: string, partition: number, options: PartitionOptions): Promise<PartitionLog> {
    const name = `${topic}-${partition}`
    assert(!this.#logs.has(name), 'a partition is opened once')
    assert(this.#closed === null, 'a closed log opens no partition')
    const directory = join(this.directory, name)
    const { topicId } = options
    try {
      // What a life that died named or renamed there must be durable before files go because of it.
      if (!this.cleanShutdown && this.#machine.files.exists(directory))
        await this.#machine.files.syncDirectory(directory)
      const log = PartitionLog.open(this.#machine, directory, {
        topic,
        partition,
        config: options.config,
        leaderEpoch: this.leaderEpoch,
        cleanShutdown: this.cleanShutdown,
        recorded: this.#known.get(name) ?? null,
        journal: topicId === undefined ? null : { journal: this.#journal, folder: name, topicId },
      })
      if (topicId !== undefined) await claimTopicId(this.#machine.files, directory, topicId, log.sizeBytes > 0)
      log.onTrouble = (error) => this.onTrouble?.(name, error)
      this.#logs.set(name, log)
      this.#failed.delete(name)
      return log
    } catch (error) {
      if (StreamError.is(error)) this.#failed.set(name, error)
      throw error
    }
  }

  /** Is there a byte of a record in this folder? */
  holdsRecords(topic: string, partition: number): boolean {
    const { files } = this.#machine
    const directory = join(this.directory, `${topic}-${partition}`)
    return files.list(directory).some((name) => {
      if (offsetOfName(name, '.log') === null) return false
      const file = files.open(join(directory, name), 'read')
      try {
        return file.size() > 0
      } finally {
        file.close()
      }
    })
  }

  /** Keeps a folder that nobody is to open, and why. */
  setAside(topic: string, partition: number, reason: StreamError): void {
    this.#failed.set(`${topic}-${partition}`, reason)
  }

  /** An open partition. Throws the error it failed to open with; undefined when nobody opened it. */
  partition(topic: string, partition: number): PartitionLog | undefined {
    const name = `${topic}-${partition}`
    const failed = this.#failed.get(name)
    if (failed !== undefined) throw failed
    return this.#logs.get(name)
  }

  partitions(): Iterable<PartitionLog> {
    return this.#logs.values()
  }

  /** Partitions that do not serve, or not all they hold, by folder name, with the reason. */
  offline(): ReadonlyMap<string, StreamError> {
    const offline = new Map(this.#failed)
    for (const [name, log] of this.#logs) {
      const reason = log.offline ?? log.damage
      if (reason !== null) offline.set(name, reason)
    }
    return offline
  }

  /** What recovery took from the end of open partitions in this life, by folder name. */
  tailCuts(): ReadonlyMap<string, TailCut> {
    const cuts = new Map<string, TailCut>()
    for (const [name, { tailCut }] of this.#logs) if (tailCut !== null) cuts.set(name, tailCut)
    return cuts
  }

  /** Deletes a partition with all it holds. Durable when it resolves: the name may be used again. */
  async removePartition(topic: string, partition: number): Promise<void> {
    const name = `${topic}-${partition}`
    const { files } = this.#machine
    const log = this.#logs.get(name)
    this.#logs.delete(name)
    this.#failed.delete(name)
    if (log !== undefined)
      await log.close().catch((error: unknown) => {
        // What is deleted need not be synced.
        if (!StreamError.is(error)) throw error
      })
    this.#known.delete(name)
    // First forget what was known of it: a recovery point must never be held against another log of this name.
    await this.checkpoint()
    const directory = join(this.directory, name)
    if (!files.exists(directory)) return
    const doomed = `${directory}.${this.#machine.random.bytes(8).toString('hex')}${deletedSuffix}`
    files.rename(directory, doomed)
    await files.syncDirectory(this.directory)
    files.removeTree(doomed)
  }

  /** Records recovery points and log starts, now. Also happens by itself, by time and by bytes appended. */
  checkpoint(): Promise<void> {
    return this.#group.join()
  }

  /** Why the last checkpoint could not record everything; null when it could. It is tried again. */
  get checkpointFailure(): StreamError | null {
    return this.#checkpointFailure
  }

  async #checkpointRound(): Promise<void> {
    this.#lastCheckpointMs = this.#machine.clock.monotonic()
    this.#checkpointFailure = null
    const taken = new Map<PartitionLog, LogCheckpoint>()
    for (const log of [...this.#logs.values()]) {
      if (!log.checkpointDue) continue
      try {
        taken.set(log, await log.checkpoint())
      } catch (error) {
        if (!StreamError.is(error)) throw error
        // One that is offline says so itself (Y4).
        if (error.code !== 'LOG_OFFLINE') this.#checkpointFailure = error
      }
    }
    for (const [log, checkpoint] of taken) if (this.#logs.get(log.name) === log) this.#known.set(log.name, checkpoint)
    try {
      await this.#save()
    } catch (error) {
      if (!StreamError.is(error)) throw error
      this.#checkpointFailure = error
    }
    if (this.#checkpointFailure !== null) throw this.#checkpointFailure
    for (const [log, checkpoint] of taken) if (this.#logs.get(log.name) === log) log.checkpointed(checkpoint)
  }

  async #save(): Promise<void> {
    const { files } = this.#machine
    const points: (string | number)[][] = []
    const starts: (string | number)[][] = []
    for (const [name, { recoveryPoint, startOffset }] of this.#known) {
      const dash = name.lastIndexOf('-')
      points.push([name.slice(0, dash), name.slice(dash + 1), recoveryPoint])
      starts.push([name.slice(0, dash), name.slice(dash + 1), startOffset])
    }
    await replaceFile(files, join(this.directory, recoveryPointsName), encodeCheckpoint(points))
    await replaceFile(files, join(this.directory, startOffsetsName), encodeCheckpoint(starts))
  }

  #schedule(): void {
    this.#timer = this.#machine.clock.timer(checkIntervalMs, () => {
      this.#schedule()
      if (!this.#isDue()) return
      void this.checkpoint().catch((error: unknown) => {
        // What fails is kept in `checkpointFailure`, and tried again.
        if (!StreamError.is(error)) throw error
      })
    })
  }

  #isDue(): boolean {
    let bytes = 0
    let due = false
    for (const log of this.#logs.values()) {
      bytes += log.bytesSinceCheckpoint
      due ||= log.checkpointDue
    }
    if (!due) return false
    return bytes >= checkpointBytes || this.#machine.clock.monotonic() - this.#lastCheckpointMs >= checkpointIntervalMs
  }

  /** Closes every partition, leaves the mark of a clean shutdown when all of them closed well, and unlocks. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#timer?.cancel()
    const failures: unknown[] = []
    const attempt = async (step: Promise<void>): Promise<void> => {
      await step.catch((error: unknown) => {
        if (!StreamError.is(error, 'LOG_OFFLINE')) failures.push(error)
      })
    }
    try {
      await attempt(this.checkpoint())
      for (const log of this.#logs.values()) {
        await attempt(log.close())
        this.#known.set(log.name, log.lastCheckpoint)
      }
      await attempt(this.#journal.close())
      await attempt(this.#save())
      if (failures.length === 0) await this.#leaveMark()
    } finally {
      this.#lock.release()
    }
    if (failures.length > 0) throw failures[0]
  }

  async #leaveMark(): Promise<void> {
    // A partition that nobody opened in this life is as the last one left it.
    const asBefore =
      this.cleanShutdown || this.folders().every(({ topic, partition }) => this.#logs.has(`${topic}-${partition}`))
    const online = [...this.#logs.values()].every((log) => log.offline === null)
    const meta: Meta = { version: formatVersion, starts: this.leaderEpoch, clean: asBefore && online }
    const { files } = this.#machine
    await replaceFile(files, join(this.directory, metaName), encodeCheckedJson(meta))
    if (meta.clean) removeJournal(files, this.directory)
  }
}

/** Y1: the first life is numbered before it makes a partition, so partitions without the number have lost it. */
function requireNew({ files }: Machine, directory: string): void {
  const partition = files.list(directory).find((name) => partitionName.test(name))
  if (partition === undefined) return
  throw new StreamError(
    'LOG_CORRUPT',
    `${join(directory, metaName)} is missing, but ${partition} is there: without it nothing says what was synced; ` +
      'restore the file from a copy of the data folder, or delete the data folder to begin anew',
  )
}

function readMeta(machine: Machine, directory: string): Meta | null {
  const path = join(directory, metaName)
  if (!machine.files.exists(path)) return null
  const advice = 'restore it from a copy of the data folder'
  const { version, starts, clean } = decodeCheckedJson(path, machine.files.read(path), advice)
  if (typeof version === 'number' && version > formatVersion) {
    throw new StreamError(
      'LOG_FORMAT_NEWER',
      `${directory} has log format ${version}, this version knows up to ${formatVersion}; use a newer millrace`,
    )
  }
  if (version !== formatVersion || !Number.isSafeInteger(starts) || typeof clean !== 'boolean')
    throw new StreamError('LOG_CORRUPT', `${path} does not say how often this folder was opened; ${advice}`)
  return { version, starts: Number(starts), clean }
}

function readKnown(machine: Machine, directory: string): Map<string, LogCheckpoint> {
  const points = readOffsets(machine, join(directory, recoveryPointsName))
  const starts = readOffsets(machine, join(directory, startOffsetsName))
  const known = new Map<string, LogCheckpoint>()
  for (const [name, recoveryPoint] of points) known.set(name, { recoveryPoint, startOffset: starts.get(name) ?? 0 })
  return known
}

function readOffsets(machine: Machine, path: string): Map<string, number> {
  if (!machine.files.exists(path)) {
    throw new StreamError('LOG_CORRUPT', `${path} is missing, it says what of each partition was synced; restore it`)
  }
  const offsets = new Map<string, number>()
  const lines = parseCheckpoint(machine.files.read(path))
  if (lines === null) throw new StreamError('LOG_CORRUPT', `${path} is damaged; restore this file`)
  for (const line of lines) {
    const [topic, partition, offset] = [line[0], ...line.slice(1).map(parseNumber)]
    if (line.length !== 3 || partition == null || offset == null)
      throw new StreamError('LOG_CORRUPT', `${path} is damaged: a line says ${line.join(' ')}; restore this file`)
    offsets.set(`${topic}-${partition}`, offset)
  }
  return offsets
}
