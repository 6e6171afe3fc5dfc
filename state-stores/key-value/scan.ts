/**
 * A scan over the rows of a key-value store, in the order of their keys' bytes: the engine's, under those of memory.
 */
import type { Serde } from '../../src/base/serde.ts'
import type { StateEngine } from '../../src/processor/state-engine.ts'
import { mergeRows, type OverlayRow, sortOverlay } from '../merge-rows.ts'
import type { OpenGeneration } from '../open-generation.ts'
import { compareBytes, rowPrefixBytes } from '../row-keys.ts'
import type { ValueForm } from '../value-form.ts'
import type { KeyValueEntry } from './entry.ts'
import type { FrozenEntries } from './frozen-entries.ts'

/** Of row keys: [gte, lt). */
export interface Bounds {
  readonly gte: Buffer
  readonly lt: Buffer
}

export interface KeyValueScan<K, V> {
  readonly keySerde: Serde<K>
  readonly form: ValueForm<V>
  readonly engine: StateEngine
  readonly bounds: Bounds
  readonly reverse: boolean
  /** The newest first. */
  readonly frozen: readonly FrozenEntries<K, V>[]
  /** null when it is not looked at. */
  readonly open: OpenGeneration<V, KeyValueEntry<K, V>> | null
}

export type MakeRow<K, V, T> = (key: K, value: V, timestampMs: number) => T

/** `start` is called at the first `next`: what is seen is what there is then. */
export async function* scanRows<K, V, T>(start: () => KeyValueScan<K, V>, make: MakeRow<K, V, T>): AsyncGenerator<T> {
  const scan = start()
  const { bounds, reverse } = scan
  if (compareBytes(bounds.gte, bounds.lt) >= 0) return
  const snapshot = scan.engine.snapshot()
  try {
    const overlay = sortOverlay([...openRows(scan, make), ...frozenRows(scan, make)], reverse)
    const decode = (key: Buffer, row: Buffer): T => made(scan, key, row, 0, row.length, make)
    yield* mergeRows(snapshot.scan({ ...bounds, reverse }), overlay, reverse, decode)
  } finally {
    await snapshot.close()
  }
}

function made<K, V, T>(
  { keySerde, form }: KeyValueScan<K, V>,
  rowKey: Buffer,
  row: Buffer,
  start: number,
  end: number,
  make: MakeRow<K, V, T>,
): T {
  const key = keySerde.decode(rowKey, rowPrefixBytes, rowKey.length)
  return make(key, form.decode(row, start, end), form.timestampOf(row, start))
}

function openRows<K, V, T>(scan: KeyValueScan<K, V>, make: MakeRow<K, V, T>): OverlayRow<T>[] {
  const { open, bounds, keySerde } = scan
  const rows: OverlayRow<T>[] = []
  if (open === null) return rows
  for (let entry = open.first; entry !== null; entry = entry.next) {
    const key = keyWithin(entry, bounds)
    if (key === null) continue
    const value = open.ownValue(entry)
    rows.push({ key, item: value === null ? null : make(entry.ownKey(keySerde), value, entry.timestamp) })
  }
  return rows
}

/** Decoded here and now: once it has settled, a frozen entry's bytes are written over. */
function frozenRows<K, V, T>(scan: KeyValueScan<K, V>, make: MakeRow<K, V, T>): OverlayRow<T>[] {
  const { open, bounds, frozen } = scan
  const rows: OverlayRow<T>[] = []
  for (const [index, generation] of frozen.entries()) {
    for (const entry of generation.entries) {
      // A newer one that is looked at has it.
      if (entry.openIn === open?.number || (index > 0 && entry.frozenIn !== generation.number)) continue
      const key = keyWithin(entry, bounds)
      if (key === null) continue
      const { frozenBuffer, frozenStart, frozenEnd } = generation.rowOf(entry)!
      rows.push({ key, item: frozenStart < 0 ? null : made(scan, key, frozenBuffer, frozenStart, frozenEnd, make) })
    }
  }
  return rows
}

/** The row's key, when it lies within. */
function keyWithin<K, V>(entry: KeyValueEntry<K, V>, bounds: Bounds): Buffer | null {
  const key = Buffer.from(entry.keyBuffer.subarray(entry.keyStart, entry.keyEnd))
  return compareBytes(key, bounds.gte) >= 0 && compareBytes(key, bounds.lt) < 0 ? key : null
}
