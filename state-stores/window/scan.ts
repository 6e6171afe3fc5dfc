/**
 * A scan over all keys of a window store: the buckets that matter, each an engine's rows under those of memory, merged.
 * Order: on disk by key, then time, in memory by time, then key, as Kafka Streams has it.
 */
import type { Serde } from '../../src/base/serde.ts'
import type { EngineSnapshot, StateEngine } from '../../src/processor/state-engine.ts'
import { mergeRows, type OverlayRow, sortOverlay } from '../merge-rows.ts'
import { afterPrefix, compareBytes } from '../row-keys.ts'
import { Bucket, bucketPrefix, bucketPrefixBytes, chunkBytes } from './bucket.ts'
import { readRest } from './chunks.ts'
import type { FrozenRows } from './frozen-rows.ts'
import type { Retention } from './retention.ts'
import { WindowRow } from './row.ts'
import { visitRow, type WindowRange } from './visit-row.ts'

export interface WindowScan<K, V> extends WindowRange<K, V> {
  readonly keySerde: Serde<K>
  readonly retention: Retention
  readonly onDisk: boolean
  readonly storeId: number
  readonly engine: StateEngine
  /** The newest first. */
  readonly frozen: readonly FrozenRows<K, V>[]
  readonly dirtyRows: readonly WindowRow<K, V>[]
}

export type MakeWindow<K, V, T> = (key: K, startMs: number, value: V, timestampMs: number) => T

/** The windows of one key in one bucket, in the order of the scan. */
interface Group<T> {
  readonly key: Buffer
  readonly items: readonly { readonly startMs: number; readonly made: T }[]
}

/** `start` is called at the first `next`: what is seen is what there is then. */
export async function* scanWindows<K, V, T>(
  start: () => WindowScan<K, V>,
  make: MakeWindow<K, V, T>,
): AsyncGenerator<T> {
  const scan = start()
  if (scan.fromMs > scan.toMs) return
  const snapshot = scan.engine.snapshot()
  try {
    const groups = scan.retention.bucketsIn(scan).map((at) => groupsOf(scan, snapshot, at, make))
    if (scan.onDisk) yield* byKey(groups, scan.reverse)
    else yield* byTime(groups, scan.reverse)
  } finally {
    await snapshot.close()
  }
}

/** Rows in memory are made at once, so that nothing that happens during the scan can change them. */
function groupsOf<K, V, T>(
  scan: WindowScan<K, V>,
  snapshot: EngineSnapshot,
  at: number,
  make: MakeWindow<K, V, T>,
): AsyncGenerator<Group<T>> {
  const overlay: OverlayRow<Group<T>>[] = []
  const add = (row: WindowRow<K, V>): void => {
    const key = Buffer.from(row.keyBuffer.subarray(row.keyStart, row.keyEnd + chunkBytes))
    overlay.push({ key, item: groupOf(scan, row, key, make) })
  }
  for (const row of scan.dirtyRows) if (row.bucket.startMs === at) add(row)
  for (const [index, generation] of scan.frozen.entries()) {
    for (const row of generation.rows) {
      if (row.bucket.startMs !== at || row.dirtyIn === scan.open?.number) continue
      // A newer one that is looked at has it.
      if (index === 0 || row.frozenIn === generation.number) add(generation.rowOf(row)!)
    }
  }
  const gte = bucketPrefix(scan.storeId, at)
  const rows = snapshot.scan({ gte, lt: afterPrefix(gte)!, reverse: scan.reverse })
  return mergeRows(rows, sortOverlay(overlay, scan.reverse), scan.reverse, (key, chunk) =>
    groupOf(scan, packedRow<K, V>(scan, snapshot, at, key, chunk), key, make),
  )
}

/** Chunks after the first are read with it and left out by themselves. */
function packedRow<K, V>(
  scan: WindowScan<K, V>,
  snapshot: EngineSnapshot,
  at: number,
  key: Buffer,
  chunk: Buffer,
): WindowRow<K, V> | null {
  const keyEnd = key.length - chunkBytes
  if (key.readUInt16BE(keyEnd) !== 0) return null
  const decoded = scan.keySerde.decode(key, bucketPrefixBytes, keyEnd)
  const row = new WindowRow<K, V>(decoded, null, new Bucket(scan.storeId, at, scan.retention.bucketMs, false))
  row.keyBuffer = key
  row.keyEnd = keyEnd
  row.buffer = chunk
  row.start = 0
  row.end = chunk.length
  row.rest = readRest(snapshot, key, chunk)
  return row
}

function groupOf<K, V, T>(
  scan: WindowScan<K, V>,
  row: WindowRow<K, V> | null,
  rowKey: Buffer,
  make: MakeWindow<K, V, T>,
): Group<T> | null {
  if (row === null) return null
  const items: { startMs: number; made: T }[] = []
  visitRow(row, scan, (value, timestampMs, startMs) => {
    items.push({ startMs, made: make(row.ownKey(scan.keySerde), startMs, value, timestampMs) })
  })
  return items.length === 0 ? null : { key: rowKey.subarray(bucketPrefixBytes, rowKey.length - chunkBytes), items }
}

/** Buckets come in the order of the scan, so equal keys are told from the first to the last. */
async function* byKey<T>(buckets: readonly AsyncGenerator<Group<T>>[], reverse: boolean): AsyncGenerator<T> {
  const heads: (Group<T> | undefined)[] = []
  const advance = async (index: number): Promise<void> => {
    const result = await buckets[index]!.next()
    heads[index] = result.done === true ? undefined : result.value
  }
  try {
    for (const index of buckets.keys()) await advance(index)
    while (true) {
      const least = leastKey(heads, reverse)
      if (least === null) return
      for (const index of buckets.keys()) {
        const head = heads[index]
        if (head === undefined || compareBytes(head.key, least) !== 0) continue
        for (const { made } of head.items) yield made
        await advance(index)
      }
    }
  } finally {
    for (const bucket of buckets) await bucket.return(undefined)
  }
}

function leastKey<T>(heads: readonly (Group<T> | undefined)[], reverse: boolean): Buffer | null {
  let least: Buffer | null = null
  for (const head of heads) {
    if (head === undefined) continue
    const order = least === null ? -1 : compareBytes(head.key, least)
    if (reverse && least !== null ? order > 0 : order < 0) least = head.key
  }
  return least
}

/** Only for stores that are in memory as a whole: everything is gathered first. */
async function* byTime<T>(buckets: readonly AsyncGenerator<Group<T>>[], reverse: boolean): AsyncGenerator<T> {
  const found: { readonly key: Buffer; readonly startMs: number; readonly made: T }[] = []
  for (const bucket of buckets) {
    for await (const { key, items } of bucket) for (const item of items) found.push({ key, ...item })
  }
  const sign = reverse ? -1 : 1
  found.sort((left, right) => sign * (left.startMs - right.startMs || compareBytes(left.key, right.key)))
  for (const { made } of found) yield made
}
