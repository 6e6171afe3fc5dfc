/**
 * The frozen generation of a key-value store: entries with the bytes they had at the last rotation, on their way to the
 * engine.
 *
 *   freeze     1b  every dirty entry goes to the changelog, in last-update order
 *   committed  3   queries may see them
 *   stage      4   their rows join the batch, with the count of rows
 *   settled    4   what is in the engine is what is in memory
 */

import { noHeaders } from '../../src/base/serde.ts'
import type { EngineBatch } from '../../src/processor/state-engine.ts'
import type { ChangelogWriter } from '../../src/processor/state-store.ts'
import { FrozenPhase } from '../frozen-phase.ts'
import type { OpenGeneration } from '../open-generation.ts'
import { encodeNumber, rowPrefixBytes } from '../row-keys.ts'
import { noBytes } from '../table-entry.ts'
import type { KeyValueEntry } from './entry.ts'

export class FrozenEntries<K, V> {
  readonly #stampBytes: number
  readonly #phase = new FrozenPhase()
  #entries: KeyValueEntry<K, V>[] = []
  #generation = 0
  #rowCount = 0
  /** How many rows the store had at the last commit. */
  committedCount = 0

  constructor(stampBytes: number) {
    this.#stampBytes = stampBytes
  }

  /** Is the entry's frozen row what is committed, though the engine may not have it yet? */
  holds(entry: KeyValueEntry<K, V>): boolean {
    return this.#phase.isCommitted && entry.frozenIn === this.#generation
  }

  /** What queries see; the task sees all. */
  get committedEntries(): readonly KeyValueEntry<K, V>[] {
    return this.#phase.isCommitted ? this.#entries : []
  }

  get entries(): readonly KeyValueEntry<K, V>[] {
    return this.#entries
  }

  freeze(open: OpenGeneration<V, KeyValueEntry<K, V>>, rowCount: number, changelog: ChangelogWriter | null): void {
    this.#phase.freeze()
    this.#generation = open.number
    this.#rowCount = rowCount
    let valueBytes = 0
    let next: KeyValueEntry<K, V> | null
    for (let entry = open.first; entry !== null; entry = next) {
      next = entry.next
      entry.previous = null
      entry.next = null
      if (!entry.encoded) open.encode(entry)
      const { start, end } = entry
      valueBytes += end - start
      entry.frozenBuffer = entry.buffer
      entry.frozenStart = start
      entry.frozenEnd = end
      entry.frozenIn = this.#generation
      entry.stored = start >= 0
      // The object goes, the bytes stay: what reads next decodes afresh.
      entry.value = null
      entry.headers = noHeaders
      this.#entries.push(entry)
      if (changelog !== null) this.#log(changelog, entry)
    }
    open.end(valueBytes)
  }

  #log(changelog: ChangelogWriter, entry: KeyValueEntry<K, V>): void {
    const { keyBuffer, keyEnd, buffer, start, end, changedMs } = entry
    const keyStart = entry.keyStart + rowPrefixBytes
    if (start < 0) changelog.append(changedMs, keyBuffer, keyStart, keyEnd, null, 0, 0, noHeaders)
    else changelog.append(changedMs, keyBuffer, keyStart, keyEnd, buffer, start + this.#stampBytes, end, noHeaders)
  }

  committed(): void {
    this.#phase.committed()
    this.committedCount = this.#rowCount
  }

  stage(batch: EngineBatch, countKey: Buffer): void {
    this.#phase.assertStaged()
    if (this.#entries.length === 0) return
    for (const { keyBuffer, keyStart, keyEnd, frozenBuffer, frozenStart, frozenEnd } of this.#entries) {
      const key = keyBuffer.subarray(keyStart, keyEnd)
      if (frozenStart < 0) batch.del(key)
      else batch.put(key, frozenBuffer.subarray(frozenStart, frozenEnd))
    }
    batch.put(countKey, encodeNumber(this.#rowCount))
  }

  settled(): void {
    this.#phase.settled()
    for (const entry of this.#entries) entry.frozenBuffer = noBytes
    this.close()
  }

  close(): void {
    this.#entries = []
  }
}
