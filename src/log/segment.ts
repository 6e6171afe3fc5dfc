import { assert } from '../base/assert.ts'
import { StreamError } from '../base/errors.ts'
import type { Files, OpenFile } from '../base/files.ts'
import { indexIntervalBytesDefault } from '../base/limits.ts'
import { crcMatches, lastOffsetOf, maxTimestampOf } from '../records/batch-format.ts'
import { BatchScanner } from './batch-scanner.ts'
import { OffsetIndex } from './offset-index.ts'
import type { SegmentFacts } from './segment-facts.ts'
import { segmentPath } from './segment-names.ts'
import { TimeIndex } from './time-index.ts'
import { type AbortedDigest, TransactionIndex } from './transaction-index.ts'

const parts = ['.log', '.index', '.timeindex', '.txnindex'] as const

interface Indexes {
  readonly offsets: OffsetIndex
  readonly times: TimeIndex
}

/**
 * One segment: a .log file of batches and its three indexes, all in Kafka's format.
 *
 * The .log is written at each append; the indexes live in memory while the segment is active and are written when it is
 * sealed, at a checkpoint and at close. A sealed segment opens its file and its indexes when it is read.
 *
 * Laws
 *  S1  every offset in it is ≥ baseOffset and < endOffset, and a sealed one ends at the next one's baseOffset
 *  S2  offsets rise from batch to batch
 *  S3  an offset entry never points past the last whole batch; one that points wrong is found out and the index rebuilt
 *  S4  a .txnindex is used when it is what its digest says, else it is derived (aborted-transactions.ts)
 *
 * Not here: which segment to use (partition-log.ts), repair after a crash (recovery.ts).
 */
export class Segment {
  readonly baseOffset: number
  readonly directory: string
  readonly createdMs: number
  sizeBytes: number
  endOffset: number
  sealed: boolean
  /** Bytes that no fdatasync has covered yet. */
  unsynced = false
  readonly #files: Files
  #file: OpenFile | null = null
  #indexes: Indexes | null = null
  #transactions: TransactionIndex | null = null
  /** S4, while it is sealed; null when nobody knows. */
  #aborted: AbortedDigest | null = null
  /** Of one that grows: are its aborted transactions complete? */
  #complete = false
  #syncs = 0
  #bytesSinceEntry = 0
  #maxTimestampMs = -1
  #maxTimestampOffset: number

  private constructor(
    files: Files,
    directory: string,
    baseOffset: number,
    nowMs: number,
    sizeBytes: number,
    endOffset: number,
  ) {
    this.#files = files
    this.directory = directory
    this.baseOffset = baseOffset
    this.createdMs = nowMs
    this.sizeBytes = sizeBytes
    this.endOffset = endOffset
    this.sealed = false
    this.#maxTimestampOffset = baseOffset
  }

  /** A new one, empty. Bytes that an older life left under these names are cut off. */
  static create(files: Files, directory: string, baseOffset: number, nowMs: number): Segment {
    const segment = new Segment(files, directory, baseOffset, nowMs, 0, baseOffset)
    for (const part of parts) {
      const path = segmentPath(directory, baseOffset, part)
      if (part !== '.log' && files.exists(path)) files.remove(path)
    }
    segment.file().truncate(0)
    segment.#indexes = segment.#freshIndexes()
    segment.#transactions = TransactionIndex.create(segment.#indexPath('.txnindex'))
    segment.#complete = true
    return segment
  }

  /** One that is on disk. `endOffset` is the next segment's base, or a guess that recovery corrects. */
  static existing(
    files: Files,
    directory: string,
    baseOffset: number,
    nowMs: number,
    endOffset: number,
    facts: SegmentFacts | null = null,
  ): Segment {
    const segment = new Segment(files, directory, baseOffset, nowMs, 0, endOffset)
    segment.#aborted = facts?.aborted ?? null
    segment.sizeBytes = segment.file().size()
    return segment
  }

  get path(): string {
    return segmentPath(this.directory, this.baseOffset, '.log')
  }

  file(): OpenFile {
    this.#file ??= this.#files.open(this.path, 'write')
    return this.#file
  }

