import { assert } from '../base/assert.ts'
import { StreamError } from '../base/errors.ts'
import type { Files, OpenFile } from '../base/files.ts'
import { indexIntervalBytesDefault } from '../base/limits.ts'
import { baseOffsetOf, crcMatches, lastOffsetOf, maxTimestampOf } from '../records/batch-format.ts'
import { BatchScanner } from './batch-scanner.ts'
import type { EntryDigest } from './entry-file.ts'
import { OffsetIndex } from './offset-index.ts'
import type { SegmentFacts } from './segment-facts.ts'
import { segmentPath } from './segment-names.ts'
import { TimeIndex } from './time-index.ts'
import { TransactionIndex } from './transaction-index.ts'

/** The .log last: what is left of the others would seem to miss it (S5). */
const parts = ['.index', '.timeindex', '.txnindex', '.log'] as const

interface Indexes {
  readonly offsets: OffsetIndex
  readonly times: TimeIndex
}

interface IndexDigests {
  readonly offsets: EntryDigest
  readonly times: EntryDigest
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
 *  S3  an .index and a .timeindex are used when they are what their digests say, else they are derived; an offset entry
 *      never points past the last whole batch, and one that points wrong is found out
 *  S4  a .txnindex is used when it is what its digest says, else it is derived (aborted-transactions.ts)
 *  S5  an .index is on the disk only where the .log had bytes, and wherever bytes of it were synced: a .log that is missing
 *      or empty beside one has lost them
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
  #aborted: EntryDigest | null = null
  /** S3: what the index files are, when they are sound and whole; null when nobody knows. */
  #digests: IndexDigests | null = null
  /** Of one that grows: are its aborted transactions complete? */
  #complete = false
  #syncs = 0
  /** S5: is its .index there? */
  #witnessed = false
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
    segment.empty()
    segment.file().truncate(0)
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
    if (facts != null && facts.offsets !== null && facts.times !== null)
      segment.#digests = { offsets: facts.offsets, times: facts.times }
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

