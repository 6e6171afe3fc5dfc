import { assert } from '../base/assert.ts'
import type { Files } from '../base/files.ts'
import { warmSegmentsMax } from '../base/limits.ts'
import { Segment } from './segment.ts'

/**
 * The segments of one partition, oldest first. The last one is active, the others are sealed.
 *
 * Laws
 *  M1  base offsets rise; a segment ends where the next begins
 *  M2  a sealed segment that nobody reads holds no descriptor
 */
export class SegmentList {
  readonly #files: Files
  readonly #directory: string
  readonly #segments: Segment[]
  /** Sealed ones that were read last. */
  #warm: Segment[] = []
  /** Did one that was let go have indexes that were derived anew? */
  #derived = false
  /** Dropped ones whose files are still there. */
  #doomed: Segment[] = []

  constructor(files: Files, directory: string, segments: Segment[]) {
    assert(segments.length > 0, 'M1: there is an active segment')
    this.#files = files
    this.#directory = directory
    this.#segments = segments
  }

  get active(): Segment {
    return this.#segments[this.#segments.length - 1]!
  }

  get count(): number {
    return this.#segments.length
  }

  get sizeBytes(): number {
    let bytes = 0
    for (const segment of this.#segments) bytes += segment.sizeBytes
    return bytes
  }

  /** The segment of this number, or undefined past the last. */
  at(number: number): Segment | undefined {
    return this.#segments[number]
  }

  all(): readonly Segment[] {
    return this.#segments
  }

  /** The number of the segment that would hold the offset. */
  floor(offset: number): number {
    let low = 0
    let high = this.#segments.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#segments[middle]!.baseOffset <= offset) low = middle + 1
      else high = middle
    }
    return Math.max(0, low - 1)
  }

  /** Seals the active segment and begins a new one. When that fails nothing has changed. */
  roll(baseOffset: number, nowMs: number): void {
    assert(baseOffset > this.active.baseOffset, 'M1: base offsets rise')
    const next = Segment.create(this.#files, this.#directory, baseOffset, nowMs)
    try {
      this.active.seal()
    } catch (error) {
      next.remove()
      throw error
    }
    this.#segments.push(next)
  }

  /** Drops segments that lie below the offset; the active one stays. Their files go with `removeDropped`. */
  dropBefore(offset: number): Segment[] {
    let count = 0
    while (count + 1 < this.#segments.length && this.#segments[count + 1]!.baseOffset <= offset) count++
    const dropped = this.#segments.splice(0, count)
    this.#warm = this.#warm.filter((segment) => !dropped.includes(segment))
    this.#doomed.push(...dropped)
    return dropped
  }

  removeDropped(belowOffset: number): void {
    const kept: Segment[] = []
    for (const segment of this.#doomed) {
      if (segment.endOffset <= belowOffset && !segment.syncing) segment.remove()
      else kept.push(segment)
    }
    this.#doomed = kept
  }

  /** Oldest first: recovery ends the log at the first hole, so later ones must not count before earlier ones. */
  unsynced(): Segment[] {
    return [...this.#doomed, ...this.#segments].filter((segment) => segment.unsynced)
  }

  /** The segment is about to be read: it stays open, the one that was read longest ago is let go (M2). */
  warmUp(segment: Segment): void {
    if (!segment.sealed || this.#warm.at(-1) === segment) return
    this.#warm = this.#warm.filter((other) => other !== segment)
    this.#warm.push(segment)
    if (this.#warm.length <= warmSegmentsMax) return
    const oldest = this.#warm.shift()!
    this.#derived ||= oldest.indexesUnsynced
    oldest.cool()
  }

  /** Are there indexes of sealed segments that no checkpoint knows of? */
  get indexesDerived(): boolean {
    return this.#derived || this.#warm.some((segment) => segment.indexesUnsynced)
  }

  /** M2 */
  coolAll(): void {
    this.#warm = []
    this.#derived = false
    for (const segment of this.#segments) segment.cool()
  }

  close(): void {
    for (const segment of [...this.#segments, ...this.#doomed]) segment.close()
  }
}
