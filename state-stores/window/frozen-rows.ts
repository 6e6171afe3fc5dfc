/**
 * The frozen generation of a window store: rows packed with what changed, on their way to the engine.
 *
 *   freeze     1b  every dirty window goes to the changelog, in last-update order; its row is packed anew
 *   committed  3   queries may see them
 *   stage      4   the chunks that changed join the batch, with the largest start put; expired buckets are cleared
 *   settled    4   what is in the engine is what is in memory
 */
import { ByteWriter, writeInt64 } from '../../src/base/bytes.ts'
import { MiB, rowChunkBytesMax } from '../../src/base/limits.ts'
import { noHeaders, type Serde } from '../../src/base/serde.ts'
import type { EngineBatch } from '../../src/processor/state-engine.ts'
import type { ChangelogWriter } from '../../src/processor/state-store.ts'
import { FrozenPhase } from '../frozen-phase.ts'
import type { OpenGeneration } from '../open-generation.ts'
import { encodeNumber } from '../row-keys.ts'
import { noBytes } from '../table-entry.ts'
import { bucketPrefix, bucketPrefixBytes, changelogSuffixBytes, chunkBytes, largestStartKey } from './bucket.ts'
import { chunkKeyOf, noChunks } from './chunks.ts'
import { flagBytes, lastStartOf, mergeChunks, mergeEntries } from './packed-row.ts'
import type { WindowEntry, WindowRow } from './row.ts'

/** Scratch space beyond this is given back after a rotation. */
const scratchBytesMax = MiB

interface FreezePoint {
  readonly largestStartMs: number
  /** Rows of earlier buckets are told and logged, and then gone. */
  readonly firstLiveBucketMs: number
}

export class FrozenRows<K, V> {
  readonly #storeName: string
  readonly #serde: Serde<V>
  readonly #phase = new FrozenPhase()
  readonly #rowWriter = new ByteWriter(1024)
  #values = new ByteWriter(1024)
  #storeId = 0
  #rows: WindowRow<K, V>[] = []
  /** The changes of the row that is being packed; one array serves all. */
  #changes: WindowEntry<K, V>[] = []
  /** Chunks to be staged, as pairs: the row, and the chunk's index, or `~index` when it goes. */
  #stagedRows: WindowRow<K, V>[] = []
  #stagedChunks: number[] = []
  #generation = 0
  #largestStartMs = -1
  #stagedLargestMs = -1
  #clearToMs = 0
  #clearedToMs = 0
  committedLargestMs = -1

  constructor(storeName: string, serde: Serde<V>) {
    this.#storeName = storeName
    this.#serde = serde
  }

  /** The engine has windows up to this start, and none in buckets before the first live one. */
  start(storeId: number, largestStartMs: number, firstLiveBucketMs: number): void {
    this.#storeId = storeId
    this.#largestStartMs = largestStartMs
    this.#stagedLargestMs = largestStartMs
    this.#clearedToMs = firstLiveBucketMs
    this.committedLargestMs = largestStartMs
  }

  /** Is this what is committed of the row, though the engine may not have it yet? */
  holds(row: WindowRow<K, V>): boolean {
    return this.#phase.isCommitted && row.frozenIn === this.#generation
  }

  /** What queries see; the task sees all. */
  get committedRows(): readonly WindowRow<K, V>[] {
    return this.#phase.isCommitted ? this.#rows : []
  }

  get rows(): readonly WindowRow<K, V>[] {
    return this.#rows
  }

  freeze(
    open: OpenGeneration<V, WindowEntry<K, V>>,
    dirtyRows: readonly WindowRow<K, V>[],
    changelog: ChangelogWriter | null,
    point: FreezePoint,
  ): void {
    this.#phase.freeze()
    this.#generation = open.number
    this.#largestStartMs = point.largestStartMs
    this.#clearToMs = point.firstLiveBucketMs
    const values = this.#values
    values.reset()
    let valueBytes = 0
    for (let entry = open.first; entry !== null; entry = entry.next) {
      if (!entry.encoded) this.#encode(entry, values)
      valueBytes += entry.end - entry.start
      if (changelog !== null) this.#log(changelog, entry, entry.buffer === noBytes ? values.buffer : entry.buffer)
    }
    for (const row of dirtyRows) this.#pack(row)
    this.#changes = []
    if (values.buffer.length > scratchBytesMax) this.#values = new ByteWriter(1024)
    open.end(valueBytes)
  }

  /** Into the scratch space, which packing copies from: `noBytes` stands for it, since it may grow. */
  #encode(entry: WindowEntry<K, V>, values: ByteWriter): void {
    entry.encoded = true
    entry.buffer = noBytes
    entry.start = -1
    entry.end = -1
    if (entry.value === null) return
    entry.start = values.position
    try {
      this.#serde.encode(entry.value, values)
    } catch (cause) {
      throw entry.unwritable(this.#storeName, cause)
    }
    entry.end = values.position
  }

