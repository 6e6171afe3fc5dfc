import { assert } from '../base/assert.ts'
import { BatchCursor } from '../records/batch-cursor.ts'
import {
  baseOffsetOf,
  batchHeaderBytes,
  batchSize,
  crcMatches,
  frameProblem,
  lastOffsetOf,
  maxTimestampOf,
  partitionLeaderEpochOf,
} from '../records/batch-format.ts'
import { gapProblem, misplaced } from './batch-place.ts'
import { BatchScanner } from './batch-scanner.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { LogConfig, TimestampOffset } from './log-config.ts'
import type { Segment } from './segment.ts'

const hintsKept = 8
const nothing = Buffer.alloc(0)

interface Hint {
  readonly segment: Segment
  readonly offset: number
  readonly position: number
}

export interface SegmentRead {
  readonly records: Buffer
  /** The first offset behind what was read; the offset asked for when nothing was. */
  readonly nextOffset: number
}

/**
 * Reads batches of one segment: one positional read into a fresh buffer, then a walk over frames in memory.
 *
 * A reader that goes on where it stopped is recognised, so the index is asked only by those who jump.
 *
 * Laws
 *  R1  every batch that is handed out, or that tells of a time, has a matching CRC
 *  R2  batches are handed out whole, in offset order
 *  R3  base offset and leader epoch, which no CRC covers, are what their neighbours and the epoch history say
 *  R4  what a segment should have and has not is LOG_CORRUPT: the next segment is no answer
 */
export class LogReader {
  #hints: Hint[] = []
  /** The base offset of the batch that `#positionOf` found. */
  #expected = -1
  readonly #epochs: LeaderEpochs
  readonly #config: () => LogConfig

  constructor(epochs: LeaderEpochs, config: () => LogConfig) {
    this.#epochs = epochs
    this.#config = config
  }