  /** S3: null when one of them has to be derived. */
  #knownIndexes(): Indexes | null {
    if (this.#digests === null) return null
    const { offsets: known, times: knownTimes } = this.#digests
    const offsets = OffsetIndex.load(this.#files, this.#indexPath('.index'), this.baseOffset, known)
    const times = TimeIndex.load(this.#files, this.#indexPath('.timeindex'), this.baseOffset, knownTimes)
    return offsets === null || times === null ? null : { offsets, times }
  }

  #emptyIndexes(): Indexes {
    return {
      offsets: OffsetIndex.anew(this.#files, this.#indexPath('.index'), this.baseOffset),
      times: TimeIndex.anew(this.#files, this.#indexPath('.timeindex'), this.baseOffset),
    }
  }

  /** Of one that grows they are in memory from the beginning. */
  #loaded(): Indexes {
    if (this.#indexes !== null) return this.#indexes
    assert(this.sealed, 'a segment that takes batches has its indexes')
    const known = this.#knownIndexes()
    this.#indexes = known ?? this.#emptyIndexes()
    if (known === null || known.offsets.dirty || known.times.dirty) this.#deriveIndexes()
    this.#checkEnd(this.#indexes.offsets.lastPosition)
    return this.#indexes
  }

  /** S1, by the batches behind the last index entry. A damaged one there is told to whoever reads it. */
  #checkEnd(position: number): void {
    const scanner = new BatchScanner(this.file(), position, this.sizeBytes)
    let endOffset = this.baseOffset
    while (scanner.next()) {
      const lastOffset = lastOffsetOf(scanner.buffer, scanner.at)
      if (lastOffset < endOffset || lastOffset >= this.endOffset) return
      endOffset = lastOffset + 1
    }
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
    const { offsets, times } = (sealed ? this.#digests : this.#digest()) ?? { offsets: null, times: null }
    const size = sealed ? { endOffset: this.endOffset, sizeBytes: this.sizeBytes } : { endOffset: -1, sizeBytes: -1 }
    return { baseOffset, ...size, aborted, offsets, times }
  }

  #digest(): IndexDigests {
    const { offsets, times } = this.#loaded()
    return { offsets: offsets.digest(), times: times.digest() }
  }

  /** Must its indexes be synced before the recovery point may move? */
  get indexesUnsynced(): boolean {
    if (this.#transactions?.unsynced === true) return true
    if (this.#indexes === null) return false
    return this.#indexes.offsets.unsynced || this.#indexes.times.unsynced
  }

  /** For recovery: what the indexes said at the last checkpoint, which knew of nothing at or above `offset`. */
  loadIndexesBelow(offset: number): void {
    this.#indexes = this.#knownIndexes() ?? this.#emptyIndexes()
    this.#loadTransactionsBelow(offset)
    const { times } = this.#indexes
    if (times.count === 0) return
    // Batches behind this entry and below `offset` have no larger one (T2), so a walk need not begin before it.
    this.#maxTimestampMs = times.timestampAt(times.count - 1)
    this.#maxTimestampOffset = times.offsetAt(times.count - 1)
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
    kept.offsets.clear()
    kept.times.clear()
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
   * Derives the offset and time index from the batches again, as far as these are sound and follow each other: reading
   * past that point says LOG_CORRUPT by itself. Indexes that end there have no digest: the next life derives them too. A gap
   * ends them, too: nothing compacts yet.
   */
  #deriveIndexes(): void {
    const { endOffset } = this
    this.resetIndexes()
    this.endOffset = this.baseOffset
    const scanner = new BatchScanner(this.file(), 0, this.sizeBytes)
    while (scanner.next()) {
      const { buffer, at, size, position } = scanner
      const follows = baseOffsetOf(buffer, at) === this.endOffset && lastOffsetOf(buffer, at) < endOffset
      if (!follows || !crcMatches(buffer, at)) break
      this.account(buffer, at, size, position, indexIntervalBytesDefault)
    }
    const whole = this.endOffset === endOffset
    this.endOffset = endOffset
    this.#finish()
    if (!whole) this.#digests = null
  }

  /** The last entry of the time index covers the whole segment: so its maximum is known without a walk. */
  #finish(): void {
    if (this.#maxTimestampMs >= 0) this.times.offer(this.#maxTimestampMs, this.#maxTimestampOffset)
    this.flushIndexes()
    this.#digests = this.#digest()
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

  /** A walk that meets every batch from `offset` on: from the nearest index entry that tells the truth. */
  scanFrom(offset: number, chunkBytes?: number): BatchScanner {
    const { offsets } = this
    for (let entry = offsets.lookup(offset); entry >= 0; entry--) {
      const scanner = new BatchScanner(this.file(), offsets.positionAt(entry), this.sizeBytes, chunkBytes)
      if (!scanner.next() || lastOffsetOf(scanner.buffer, scanner.at) !== offsets.offsetAt(entry)) continue
      scanner.rewind()
      return scanner
    }
    return new BatchScanner(this.file(), 0, this.sizeBytes, chunkBytes)
  }

  /** S5 */
  flushIndexes(): void {
    if (this.sizeBytes === 0) return
    this.#indexes?.offsets.flush(this.#files)
    this.#indexes?.times.flush(this.#files)
    this.#transactions?.flush(this.#files)
  }

  /** No timestamp in it is larger; -1 when it has none. */
  get maxTimestampMs(): number {
    if (!this.sealed) return this.#maxTimestampMs
    // Loads them, and derives what nobody knows: where there is no digest even then, they end at damage.
    const { times } = this
    if (this.#digests === null) return Number.MAX_SAFE_INTEGER
    return times.count === 0 ? -1 : times.timestampAt(times.count - 1)
  }

  async sync(): Promise<void> {
    this.unsynced = false
    this.#syncs++
    try {
      await this.file().sync()
    } finally {
      this.#syncs--
    }
    if (!this.#witnessed && this.sizeBytes > 0) this.#witness()
  }

  /** S5. A full disk takes nothing from it but the hint. */
  #witness(): void {
    this.#witnessed = true
    const path = this.#indexPath('.index')
    try {
      if (!this.#files.exists(path)) this.#files.open(path, 'write').close()
    } catch (error) {
      if (!StreamError.is(error, 'DISK_FULL')) throw error
    }
  }

  async syncIndexes(): Promise<void> {
    if (this.sizeBytes === 0) return
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

  /** S5: recovery left nothing of it. */
  empty(): void {
    assert(this.sizeBytes === 0 && !this.sealed, 'only a segment without batches is emptied')
    for (const part of ['.index', '.timeindex', '.txnindex'] as const) {
      const path = this.#indexPath(part)
      if (this.#files.exists(path)) this.#files.remove(path)
    }
    this.#indexes = this.#freshIndexes()
    this.#transactions = TransactionIndex.create(this.#indexPath('.txnindex'))
    this.#complete = true
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

  /** A sound batch is not cut off because the count of starts went back. */
  fromTheFuture(offset: number, position: number, epoch: number, nextEpoch: number): StreamError {
    const problem = `a sound batch there was written in life ${epoch} of this folder, and log-directory.json says that number ${nextEpoch} begins`
    return this.corrupt(offset, position, problem)
  }

  /** Damage that no retry mends, named so that someone can act. */
  corrupt(offset: number, position: number, problem: string): StreamError {
    return new StreamError(
      'LOG_CORRUPT',
      `${this.path} is damaged at offset ${offset} (byte ${position}): ${problem}; restore the file, or delete records up to the next sound offset`,
    )
  }
}
