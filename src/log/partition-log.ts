import { dirname } from 'node:path'
import { assert } from '../base/assert.ts'
import { messageOf, StreamError } from '../base/errors.ts'
import { producerIdExpirationMs } from '../base/limits.ts'
import type { Machine } from '../base/machine.ts'
import {
  baseSequenceOf,
  isTransactional,
  lastOffsetOf,
  patchLogAppendTime,
  patchOffset,
  producerEpochOf,
  producerIdOf,
  recordCountOf,
} from '../records/batch-format.ts'
import { decodeControl } from '../records/control-record.ts'
import { AbortedTransactions } from './aborted-transactions.ts'
import { validateClientBatch } from './append-validation.ts'
import { LeaderEpochs } from './leader-epochs.ts'
import type {
  AbortedTransaction,
  AppendResult,
  EpochEnd,
  LogCheckpoint,
  LogConfig,
  LogRead,
  PartitionLogOptions,
  TimestampOffset,
} from './log-config.ts'
import { LogReader } from './log-reader.ts'
import { LogSync } from './log-sync.ts'
import { NoticedDamage } from './noticed-damage.ts'
import { encodePartitionCheckpoint, PartitionCheckpointFile } from './partition-checkpoint.ts'
import { recordBatch } from './producer-effects.ts'
import { ProducerSnapshots } from './producer-snapshots.ts'
import { type OpenTransaction, ProducerState } from './producer-state.ts'
import { recover, type TailCut } from './recovery.ts'
import { deriveEpochs, replay } from './replay.ts'
import type { Segment } from './segment.ts'
import { SegmentList } from './segment-list.ts'

const nothing = Buffer.alloc(0)
const offsetsPerSegmentMax = 0x7fffffff

/**
 * One partition on disk: a folder of segments, and what is known of its producers.
 *
 * Appending and reading are synchronous; `sync` is not. Everything but the .log files and the log start is derived, and
 * written by `checkpoint`, which `LogDirectory` calls.
 *
 * Laws
 *  L1  offsets are given out without holes; an offset that was given out never means another record
 *  L2  when `sync` resolves, everything appended before the call survives a power cut
 *  L3  lastStableOffset ≤ highWatermark = endOffset; below lastStableOffset every transaction is decided
 *  L4  after a failed sync nothing is appended, read or synced any more: LOG_OFFLINE
 *
 * Not here: retention and compaction, repair after a crash (recovery.ts), which partitions there are (log-directory.ts).
 */
export class PartitionLog {
  readonly topic: string
  readonly partition: number
  readonly directory: string
  readonly leaderEpoch: number
  /** Called after each append: fetches may be waiting. */
  onAppend: (() => void) | null = null
  /** Called when it goes offline, and when damage is found for the first time. */
  onTrouble: ((error: StreamError) => void) | null = null
  /** What was taken from its end when it was opened; null when nothing was. */
  readonly tailCut: TailCut | null
  readonly #machine: Machine
  readonly #segments: SegmentList
  readonly #producers = new ProducerState()
  readonly #epochs: LeaderEpochs
  readonly #snapshots: ProducerSnapshots
  readonly #checkpoints: PartitionCheckpointFile
  readonly #syncing: LogSync
  readonly #aborted: AbortedTransactions
  readonly #reader: LogReader
  #config: LogConfig
  #startOffset: number
  #endOffset: number
  #lastCheckpoint: LogCheckpoint
  /** Is there no checkpoint file, or a damaged one, though there must have been one? */
  #checkpointLost: boolean
  #offline: StreamError | null = null
  readonly #damage = new NoticedDamage((error) => this.onTrouble?.(error))
  #closed: Promise<void> | null = null
  #bytesSinceCheckpoint = 0

