import {
  baseOffsetOf,
  crcMatches,
  isControl,
  isTransactional,
  lastOffsetOf,
  producerIdOf,
} from '../records/batch-format.ts'
import { decodeControl } from '../records/control-record.ts'
import { gapProblem } from './batch-place.ts'
import { BatchScanner } from './batch-scanner.ts'
import type { AbortedTransaction } from './log-config.ts'
import type { Segment } from './segment.ts'
import type { SegmentList } from './segment-list.ts'
import type { TransactionIndex } from './transaction-index.ts'

/**
 * The aborted transactions of a partition, for read_committed readers: from the .txnindex of each segment, and where
 * that is missing or damaged from the batches.
 *
 * Deriving the index of a segment needs the transactions that were open where it begins, so the walk begins where the
 * log begins. It goes no further than it is asked to, and on from there the next time.
 *
 * Laws
 *  D1  an index is derived from batches with matching CRCs that follow each other, or the damage is LOG_CORRUPT
 */
export class AbortedTransactions {
  readonly #segments: SegmentList
  readonly #isCompacted: () => boolean
  /** Of the walk: producer id → first offset of its open transaction. The earliest is the first one. */
  readonly #open = new Map<number, number>()
  /** The base offset of the segment that the walk comes to next; -1 before the first. */
  #next = -1
  /** Is there an index that no checkpoint knows of yet? */
  derived = false

  constructor(segments: SegmentList, isCompacted: () => boolean) {
    this.#segments = segments
    this.#isCompacted = isCompacted
  }

  /** Adds those that touch `[fromOffset, toOffset)`, from the segment of this number on. Throws LOG_CORRUPT. */
  collect(number: number, fromOffset: number, toOffset: number, into: AbortedTransaction[]): void {
    for (let at = number; at < this.#segments.count; at++) {
      const segment = this.#segments.at(at)!
      if (segment.hasNoAborts) continue
      if (at > number && this.#nothingOpenAt(segment.baseOffset, toOffset)) return
      this.#segments.warmUp(segment)
      const index = segment.knownTransactions() ?? this.#derive(segment)
      if (index.collect(fromOffset, toOffset, into)) return
    }
  }

  /** Does the walk stand there, and is every transaction decided that began below? Then later segments name none of them. */
  #nothingOpenAt(baseOffset: number, belowOffset: number): boolean {
    if (this.#next !== baseOffset) return false
    const [firstOpen] = this.#open.values()
    return firstOpen === undefined || firstOpen >= belowOffset
  }

  #derive(wanted: Segment): TransactionIndex {
    if (this.#next < 0 || wanted.baseOffset < this.#next) {
      this.#open.clear()
      this.#next = this.#segments.at(0)!.baseOffset
    }
    this.derived = true
    for (const segment of this.#segments.all()) {
      if (segment.baseOffset < this.#next) continue
      const known = segment === wanted ? null : segment.knownTransactions()
      const index = known === null ? segment.freshTransactions() : null
      this.#next = -1
      this.#walk(segment, index)
      if (index !== null) segment.adoptTransactions(index)
      // What still grows is walked from the log start if it is ever wanted again.
      if (segment.sealed) this.#next = segment.endOffset
      if (segment !== wanted) segment.cool()
      else break
    }
    return wanted.knownTransactions()!
  }

  /** D1 */
  #walk(segment: Segment, index: TransactionIndex | null): void {
    const scanner = new BatchScanner(segment.file(), 0, segment.sizeBytes)
    let expected = segment.baseOffset
    while (scanner.next()) {
      const { buffer, at, position } = scanner
      const baseOffset = baseOffsetOf(buffer, at)
      const gap = gapProblem(baseOffset, expected, this.#isCompacted())
      if (gap !== null) throw segment.corrupt(expected, position, gap)
      if (!crcMatches(buffer, at)) throw segment.corrupt(expected, position, 'its checksum does not match')
      this.#meet(buffer, at, baseOffset, index)
      expected = lastOffsetOf(buffer, at) + 1
    }
    if (scanner.problem !== null) throw segment.corrupt(expected, scanner.position, scanner.problem)
    segment.requireEnd(expected)
  }

  #meet(buffer: Buffer, at: number, baseOffset: number, index: TransactionIndex | null): void {
    const producerId = producerIdOf(buffer, at)
    if (producerId < 0) return
    if (!isControl(buffer, at)) {
      if (isTransactional(buffer, at) && !this.#open.has(producerId)) this.#open.set(producerId, baseOffset)
      return
    }
    const control = decodeControl(buffer, at)
    const firstOffset = this.#open.get(producerId)
    if (control === null || firstOffset === undefined) return
    this.#open.delete(producerId)
    if (control.type !== 'abort' || index === null) return
    const [firstOpen] = this.#open.values()
    index.append({ producerId, firstOffset, lastOffset: baseOffset, lastStableOffset: firstOpen ?? baseOffset + 1 })
  }
}
