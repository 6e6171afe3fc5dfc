import { readInt64 } from '../../src/base/bytes.ts'
import type { ValueCopier } from '../value-copier.ts'
import { entryHeadBytes, flagBytes, nextEntry } from './packed-row.ts'
import type { WindowEntry, WindowRow } from './row.ts'

export type RowVisitor<V> = (value: V, timestampMs: number, startMs: number) => void

/**
 * Visits the windows of a row that start in [fromMs, toMs], ascending or `reverse`: packed ones, under those that are
 * open in `generation` (-1: the packed ones alone). The values are the visitor's own.
 */
export function visitRow<K, V>(
  row: WindowRow<K, V>,
  generation: number,
  copier: ValueCopier<V>,
  fromMs: number,
  toMs: number,
  reverse: boolean,
  visitor: RowVisitor<V>,
): void {
  if (!reverse) {
    walk(row, generation, copier, fromMs, toMs, visitor)
    return
  }
  const found: { readonly value: V; readonly timestampMs: number; readonly startMs: number }[] = []
  walk(row, generation, copier, fromMs, toMs, (value, timestampMs, startMs) =>
    found.push({ value, timestampMs, startMs }),
  )
  for (const { value, timestampMs, startMs } of found.reverse()) visitor(value, timestampMs, startMs)
}

function walk<K, V>(
  row: WindowRow<K, V>,
  generation: number,
  copier: ValueCopier<V>,
  fromMs: number,
  toMs: number,
  visitor: RowVisitor<V>,
): void {
  const open = new OpenEntries(row, generation, copier, fromMs, toMs, visitor)
  if (row.start >= 0) {
    const { serde } = copier
    let chunk = row.buffer
    let position = row.start + flagBytes
    let end = row.end
    for (let index = 0; ; index++) {
      for (; position < end; position = nextEntry(chunk, position, end)) {
        const startMs = readInt64(chunk, position)
        if (startMs < fromMs) continue
        if (startMs > toMs) break
        if (open.covers(startMs)) continue
        const at = position + entryHeadBytes
        const value = serde.decode(chunk, at, at + chunk.readUInt32BE(position + 16))
        visitor(value, readInt64(chunk, position + 8), startMs)
      }
      const following = row.rest[index]
      if (following === undefined || position < end) break
      chunk = following
      position = flagBytes
      end = following.length
    }
  }
  open.finish()
}

function openEntries<K, V>(row: WindowRow<K, V>, generation: number): WindowEntry<K, V>[] {
  const entries: WindowEntry<K, V>[] = []
  for (let entry = row.last; entry !== null; entry = entry.earlier) {
    if (entry.openIn === generation) entries.push(entry)
  }
  return entries.reverse()
}

/** The open entries of a row in order, told in between the packed ones. */
class OpenEntries<K, V> {
  readonly #entries: readonly WindowEntry<K, V>[]
  readonly #generation: number
  readonly #copier: ValueCopier<V>
  readonly #fromMs: number
  readonly #toMs: number
  readonly #visitor: RowVisitor<V>
  #index = 0

  constructor(
    row: WindowRow<K, V>,
    generation: number,
    copier: ValueCopier<V>,
    fromMs: number,
    toMs: number,
    visitor: RowVisitor<V>,
  ) {
    this.#entries = openEntries(row, generation)
    this.#generation = generation
    this.#copier = copier
    this.#fromMs = fromMs
    this.#toMs = toMs
    this.#visitor = visitor
  }

  /** Tells those before a start; is there one of that very start? */
  covers(startMs: number): boolean {
    while (this.#index < this.#entries.length) {
      const entry = this.#entries[this.#index]!
      if (entry.startMs > startMs) return false
      this.#index++
      const told = this.#tell(entry)
      if (entry.startMs === startMs) return told
    }
    return false
  }

  finish(): void {
    this.covers(this.#toMs)
  }

  #tell(entry: WindowEntry<K, V>): boolean {
    if (entry.startMs < this.#fromMs) return false
    const value = this.#valueOf(entry)
    if (value !== null) this.#visitor(value, entry.timestamp, entry.startMs)
    return true
  }

  /** A live object is the fold's that made it: others are given a copy. */
  #valueOf(entry: WindowEntry<K, V>): V | null {
    if (entry.liveIn === this.#generation) return this.#copier.copy(entry.value)
    return entry.start < 0 ? null : this.#copier.serde.decode(entry.buffer, entry.start, entry.end)
  }
}