  private constructor(machine: Machine, directory: string, options: PartitionLogOptions, created: boolean) {
    this.#machine = machine
    this.directory = directory
    this.topic = options.topic
    this.partition = options.partition
    this.leaderEpoch = options.leaderEpoch
    this.#config = options.config
    this.#checkpoints = new PartitionCheckpointFile(machine.files, directory)
    const saved = this.#checkpoints.load()
    const known = this.#checkpoints.agreed(saved, options.recorded)
    const startOffset = known?.startOffset ?? 0
    // A log start is recorded only after what lies below it was synced.
    const recoveryPoint = Math.max(known?.recoveryPoint ?? 0, startOffset)
    this.#checkpointLost = saved === null && recoveryPoint > 0
    const recovered = recover(machine, directory, {
      cleanShutdown: options.cleanShutdown && known !== null,
      recoveryPoint,
      startOffset,
      indexIntervalBytes: options.config.indexIntervalBytes,
      compacted: options.config.compacted,
      leaderEpoch: options.leaderEpoch,
      facts: new Map(saved?.segments.map((facts) => [facts.baseOffset, facts])),
    })
    this.tailCut = recovered.tailCut
    this.#segments = new SegmentList(machine.files, directory, recovered.segments)
    this.#aborted = new AbortedTransactions(this.#segments, () => this.#config.compacted)
    this.#startOffset = Math.max(startOffset, recovered.segments[0]!.baseOffset)
    this.#endOffset = recovered.endOffset
    this.#syncing = new LogSync(
      machine.files,
      this.#segments,
      Math.min(recoveryPoint, recovered.endOffset),
      () => this.#endOffset,
      (cause) => this.#goOffline(cause),
      options.journal,
    )
    this.#lastCheckpoint = { recoveryPoint: this.#syncing.syncedOffset, startOffset }
    this.#epochs = new LeaderEpochs(machine.files, directory)
    this.#snapshots = new ProducerSnapshots(machine.files, directory, recovered.snapshotOffsets)
    this.#reader = new LogReader(this.#epochs, () => this.#config)
    // What a life that died cut off or renamed may not be durable: the first sync, or checkpoint, makes it so.
    if (recovered.changed || created || !options.cleanShutdown) this.#syncing.named(directory)
    if (created) this.#syncing.named(dirname(directory))
    if (!this.#epochs.load(saved?.epochs ?? null, recoveryPoint, options.leaderEpoch))
      deriveEpochs(this.#segments, recoveryPoint, options.leaderEpoch, this.#epochs)
    const into = { producers: this.#producers, epochs: this.#epochs, nowMs: machine.clock.now() }
    replay(this.#segments, recovered, { recoveryPoint, compacted: options.config.compacted }, into)
  }

  /**
   * Opens the partition in `directory`, which is created when it is not there. Throws LOG_CORRUPT when bytes that were
   * synced are missing or damaged where the log ends, or a .log file is missing or shorter than it was; other damage is
   * found when it is read.
   */
  static open(machine: Machine, directory: string, options: PartitionLogOptions): PartitionLog {
    const created = !machine.files.exists(directory)
    if (created) machine.files.makeDirectory(directory)
    return new PartitionLog(machine, directory, options, created)
  }

  get startOffset(): number {
    return this.#startOffset
  }

  get endOffset(): number {
    return this.#endOffset
  }

  get highWatermark(): number {
    return this.#endOffset
  }

  get lastStableOffset(): number {
    const first = this.#producers.firstUnstableOffset
    return first < 0 ? this.#endOffset : Math.max(first, this.#startOffset)
  }

  get sizeBytes(): number {
    return this.#segments.sizeBytes
  }

  get segmentCount(): number {
    return this.#segments.count
  }

  /** Bytes appended that no checkpoint has covered: what a restart would read again. */
  get bytesSinceCheckpoint(): number {
    return this.#bytesSinceCheckpoint
  }

  /** Is there something that a power cut would take? */
  get unsynced(): boolean {
    return this.#syncing.durableOffset < this.#endOffset
  }

  /** Why it is offline; null while it serves. */
  get offline(): StreamError | null {
    return this.#offline
  }

  /** The first damage that was met while reading, or reported: the rest is served. Null while there is none. */
  get damage(): StreamError | null {
    return this.#damage.first
  }

  /** Damage that was found out elsewhere. */
  report(damage: StreamError): void {
    this.#damage.add(damage)
  }

  get name(): string {
    return `${this.topic}-${this.partition}`
  }

  /** The transactions without a marker, by producer id, also those whose records were deleted. */
  get openTransactions(): ReadonlyMap<number, OpenTransaction> {
    return this.#producers.openTransactions
  }

  updateConfig(config: LogConfig): void {
    this.#config = config
  }

  /**
   * Appends one batch, which gets its offsets patched in. Synchronous: the operating system has it when this returns,
   * the disk when a `sync` called afterwards resolves.
   *
   * Throws BATCH_CORRUPT, INPUT_INVALID, RECORD_TOO_LARGE, COMPRESSION_UNSUPPORTED, OUT_OF_ORDER_SEQUENCE, PRODUCER_FENCED,
   * TRANSACTION_STATE_INVALID, LOG_OFFLINE, DISK_FULL, DISK_FAILED; nothing was appended then.
   */
  append(records: Buffer, options: { readonly origin: 'client' | 'coordinator' }): AppendResult {
    this.#requireOnline()
    const config = this.#config
    if (options.origin === 'client') validateClientBatch(records, config, this.name)
    const producerId = producerIdOf(records, 0)
    if (producerId >= 0) {
      const repeated = this.#producers.checkBatch(
        producerId,
        producerEpochOf(records, 0),
        baseSequenceOf(records, 0),
        recordCountOf(records, 0),
        isTransactional(records, 0),
      )
      if (repeated !== null) return this.#result(repeated.baseOffset, repeated.lastOffset, -1, true)
    }
    let appendTimeMs = -1
    if (config.messageTimestampType === 'LogAppendTime') {
      appendTimeMs = this.#machine.clock.now()
      patchLogAppendTime(records, 0, appendTimeMs)
    }
    return this.#write(records, appendTimeMs)
  }

  /** Appends the marker that ends a transaction. Without an open transaction it takes an offset and changes no index. */
  appendControl(batch: Buffer, coordinatorEpoch: number): AppendResult {
    this.#requireOnline()
    const control = decodeControl(batch, 0)
    assert(control?.coordinatorEpoch === coordinatorEpoch, 'a marker carries the epoch of its coordinator')
    this.#producers.checkMarker(producerIdOf(batch, 0), producerEpochOf(batch, 0), coordinatorEpoch)
    return this.#write(batch, -1)
  }

  #write(batch: Buffer, appendTimeMs: number): AppendResult {
    const baseOffset = this.#endOffset
    patchOffset(batch, 0, baseOffset, this.leaderEpoch)
    const lastOffset = lastOffsetOf(batch, 0)
    assert(lastOffset >= baseOffset, 'L1: a batch takes at least one offset')
    this.#rollIfFull(batch.length, lastOffset)
    const segment = this.#segments.active
    try {
      segment.append(batch, this.#config.indexIntervalBytes)
    } catch (error) {
      this.#undoWrite(segment)
      throw error
    }
    if (this.#epochs.latest !== this.leaderEpoch) this.#epochs.assign(this.leaderEpoch, baseOffset)
    this.#endOffset = lastOffset + 1
    this.#bytesSinceCheckpoint += batch.length
    recordBatch(this.#producers, segment.transactions, batch, 0, this.#machine.clock.now())
    assert(segment.endOffset === this.#endOffset, 'L1: the active segment ends where the log ends')
    this.onAppend?.()
    return this.#result(baseOffset, lastOffset, appendTimeMs, false)
  }

  /** Part of a batch may be in the file: it must not be taken for the tail of the log. */
  #undoWrite(segment: Segment): void {
    try {
      segment.cut(segment.sizeBytes)
    } catch (error) {
      this.#goOffline(error)
    }
  }

  #result(baseOffset: number, lastOffset: number, logAppendTimeMs: number, duplicate: boolean): AppendResult {
    return { baseOffset, lastOffset, logAppendTimeMs, logStartOffset: this.#startOffset, duplicate }
  }

  #rollIfFull(bytes: number, lastOffset: number): void {
    const { segmentBytes, segmentMs } = this.#config
    const { active } = this.#segments
    if (active.sizeBytes === 0) return
    const full = active.sizeBytes + bytes > segmentBytes || lastOffset - active.baseOffset > offsetsPerSegmentMax
    const nowMs = this.#machine.clock.now()
    if (!full && nowMs - active.createdMs < segmentMs) return
    this.#segments.roll(this.#endOffset, nowMs)
    this.#syncing.named(this.directory)
  }

  /**
   * Whole batches from `offset` on, at most `maxBytes` of them; with `minOneBatch` the first one whatever its size.
   * `readCommitted` stops at the last stable offset and names the aborted transactions.
   *
   * Throws LOG_OFFSET_OUT_OF_RANGE, LOG_CORRUPT (naming file and offset), LOG_OFFLINE.
   */
  read(
    offset: number,
    maxBytes: number,
    options: { readonly isolation: 'readUncommitted' | 'readCommitted'; readonly minOneBatch: boolean },
  ): LogRead {
    this.#requireOnline()
    if (offset < this.#startOffset || offset > this.#endOffset) {
      throw new StreamError(
        'LOG_OFFSET_OUT_OF_RANGE',
        `${this.name} was asked for offset ${offset}, it has ${this.#startOffset} to ${this.#endOffset}; seek to one of these`,
      )
    }
    const committed = options.isolation === 'readCommitted'
    const limit = committed ? this.lastStableOffset : this.#endOffset
    const abortedTransactions: AbortedTransaction[] = []
    const records = this.#damage.noticing(() => {
      return this.#readBatches(offset, limit, maxBytes, options.minOneBatch, committed ? abortedTransactions : null)
    })
    return {
      records,
      highWatermark: this.#endOffset,
      lastStableOffset: this.lastStableOffset,
      logStartOffset: this.#startOffset,
      abortedTransactions,
    }
  }

  #readBatches(
    offset: number,
    limit: number,
    maxBytes: number,
    minOneBatch: boolean,
    aborted: AbortedTransaction[] | null,
  ): Buffer {
    for (let number = this.#segments.floor(offset); offset < limit && number < this.#segments.count; number++) {
      const segment = this.#segments.at(number)!
      this.#segments.warmUp(segment)
      const found = this.#reader.read(segment, offset, limit, maxBytes, minOneBatch)
      if (found === null) continue
      if (aborted !== null && found.records.length > 0) this.#aborted.collect(number, offset, found.nextOffset, aborted)
      return found.records
    }
    return nothing
  }