  #log(changelog: ChangelogWriter, entry: WindowEntry<K, V>, values: Buffer): void {
    const { keyBuffer, keyStart, keyEnd } = entry.row
    const from = keyStart + bucketPrefixBytes
    const to = keyEnd + changelogSuffixBytes
    writeInt64(keyBuffer, entry.startMs, keyEnd)
    const { start, end, changedMs } = entry
    changelog.append(changedMs, keyBuffer, from, to, start < 0 ? null : values, start, end, noHeaders)
    // The suffix begins with the number of the row's first chunk.
    keyBuffer[keyEnd] = 0
    keyBuffer[keyEnd + 1] = 0
  }

  #pack(row: WindowRow<K, V>): void {
    const count = this.#takeChanges(row)
    if (count === 0 || row.bucket.startMs < this.#clearToMs) return
    row.frozenIn = this.#generation
    this.#rows.push(row)
    if (row.rest.length > 0 || !this.#packOne(row, count)) this.#packMany(row, this.#changes.slice(0, count))
  }

  /** Lets go of a row's entries; those that were changed are the first of `#changes` now. Gives how many. */
  #takeChanges(row: WindowRow<K, V>): number {
    const changes = this.#changes
    let count = 0
    let earlier: WindowEntry<K, V> | null
    for (let entry = row.last; entry !== null; entry = earlier) {
      earlier = entry.earlier
      entry.attached = false
      entry.value = null
      entry.headers = noHeaders
      entry.previous = null
      entry.next = null
      entry.earlier = null
      if (entry.openIn !== this.#generation) continue
      if (entry.buffer === noBytes) entry.buffer = this.#values.buffer
      changes[count++] = entry
    }
    row.last = null
    reverseFirst(changes, count)
    return count
  }

  /** The usual case: all windows fit into one chunk. */
  #packOne(row: WindowRow<K, V>, count: number): boolean {
    const changes = this.#changes
    const writer = this.#rowWriter
    const before = row.start
    writer.reset()
    writer.int8(0)
    if (before < 0) mergeEntries(writer, noBytes, 0, 0, changes, 0, count)
    else mergeEntries(writer, row.buffer, before + flagBytes, row.end, changes, 0, count)
    const length = writer.position
    if (length > rowChunkBytesMax) return false
    if (length > flagBytes) {
      const { arena } = row.bucket.table
      row.start = arena.place(writer.buffer, 0, length)
      row.end = row.start + length
      row.buffer = arena.buffer
      this.#staged(row, 0)
    } else {
      row.start = -1
      row.end = -1
      row.buffer = noBytes
      if (before >= 0) this.#staged(row, ~0)
    }
    const last = changes[count - 1]!
    row.lastStartMs =
      last.start >= 0 && last.startMs >= row.lastStartMs
        ? last.startMs
        : lastStartOf(row.buffer, row.start + flagBytes, row.end)
    return true
  }

  #packMany(row: WindowRow<K, V>, changes: readonly WindowEntry<K, V>[]): void {
    const before = row.start < 0 ? [] : [row.buffer.subarray(row.start, row.end), ...row.rest]
    const after = mergeChunks(this.#rowWriter, before, changes)
    for (const [index, chunk] of after.entries()) if (chunk !== before[index]) this.#staged(row, index)
    for (let index = after.length; index < before.length; index++) this.#staged(row, ~index)
    const first = after[0]
    if (first !== before[0]) {
      row.buffer = first ?? noBytes
      row.start = first === undefined ? -1 : 0
      row.end = first === undefined ? -1 : first.length
      row.bucket.table.charge(first?.length ?? 0)
    }
    for (const chunk of after.slice(1)) if (!before.includes(chunk)) row.bucket.table.charge(chunk.length)
    row.rest = after.length > 1 ? after.slice(1) : noChunks
    const last = after.at(-1)
    row.lastStartMs = last === undefined ? -1 : lastStartOf(last, flagBytes, last.length)
  }

  #staged(row: WindowRow<K, V>, chunk: number): void {
    this.#stagedRows.push(row)
    this.#stagedChunks.push(chunk)
  }

  committed(): void {
    this.#phase.committed()
    this.committedLargestMs = this.#largestStartMs
  }

  stage(batch: EngineBatch): void {
    this.#phase.assertStaged()
    for (const [position, row] of this.#stagedRows.entries()) {
      const index = this.#stagedChunks[position]!
      const rowKey = row.keyBuffer.subarray(row.keyStart, row.keyEnd + chunkBytes)
      const key = chunkKeyOf(rowKey, index < 0 ? ~index : index)
      if (index < 0) batch.del(key)
      else if (index === 0) batch.put(key, row.buffer.subarray(row.start, row.end))
      else batch.put(key, row.rest[index - 1]!)
    }
    if (this.#largestStartMs > this.#stagedLargestMs) {
      batch.put(largestStartKey(this.#storeId), encodeNumber(this.#largestStartMs))
      this.#stagedLargestMs = this.#largestStartMs
    }
    if (this.#clearToMs > this.#clearedToMs) {
      batch.clear(bucketPrefix(this.#storeId, this.#clearedToMs), bucketPrefix(this.#storeId, this.#clearToMs))
      this.#clearedToMs = this.#clearToMs
    }
  }

  settled(): void {
    this.#phase.settled()
    this.close()
  }

  close(): void {
    this.#rows = []
    this.#stagedRows = []
    this.#stagedChunks = []
  }
}

function reverseFirst<T>(items: T[], count: number): void {
  for (let from = 0, to = count - 1; from < to; from++, to--) {
    const item = items[from]!
    items[from] = items[to]!
    items[to] = item
  }
}
