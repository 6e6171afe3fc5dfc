/**
 * One frozen generation of a key-value store: entries with the bytes they had at its rotation, on their way to the engine.
 *
 *   freezeEntries  1b  every dirty entry goes to the changelog, in last-update order
 *   stage          4   their rows join the batch, with the count of rows
 *   letGo          4   what is in the engine is what is in memory
 */

import { noHeaders } from '../../src/base/serde.ts'
import type { EngineBatch } from '../../src/processor/state-engine.ts'
import type { ChangelogWriter } from '../../src/processor/state-store.ts'
import type { FrozenGeneration } from '../frozen-generations.ts'
import type { OpenGeneration } from '../open-generation.ts'
import { encodeNumber, rowPrefixBytes } from '../row-keys.ts'
import { noBytes } from '../table-entry.ts'
import type { KeyValueEntry } from './entry.ts'

/** Bytes of a row; a start of -1: there was none. */
export interface FrozenRow {
  readonly frozenBuffer: Buffer
  readonly frozenStart: number
  readonly frozenEnd: number
}

export class FrozenEntries<K, V> implements FrozenGeneration<KeyValueEntry<K, V>, FrozenRow> {
  readonly number: number
  /** How many rows the store had. */
  readonly rowCount: number
  readonly entries: KeyValueEntry<K, V>[] = []
  /** What it holds of entries that the next generation froze again (K1). */
  readonly #replaced = new Map<KeyValueEntry<K, V>, FrozenRow>()

  constructor(number: number, rowCount: number) {
    this.number = number
    this.rowCount = rowCount
  }

  rowOf(entry: KeyValueEntry<K, V>): FrozenRow | null {
    return entry.frozenIn === this.number ? entry : (this.#replaced.get(entry) ?? null)
  }

  /** The entry is about to be frozen again. */
  keep(entry: KeyValueEntry<K, V>): void {
    if (entry.frozenIn !== this.number) return
    const { frozenBuffer, frozenStart, frozenEnd } = entry
    this.#replaced.set(entry, { frozenBuffer, frozenStart, frozenEnd })
    entry.leaveFrozenSlot()
  }

  stage(batch: EngineBatch, countKey: Buffer): void {
    if (this.entries.length === 0) return
    for (const entry of this.entries) {
      const { frozenBuffer, frozenStart, frozenEnd } = this.rowOf(entry)!
      const key = entry.keyBuffer.subarray(entry.keyStart, entry.keyEnd)
      if (frozenStart < 0) batch.del(key)
      else batch.put(key, frozenBuffer.subarray(frozenStart, frozenEnd))
    }
    batch.put(countKey, encodeNumber(this.rowCount))
  }

  /** The engine has them. */
  letGo(): void {
    for (const entry of this.entries) if (entry.frozenIn === this.number) entry.frozenBuffer = noBytes
  }
}

/**
 * Freezes what is open into `into`. `under`: the generation before, where the engine does not have it yet. `stampBytes`: what
 * of a row is not in the changelog.
 */
export function freezeEntries<K, V>(
  open: OpenGeneration<V, KeyValueEntry<K, V>>,
  into: FrozenEntries<K, V>,
  under: FrozenEntries<K, V> | null,
  changelog: ChangelogWriter | null,
  stampBytes: number,
): void {
  let valueBytes = 0
  let next: KeyValueEntry<K, V> | null
  for (let entry = open.first; entry !== null; entry = next) {
    next = entry.next
    entry.previous = null
    entry.next = null
    if (!entry.encoded) open.encode(entry)
    if (under !== null) under.keep(entry)
    const { start, end } = entry
    valueBytes += end - start
    entry.frozenBuffer = entry.buffer
    entry.frozenStart = start
    entry.frozenEnd = end
    entry.frozenIn = into.number
    entry.stored = start >= 0
    // The object goes, the bytes stay: what reads next decodes afresh.
    entry.value = null
    entry.headers = noHeaders
    into.entries.push(entry)
    if (changelog !== null) logEntry(changelog, entry, stampBytes)
  }
  open.end(valueBytes)
}

function logEntry<K, V>(changelog: ChangelogWriter, entry: KeyValueEntry<K, V>, stampBytes: number): void {
  const { keyBuffer, keyEnd, buffer, start, end, changedMs } = entry
  const keyStart = entry.keyStart + rowPrefixBytes
  if (start < 0) changelog.append(changedMs, keyBuffer, keyStart, keyEnd, null, 0, 0, noHeaders)
  else changelog.append(changedMs, keyBuffer, keyStart, keyEnd, buffer, start + stampBytes, end, noHeaders)
}