  /** The first record whose timestamp is at least this; null when there is none. Throws LOG_CORRUPT, LOG_OFFLINE. */
  offsetForTimestamp(timestampMs: number): TimestampOffset | null {
    this.#requireOnline()
    return this.#damage.noticing(() => {
      for (const segment of this.#segments.all()) {
        this.#segments.warmUp(segment)
        const found = this.#reader.findTimestamp(segment, timestampMs, this.#startOffset)
        if (found !== null) return found
      }
      return null
    })
  }

  /** Where the largest epoch that is at most this one ends; -1, -1 when no such epoch is known. */
  endOffsetForEpoch(leaderEpoch: number): EpochEnd {
    return this.#epochs.endOf(leaderEpoch, this.leaderEpoch, this.#endOffset)
  }

  /**
   * Moves the log start to `offset`, at most the high watermark. Whole segments below it are dropped; their files go
   * after the next checkpoint. Returns the new log start.
   */
  deleteRecordsBefore(offset: number): number {
    this.#requireOnline()
    if (offset > this.#endOffset) {
      throw new StreamError(
        'LOG_OFFSET_OUT_OF_RANGE',
        `${this.name} ends at ${this.#endOffset}, records cannot be deleted up to ${offset}`,
      )
    }
    if (offset <= this.#startOffset) return this.#startOffset
    this.#startOffset = offset
    this.#epochs.truncateBefore(offset)
    for (const dropped of this.#segments.dropBefore(offset)) this.#reader.forget(dropped)
    this.#damage.forget()
    return offset
  }

  /**
   * L2, many callers sharing one fdatasync. Also covers segments that were rolled since, and the names of new files.
   * A failure takes the partition offline for good: the operating system may have dropped what it could not write.
   */
  sync(): Promise<void> {
    if (this.#offline !== null) return Promise.reject(this.#offline)
    if (this.#config.flush === 'os') return Promise.resolve()
    if (!this.unsynced && !this.#syncing.foldersUnsynced) return Promise.resolve()
    return this.#syncing.join()
  }

  /** As `sync`, for a caller who needs what lies before `offset`: often it is durable already, or will be after the round under way. */
  syncBefore(offset: number): Promise<void> {
    if (this.#offline !== null) return Promise.reject(this.#offline)
    if (offset <= this.#syncing.durableOffset) return Promise.resolve()
    if (this.#config.flush === 'os') return Promise.resolve()
    return this.#syncing.joinBefore(offset)
  }

  #goOffline(cause: unknown): StreamError {
    if (this.#offline !== null) return this.#offline
    this.#offline = new StreamError(
      'LOG_OFFLINE',
      `${this.directory} is offline, what it holds in memory may not be on the disk: ${messageOf(cause)}; check the disk and restart`,
      { cause },
    )
    this.#syncing.fail(this.#offline)
    this.onTrouble?.(this.#offline)
    return this.#offline
  }

  #requireOnline(): void {
    if (this.#offline !== null) throw this.#offline
    if (this.#closed !== null) throw new StreamError('CLOSED', `${this.directory} is closed; open it again`)
  }

  /**
   * Syncs everything, indexes and producers included, and says what may be recorded. The caller records it durably and
   * calls `checkpointed` then. Throws LOG_OFFLINE, and DISK_FULL when only derived files found no room.
   */
  async checkpoint(): Promise<LogCheckpoint> {
    if (this.#offline !== null) throw this.#offline
    const offset = this.#endOffset
    const bytes = this.#bytesSinceCheckpoint
    const checkpoint: LogCheckpoint = { recoveryPoint: offset, startOffset: this.#startOffset }
    const segments = this.#segments.all().map((segment) => segment.facts())
    const content = encodePartitionCheckpoint({ ...checkpoint, epochs: this.#epochs.starts, segments })
    this.#aborted.derived = false
    await this.#orOffline(async () => {
      this.#producers.expire(this.#machine.clock.now() - producerIdExpirationMs)
      this.#snapshots.write(offset, this.#producers)
      this.#syncing.named(this.directory)
      for (const segment of [...this.#segments.all()]) await segment.syncIndexes()
      await this.#snapshots.sync()
      await this.#epochs.save()
    })
    await this.#syncing.syncFiles()
    assert(this.#syncing.syncedOffset >= offset, 'L2: a checkpoint covers what was appended before it')
    await this.#orOffline(() => this.#checkpoints.save(content))
    this.#checkpointLost = false
    this.#lastCheckpoint = checkpoint
    this.#bytesSinceCheckpoint -= bytes
    return checkpoint
  }

  /** What could not be written is derived, and is written at the next checkpoint; what could not be synced is lost. */
  async #orOffline(write: () => Promise<void>): Promise<void> {
    try {
      await write()
    } catch (error) {
      if (StreamError.is(error, 'DISK_FULL')) throw error
      throw this.#goOffline(error)
    }
  }

  /** Would a checkpoint say something new? */
  get checkpointDue(): boolean {
    if (this.#offline !== null) return false
    const { recoveryPoint, startOffset } = this.#lastCheckpoint
    if (recoveryPoint < this.#endOffset || startOffset < this.#startOffset) return true
    if (this.#syncing.foldersUnsynced || this.#checkpointLost || this.#epochs.dirty) return true
    return this.#aborted.derived || this.#segments.indexesDerived
  }

  /** What the last checkpoint said, or what was known at open. */
  get lastCheckpoint(): LogCheckpoint {
    return this.#lastCheckpoint
  }

  /** The last checkpoint is recorded: what only an older one needed may go. */
  checkpointed(checkpoint: LogCheckpoint): void {
    this.#snapshots.dropOld()
    this.#segments.removeDropped(checkpoint.startOffset)
    this.#segments.coolAll()
  }

  /** Syncs everything and lets go of the files. Idempotent; a partition that is offline only lets go. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    try {
      if (this.#offline === null) this.#segments.active.finishIndexes()
      if (this.checkpointDue) await this.checkpoint()
      // An fdatasync may still be under way; that it fails is known already.
      else if (this.#offline !== null) await this.#syncing.syncFiles().catch(() => undefined)
    } finally {
      this.#syncing.close()
      this.#segments.close()
    }
  }
}
