import { readInt64 } from '../../src/base/bytes.ts'
import type { Serde } from '../../src/base/serde.ts'
import type { OpenGeneration } from '../open-generation.ts'
import { entryHeadBytes, flagBytes, nextEntry } from './packed-row.ts'
import type { WindowEntry, WindowRow } from './row.ts'

/** The windows that are looked at, and from where. */
export interface WindowRange<K, V> {
  readonly valueSerde: Serde<V>
  /** Its windows hide the packed ones; null when only those are looked at. */
  readonly open: OpenGeneration<V, WindowEntry<K, V>> | null
  /** Starts, inclusive, and within what is seen. */
  readonly fromMs: number
  readonly toMs: number
  readonly reverse: boolean
}

export type RowVisitor<V> = (value: V, timestampMs: number, startMs: number) => void

/** Visits the windows of a row in order of their starts. The values are the visitor's own. */
export function visitRow<K, V>(row: WindowRow<K, V>, range: WindowRange<K, V>, visitor: RowVisitor<V>): void {
  if (!range.reverse) {
    new RowWalk(row, range, visitor).run()
    return
  }
  // Packed rows can only be read forwards.
  const found: { readonly value: V; readonly timestampMs: number; readonly startMs: number }[] = []
  new RowWalk(row, range, (value, timestampMs, startMs) => found.push({ value, timestampMs, startMs })).run()
  for (const { value, timestampMs, startMs } of found.reverse()) visitor(value, timestampMs, startMs)
}

class RowWalk<K, V> {
  readonly #row: WindowRow<K, V>
  readonly #range: WindowRange<K, V>
  readonly #visitor: RowVisitor<V>
  /** The open windows within the range, those first that start last: each is popped when its turn comes. */
  readonly #open: WindowEntry<K, V>[] = []

  constructor(row: WindowRow<K, V>, range: WindowRange<K, V>, visitor: RowVisitor<V>) {
    this.#row = row
    this.#range = range
    this.#visitor = visitor
    const { open, fromMs, toMs } = range
    if (open === null) return
    for (let entry = row.last; entry !== null; entry = entry.earlier) {
      if (entry.openIn === open.number && entry.startMs >= fromMs && entry.startMs <= toMs) this.#open.push(entry)
    }
  }

  run(): void {
    const { buffer, start, end, rest } = this.#row
    let isPast = start < 0 || this.#visitChunk(buffer, start + flagBytes, end)
    for (let index = 0; !isPast && index < rest.length; index++) {
      const chunk = rest[index]!
      isPast = this.#visitChunk(chunk, flagBytes, chunk.length)
    }
    this.#visitOpenUpTo(this.#range.toMs)
  }

  /** True when the range ends in it. */
  #visitChunk(chunk: Buffer, from: number, end: number): boolean {
    const { valueSerde, fromMs, toMs } = this.#range
    for (let position = from; position < end; position = nextEntry(chunk, position, end)) {
      const startMs = readInt64(chunk, position)
      if (startMs < fromMs) continue
      if (startMs > toMs) return true
      if (this.#visitOpenUpTo(startMs)) continue
      const at = position + entryHeadBytes
      const value = valueSerde.decode(chunk, at, at + chunk.readUInt32BE(position + 16))
      this.#visitor(value, readInt64(chunk, position + 8), startMs)
    }
    return false
  }

  /** Visits the open windows that start until then; was there one of that very start? */
  #visitOpenUpTo(startMs: number): boolean {
    let isCovered = false
    for (let entry = this.#open.at(-1); entry !== undefined && entry.startMs <= startMs; entry = this.#open.at(-1)) {
      this.#open.pop()
      isCovered = entry.startMs === startMs
      const value = this.#range.open?.ownValue(entry) ?? null
      if (value !== null) this.#visitor(value, entry.timestamp, entry.startMs)
    }
    return isCovered
  }
}