  #indexPath(part: '.index' | '.timeindex' | '.txnindex'): string {
    return segmentPath(this.directory, this.baseOffset, part)
  }

  #freshIndexes(): Indexes {
    return {
      offsets: OffsetIndex.create(this.#indexPath('.index'), this.baseOffset),
      times: TimeIndex.create(this.#indexPath('.timeindex'), this.baseOffset),
    }
  }

  #loaded(): Indexes {
    if (this.#indexes !== null) return this.#indexes
    const files = this.#files
    const offsets = OffsetIndex.load(files, this.#indexPath('.index'), this.baseOffset, this.sizeBytes)
    const times = TimeIndex.load(files, this.#indexPath('.timeindex'), this.baseOffset, this.endOffset)
    this.#indexes = { offsets, times }
    // A sealed segment has its largest timestamp in the index; without it the files are not what `seal` wrote.
    if (offsets.dirty || times.dirty || (times.count === 0 && this.sizeBytes > 0))
      this.rebuildIndexes(indexIntervalBytesDefault)
    if (this.sealed) this.#checkEnd(offsets.lastPosition)
    return this.#indexes
  }

  /** S1, by the batches behind the last index entry. A broken frame there is told to whoever reads it. */
  #checkEnd(position: number): void {
    const scanner = new BatchScanner(this.file(), position, this.sizeBytes)
    let endOffset = this.baseOffset
    while (scanner.next()) endOffset = lastOffsetOf(scanner.buffer, scanner.at) + 1
    if (scanner.problem !== null || endOffset === this.endOffset) return
    // Whoever asks next is told again.
    this.#indexes = null
    this.requireEnd(endOffset)
  }

  /** S1: nothing compacts yet, so no offset may be missing. */
  requireEnd(endOffset: number): void {
    if (!this.sealed || endOffset === this.endOffset) return
    throw this.corrupt(endOffset, this.sizeBytes, `the file ends there, the next one begins at ${this.endOffset}`)
  }

  get offsets(): OffsetIndex {
    return this.#loaded().offsets
  }

  get times(): TimeIndex {
    return this.#loaded().times
  }

  /** Of one that grows. */
  get transactions(): TransactionIndex {
    assert(!this.sealed && this.#transactions !== null, 'a segment that takes batches has its indexes')
    return this.#transactions
  }

  /** True without a look at the disk. */
  get hasNoAborts(): boolean {
    return this.sealed ? this.#aborted?.count === 0 : this.#complete && this.transactions.count === 0
  }

  /** S4: null when it has to be derived. */
  knownTransactions(): TransactionIndex | null {
    if (!this.sealed) return this.#complete ? this.#transactions : null
    if (this.#aborted === null) return null
    this.#transactions ??= TransactionIndex.load(this.#files, this.#indexPath('.txnindex'), this.#aborted)
    return this.#transactions
  }

  /** An empty one to derive into; `adoptTransactions` takes it. */
  freshTransactions(): TransactionIndex {
    return TransactionIndex.anew(this.#files, this.#indexPath('.txnindex'))
  }

  adoptTransactions(index: TransactionIndex): void {
    this.#transactions = index
    this.#complete = true
    if (this.sealed) this.#aborted = index.digest()
    index.flush(this.#files)
  }

  /** For a checkpoint. */
  facts(): SegmentFacts {
    const { baseOffset, sealed } = this
    const aborted = sealed ? this.#aborted : this.#complete ? this.transactions.digest() : null
    return { baseOffset, endOffset: sealed ? this.endOffset : -1, sizeBytes: sealed ? this.sizeBytes : -1, aborted }
  }

  /** Must its indexes be synced before the recovery point may move? */
  get indexesUnsynced(): boolean {
    if (this.#transactions?.unsynced === true) return true
    if (this.#indexes === null) return false
    return this.#indexes.offsets.unsynced || this.#indexes.times.unsynced
  }

  /** For recovery: what the indexes say about offsets below `offset`, and nothing else. */
  loadIndexesBelow(offset: number): void {
    const files = this.#files
    const offsets = OffsetIndex.load(files, this.#indexPath('.index'), this.baseOffset, this.sizeBytes)
    const times = TimeIndex.load(
      files,
      this.#indexPath('.timeindex'),
      this.baseOffset,
      Math.max(offset, this.baseOffset),
    )
    offsets.truncateFrom(offset)
    // An entry behind the last one here was written at a close, perhaps not synced: the walk that follows derives it anew.
    times.truncateFrom(offsets.lastOffset + 1)
    this.#indexes = { offsets, times }
    this.#loadTransactionsBelow(offset)
    if (times.count > 0) {
      this.#maxTimestampMs = times.timestampAt(times.count - 1)
      this.#maxTimestampOffset = times.offsetAt(times.count - 1)
    }
  }

  #loadTransactionsBelow(offset: number): void {
    const path = this.#indexPath('.txnindex')
    const sound = this.#aborted === null ? null : TransactionIndex.load(this.#files, path, this.#aborted)
    sound?.truncateFrom(offset)
    this.#transactions = sound ?? this.freshTransactions()
    // What begins above is all derived by recovery itself.
    this.#complete = sound !== null || this.baseOffset >= offset
  }

  /** Forgets the offset and time indexes: they are derived anew by `account`. */
  resetIndexes(): void {
    const kept = this.#loaded()
    kept.offsets.truncateFrom(this.baseOffset)
    kept.times.truncateFrom(this.baseOffset)
    this.#bytesSinceEntry = 0
    this.#maxTimestampMs = -1
    this.#maxTimestampOffset = this.baseOffset
  }

  /** Writes one batch at the end. */
  append(batch: Buffer, indexIntervalBytes: number): void {
    assert(!this.sealed, 'only the active segment grows')
    const position = this.sizeBytes
    this.unsynced = true
    this.file().write(batch, 0, batch.length, position)
    this.account(batch, 0, batch.length, position, indexIntervalBytes)
    this.sizeBytes = position + batch.length
  }

  /** Takes the batch at `position` of the file into the indexes. */
  account(buffer: Buffer, at: number, size: number, position: number, indexIntervalBytes: number): void {
    const lastOffset = lastOffsetOf(buffer, at)
    const timestampMs = maxTimestampOf(buffer, at)
    assert(lastOffset >= this.baseOffset, 'S1: an offset is not below its segment')
    if (timestampMs > this.#maxTimestampMs) {
      this.#maxTimestampMs = timestampMs
      this.#maxTimestampOffset = lastOffset
    }
    if (this.#bytesSinceEntry > indexIntervalBytes) {
      this.offsets.append(lastOffset, position)
      if (this.#maxTimestampMs >= 0) this.times.offer(this.#maxTimestampMs, this.#maxTimestampOffset)
      this.#bytesSinceEntry = 0
    }
    this.#bytesSinceEntry += size
    this.endOffset = lastOffset + 1
  }

  /** As `account`, for the batch that the last offset entry points to. */
  accountIndexed(buffer: Buffer, at: number, size: number): void {
    this.#bytesSinceEntry = size
    this.endOffset = lastOffsetOf(buffer, at) + 1
  }

  /**
   * Derives the offset and time index from the batches again, as far as they are sound: reading past that point
   * says LOG_CORRUPT by itself.
   */
  rebuildIndexes(indexIntervalBytes: number): void {
    const { endOffset } = this
    this.resetIndexes()
    this.endOffset = this.baseOffset
    const scanner = new BatchScanner(this.file(), 0, this.sizeBytes)
    while (scanner.next()) {
      const lastOffset = lastOffsetOf(scanner.buffer, scanner.at)
      if (lastOffset < this.endOffset || lastOffset >= endOffset || !crcMatches(scanner.buffer, scanner.at)) break
      this.account(scanner.buffer, scanner.at, scanner.size, scanner.position, indexIntervalBytes)
    }
    this.endOffset = endOffset
    if (this.sealed) this.#finish()
  }

  /** The last entry of the time index covers the whole segment: so its maximum is known without a walk. */
  #finish(): void {
    if (this.#maxTimestampMs >= 0) this.times.offer(this.#maxTimestampMs, this.#maxTimestampOffset)
    this.flushIndexes()
  }

  /** No batch will follow. */
  seal(): void {
    assert(!this.sealed, 'a segment is sealed once')
    this.#finish()
    this.#aborted = this.#complete ? this.transactions.digest() : null
    this.sealed = true
  }

  /** Of an active segment that closes: its indexes are complete, and a later life may go on appending. */
  finishIndexes(): void {
    this.#finish()
  }

  /** Where a walk that must meet every batch from `offset` on may begin. */
  walkFrom(offset: number): number {
    if (this.sealed) return 0
    const entry = this.offsets.lookup(offset)
    return entry < 0 ? 0 : this.offsets.positionAt(entry)
  }

  flushIndexes(): void {
    this.#indexes?.offsets.flush(this.#files)
    this.#indexes?.times.flush(this.#files)
    this.#transactions?.flush(this.#files)
  }

  /** The largest timestamp in it; -1 when it has none. */
  get maxTimestampMs(): number {
    if (!this.sealed) return this.#maxTimestampMs
    return this.times.count === 0 ? -1 : this.times.timestampAt(this.times.count - 1)
  }

  async sync(): Promise<void> {
    this.unsynced = false
    this.#syncs++
    try {
      await this.file().sync()
    } finally {
      this.#syncs--
    }
  }

  async syncIndexes(): Promise<void> {
    const indexes = this.#indexes
    await this.#transactions?.sync(this.#files)
    await indexes?.offsets.sync(this.#files)
    await indexes?.times.sync(this.#files)
  }

  /** Is an fdatasync under way? Then its descriptor must stay open. */
  get syncing(): boolean {
    return this.#syncs > 0
  }

  /** Cuts the file after the last whole batch. */
  cut(sizeBytes: number): void {
    this.file().truncate(sizeBytes)
    this.sizeBytes = sizeBytes
    this.unsynced = true
  }

  /** Lets go of what a sealed segment needs only while it is read. */
  cool(): void {
    if (!this.sealed || this.unsynced || this.syncing || this.indexesUnsynced) return
    this.#indexes = null
    this.#transactions = null
    this.close()
  }

  close(): void {
    this.#file?.close()
    this.#file = null
  }

  remove(): void {
    this.close()
    for (const part of parts) {
      const path = segmentPath(this.directory, this.baseOffset, part)
      if (this.#files.exists(path)) this.#files.remove(path)
    }
  }

  /** Damage that no retry mends, named so that someone can act. */
  corrupt(offset: number, position: number, problem: string): StreamError {
    return new StreamError(
      'LOG_CORRUPT',
      `${this.path} is damaged at offset ${offset} (byte ${position}): ${problem}; restore the file, or delete records up to the next sound offset`,
    )
  }
}