  get #chunkBytes(): number {
    return this.#config().indexIntervalBytes * 2
  }

  /** A segment goes away. */
  forget(segment: Segment): void {
    this.#hints = this.#hints.filter((hint) => hint.segment !== segment)
  }

  /**
   * Batches from the one that holds `offset` on (or the next, when `offset` lies in a gap), none that begins at or above
   * `endOffset`. Null when this segment has none.
   */
  read(
    segment: Segment,
    offset: number,
    endOffset: number,
    maxBytes: number,
    minOneBatch: boolean,
  ): SegmentRead | null {
    const position = this.#positionOf(segment, offset)
    if (position === segment.sizeBytes) {
      segment.requireEnd(offset)
      return null
    }
    let buffer = readAt(segment, position, Math.min(Math.max(maxBytes, batchHeaderBytes), segment.sizeBytes - position))
    let size = requireFrame(segment, offset, buffer, 0, position)
    if (baseOffsetOf(buffer, 0) >= endOffset) {
      const problem = this.#placeProblem(segment, baseOffsetOf(buffer, 0), this.#expected)
      if (problem !== null) throw segment.corrupt(offset, position, problem)
      return { records: nothing, nextOffset: offset }
    }
    if (size > maxBytes && !minOneBatch) return { records: nothing, nextOffset: offset }
    if (size > buffer.length) buffer = readAt(segment, position, size)
    let at = 0
    let nextOffset = offset
    for (;;) {
      const baseOffset = baseOffsetOf(buffer, at)
      if (baseOffset >= endOffset) break
      const problem = this.#problemOf(buffer, at, at === 0 ? this.#expected : nextOffset)
      if (problem !== null) {
        // What stands before the damage is sound: it is handed out, and the next read reports the damage.
        if (at > 0) break
        throw segment.corrupt(offset, position, problem)
      }
      nextOffset = lastOffsetOf(buffer, at) + 1
      at += size
      if (at + batchHeaderBytes > buffer.length || frameProblem(buffer, at, buffer.length) !== null) break
      size = batchSize(buffer, at)
    }
    assert(at <= buffer.length, 'R2: batches are whole')
    this.#remember({ segment, offset: nextOffset, position: position + at })
    return { records: buffer.subarray(0, at), nextOffset }
  }

  /** R3 for a batch that is not handed out: nothing but its place is of interest. */
  #placeProblem(segment: Segment, baseOffset: number, expected: number): string | null {
    const possible = this.#config().compacted ? baseOffset < segment.endOffset : baseOffset === expected
    return possible ? null : misplaced(baseOffset, expected)
  }

  /** R1, R3: what is wrong with a whole batch that should begin at `expected`; null when nothing is. */
  #problemOf(buffer: Buffer, at: number, expected: number): string | null {
    const baseOffset = baseOffsetOf(buffer, at)
    const gap = gapProblem(baseOffset, expected, this.#config().compacted)
    if (gap !== null) return gap
    const epoch = this.#epochs.epochAt(baseOffset)
    if (epoch >= 0 && partitionLeaderEpochOf(buffer, at) !== epoch) {
      return `a batch there says leader epoch ${partitionLeaderEpochOf(buffer, at)}, ${epoch} was expected`
    }
    return crcMatches(buffer, at) ? null : 'its checksum does not match'
  }

  #remember(hint: Hint): void {
    if (this.#hints.length === hintsKept) this.#hints.shift()
    this.#hints.push(hint)
  }

  /** Where the first batch whose last offset is at least `offset` begins; the size of the segment when there is none. */
  #positionOf(segment: Segment, offset: number): number {
    for (let index = this.#hints.length - 1; index >= 0; index--) {
      const hint = this.#hints[index]!
      if (hint.offset !== offset || hint.segment !== segment) continue
      this.#hints.splice(index, 1)
      this.#expected = offset
      return hint.position
    }
    const scanner = segment.scanFrom(offset, this.#chunkBytes)
    let expected = -1
    while (scanner.next()) {
      const { buffer, at } = scanner
      const baseOffset = baseOffsetOf(buffer, at)
      // The first batch of a segment and those behind another one are checked; one that an index entry names is known.
      if (expected < 0) expected = scanner.position === 0 ? segment.baseOffset : baseOffset
      const gap = gapProblem(baseOffset, expected, this.#config().compacted)
      // A damaged one that lies below is not asked for: it ends where its place says, and the next one confirms that.
      const lastOffset = lastOffsetOf(buffer, at) + (gap === null ? 0 : expected - baseOffset)
      if (lastOffset >= offset) {
        if (gap !== null) throw segment.corrupt(expected, scanner.position, gap)
        this.#expected = baseOffset
        return scanner.position
      }
      expected = lastOffset + 1
    }
    if (scanner.problem !== null)
      throw segment.corrupt(Math.max(expected, segment.baseOffset), scanner.position, scanner.problem)
    this.#expected = segment.endOffset
    return segment.sizeBytes
  }

  /** The first record with at least this timestamp and offset; null when the segment has none. */
  findTimestamp(segment: Segment, timestampMs: number, fromOffset: number): TimestampOffset | null {
    if (segment.maxTimestampMs < timestampMs) return null
    const position = this.#positionOf(segment, Math.max(segment.times.lookup(timestampMs), fromOffset))
    const scanner = new BatchScanner(segment.file(), position, segment.sizeBytes, this.#chunkBytes)
    const cursor = new BatchCursor()
    let expected = this.#expected
    while (scanner.next()) {
      const { buffer, at } = scanner
      // Also of a batch that is passed over: its largest timestamp is believed.
      const problem = this.#problemOf(buffer, at, expected)
      if (problem !== null) throw segment.corrupt(expected, scanner.position, problem)
      expected = lastOffsetOf(buffer, at) + 1
      if (maxTimestampOf(buffer, at) < timestampMs) continue
      cursor.open(buffer, at)
      while (cursor.next()) {
        if (cursor.timestampMs < timestampMs || cursor.offset < fromOffset) continue
        return {
          offset: cursor.offset,
          timestampMs: cursor.timestampMs,
          leaderEpoch: partitionLeaderEpochOf(buffer, at),
        }
      }
    }
    if (scanner.problem !== null) throw segment.corrupt(expected, scanner.position, scanner.problem)
    return null
  }
}

function readAt(segment: Segment, position: number, length: number): Buffer {
  const buffer = Buffer.allocUnsafeSlow(length)
  const count = segment.file().read(buffer, 0, length, position)
  if (count < length)
    throw segment.corrupt(
      segment.baseOffset,
      position + count,
      `the file ends there, ${segment.sizeBytes} bytes were written`,
    )
  return buffer
}

/** The size of the batch at `at`; LOG_CORRUPT when its frame is broken or reaches past the segment. */
function requireFrame(segment: Segment, offset: number, buffer: Buffer, at: number, position: number): number {
  const problem = frameProblem(buffer, at, at + (segment.sizeBytes - position))
  if (problem !== null || buffer.length < batchHeaderBytes) {
    throw segment.corrupt(offset, position, problem ?? 'a batch header does not fit')
  }
  return batchSize(buffer, at)
}
