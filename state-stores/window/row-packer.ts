/**
 * Step 1b of a window store: every dirty window goes to its changelog, and each row is packed with what changed in it.
 */
import { ByteWriter, writeInt64 } from '../../src/base/bytes.ts'
import { MiB, rowChunkBytesMax } from '../../src/base/limits.ts'
import { noHeaders, type Serde } from '../../src/base/serde.ts'
import type { ChangelogWriter } from '../../src/processor/state-store.ts'
import type { OpenGeneration } from '../open-generation.ts'
import { noBytes } from '../table-entry.ts'
import { bucketPrefixBytes, changelogSuffixBytes } from './bucket.ts'
import { noChunks } from './chunks.ts'
import type { FrozenRows } from './frozen-rows.ts'
import { flagBytes, lastStartOf, mergeChunks, mergeEntries } from './packed-row.ts'
import type { WindowEntry, WindowRow } from './row.ts'

/** Scratch space beyond this is given back after a rotation. */
const scratchBytesMax = MiB

export class RowPacker<K, V> {
  readonly #storeName: string
  readonly #serde: Serde<V>
  readonly #rowWriter = new ByteWriter(1024)
  #values = new ByteWriter(1024)
  /** The changes of the row that is being packed; one array serves all. */
  #changes: WindowEntry<K, V>[] = []

  constructor(storeName: string, serde: Serde<V>) {
    this.#storeName = storeName
    this.#serde = serde
  }

  /** Freezes what is open into `into`. `under`: the generation before, where the engine does not have it yet. */
  freeze(
    open: OpenGeneration<V, WindowEntry<K, V>>,
    dirtyRows: readonly WindowRow<K, V>[],
    changelog: ChangelogWriter | null,
    into: FrozenRows<K, V>,
    under: FrozenRows<K, V> | null,
  ): void {
    const values = this.#values
    values.reset()
    let valueBytes = 0
    for (let entry = open.first; entry !== null; entry = entry.next) {
      if (!entry.encoded) this.#encode(entry, values)
      valueBytes += entry.end - entry.start
      if (changelog !== null) this.#log(changelog, entry, entry.buffer === noBytes ? values.buffer : entry.buffer)
    }
    for (const row of dirtyRows) this.#pack(row, into, under)
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

  #pack(row: WindowRow<K, V>, into: FrozenRows<K, V>, under: FrozenRows<K, V> | null): void {
    const count = this.#takeChanges(row, into.number)
    if (count === 0 || row.bucket.startMs < into.point.firstLiveBucketMs) return
    if (under !== null) under.keep(row)
    into.add(row)
    if (row.rest.length > 0 || !this.#packOne(row, count, into))
      this.#packMany(row, this.#changes.slice(0, count), into)
  }

  /** Lets go of a row's entries; those that were changed are the first of `#changes` now. Gives how many. */
  #takeChanges(row: WindowRow<K, V>, generation: number): number {
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
      if (entry.openIn !== generation) continue
      if (entry.buffer === noBytes) entry.buffer = this.#values.buffer
      changes[count++] = entry
    }
    row.last = null
    reverseFirst(changes, count)
    return count
  }

  /** The usual case: all windows fit into one chunk. */
  #packOne(row: WindowRow<K, V>, count: number, into: FrozenRows<K, V>): boolean {
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
      into.addChunk(row, 0)
    } else {
      row.start = -1
      row.end = -1
      row.buffer = noBytes
      if (before >= 0) into.addChunk(row, ~0)
    }
    const last = changes[count - 1]!
    row.lastStartMs =
      last.start >= 0 && last.startMs >= row.lastStartMs
        ? last.startMs
        : lastStartOf(row.buffer, row.start + flagBytes, row.end)
    return true
  }

  #packMany(row: WindowRow<K, V>, changes: readonly WindowEntry<K, V>[], into: FrozenRows<K, V>): void {
    const before = row.start < 0 ? [] : [row.buffer.subarray(row.start, row.end), ...row.rest]
    const after = mergeChunks(this.#rowWriter, before, changes)
    for (const [index, chunk] of after.entries()) if (chunk !== before[index]) into.addChunk(row, index)
    for (let index = after.length; index < before.length; index++) into.addChunk(row, ~index)
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
}

function reverseFirst<T>(items: T[], count: number): void {
  for (let from = 0, to = count - 1; from < to; from++, to--) {
    const item = items[from]!
    items[from] = items[to]!
    items[to] = item
  }
}
