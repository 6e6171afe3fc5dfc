/**
 * The rows of a window store that are in memory, by bucket, and the way there: by identity from either age, else from the
 * engine, chunk by chunk, by synchronous reads.
 */
import { assert } from '../../src/base/assert.ts'
import { ByteWriter } from '../../src/base/bytes.ts'
import type { Serde } from '../../src/base/serde.ts'
import type { StateEngine } from '../../src/processor/state-engine.ts'
import { canonical, isSelfIdentical } from '../key-identity.ts'
import { unwritable } from '../unwritable.ts'
import { Bucket, bucketPrefixBytes, changelogSuffixBytes, chunkBytes } from './bucket.ts'
import { readRest } from './chunks.ts'
import { flagBytes, lastStartOf } from './packed-row.ts'
import type { Retention } from './retention.ts'
import { WindowRow } from './row.ts'

/** What a row with its map slot, key and arrays takes besides the bytes in the arena; measured on Node 20. */
const rowBytes = 280

export interface RowCacheOptions<K> {
  readonly storeName: string
  readonly engine: StateEngine
  readonly storeId: number
  readonly keySerde: Serde<K>
  readonly retention: Retention
  /** No row of the engine is in a later bucket; -1: it has none. */
  readonly engineBucketMs: number
}

export class RowCache<K, V> {
  readonly #options: RowCacheOptions<K>
  readonly #retention: Retention
  readonly #selfIdentical: boolean
  readonly #keyWriter = new ByteWriter(256)
  readonly #buckets = new Map<number, Bucket<K, V>>()
  /** The one used last. */
  #bucket: Bucket<K, V> | null = null

  constructor(options: RowCacheOptions<K>) {
    this.#options = options
    this.#retention = options.retention
    this.#selfIdentical = isSelfIdentical(options.keySerde)
  }

  /** The hot path: one lookup for a row that is in the young age. */
  rowOf(key: K, startMs: number): WindowRow<K, V> {
    let bucket = this.#bucket
    if (bucket === null || startMs < bucket.startMs || startMs >= bucket.endMs) bucket = this.#bucketOf(startMs)
    const row = this.#selfIdentical ? bucket.table.young.get(key) : undefined
    return row ?? this.#resolve(bucket, key)
  }

  /** What `frozenOf` has of the row in memory, which does not move; else a row as the engine has it, which nobody finds again. */
  rowApart(key: K, startMs: number, frozenOf: (row: WindowRow<K, V>) => WindowRow<K, V> | null): WindowRow<K, V> {
    const at = this.#retention.bucketOf(startMs)
    const bucket = this.#buckets.get(at) ?? this.#newBucket(at)
    const identity = this.#identityOf(bucket, key)
    const known = bucket.table.young.get(identity) ?? bucket.table.old.get(identity)
    const frozen = known === undefined ? null : frozenOf(known)
    if (frozen !== null) return frozen
    const row = new WindowRow<K, V>(key, identity, this.#newBucket(at))
    const writer = this.#keyWriter
    row.keyEnd = writer.position
    writer.uint16(0)
    row.keyBuffer = writer.copy()
    this.#load(row)
    return row
  }

  #newBucket(at: number): Bucket<K, V> {
    const { storeId, engineBucketMs } = this.#options
    // What is later than all that the engine has need not be asked for there.
    return new Bucket(storeId, at, this.#retention.bucketMs, at > engineBucketMs)
  }

  #bucketOf(startMs: number): Bucket<K, V> {
    assert(startMs >= 0 && Number.isSafeInteger(startMs), 'a window starts at a time since 1970')
    const at = this.#retention.bucketOf(startMs)
    let bucket = this.#buckets.get(at)
    if (bucket === undefined) {
      bucket = this.#newBucket(at)
      this.#buckets.set(at, bucket)
    }
    this.#bucket = bucket
    return bucket
  }

  #resolve(bucket: Bucket<K, V>, key: K): WindowRow<K, V> {
    const { table } = bucket
    const identity = this.#identityOf(bucket, key)
    const known = table.young.get(identity) ?? table.old.get(identity)
    if (known !== undefined) {
      if (known.age !== table.age) this.#move(known)
      return known
    }
    const writer = this.#keyWriter
    const own = canonical(key, this.#options.keySerde, writer, bucketPrefixBytes)
    const row = new WindowRow<K, V>(own, identity, bucket)
    writer.ensure(changelogSuffixBytes)
    writer.buffer.fill(0, writer.position, writer.position + changelogSuffixBytes)
    writer.position += changelogSuffixBytes
    row.keyStart = table.arena.place(writer.buffer, 0, writer.position)
    row.keyEnd = row.keyStart + writer.position - changelogSuffixBytes
    row.keyBuffer = table.arena.buffer
    row.age = table.age
    table.charge(rowBytes)
    table.young.set(identity, row)
    if (!table.complete) this.#load(row)
    return row
  }

  /** Leaves `storeId ‖ bucketStart ‖ key` in the key writer. */
  #identityOf(bucket: Bucket<K, V>, key: K): unknown {
    const writer = this.#keyWriter
    const { keySerde, storeName } = this.#options
    writer.reset()
    writer.bytes(bucket.prefix)
    try {
      keySerde.encode(key, writer)
    } catch (cause) {
      throw unwritable(storeName, key, cause)
    }
    return this.#selfIdentical
      ? canonical(key, keySerde, writer, bucketPrefixBytes)
      : writer.buffer.latin1Slice(bucketPrefixBytes, writer.position)
  }

  #load(row: WindowRow<K, V>): void {
    const { engine } = this.#options
    const rowKey = Buffer.from(row.keyBuffer.subarray(row.keyStart, row.keyEnd + chunkBytes))
    const first = engine.get(rowKey)
    if (first === undefined) return
    const { table } = row.bucket
    row.start = table.arena.place(first, 0, first.length)
    row.end = row.start + first.length
    row.buffer = table.arena.buffer
    row.rest = readRest(engine, rowKey, first)
    for (const chunk of row.rest) table.charge(chunk.length)
    const last = row.rest.at(-1) ?? first
    row.lastStartMs = lastStartOf(last, flagBytes, last.length)
  }

  /** From the old age to the young one, bytes and all (C1). */
  #move(row: WindowRow<K, V>): void {
    const { table } = row.bucket
    const length = row.keyEnd - row.keyStart
    row.keyStart = table.arena.place(row.keyBuffer, row.keyStart, row.keyEnd + changelogSuffixBytes)
    row.keyEnd = row.keyStart + length
    row.keyBuffer = table.arena.buffer
    if (row.start >= 0) {
      const rowLength = row.end - row.start
      row.start = table.arena.place(row.buffer, row.start, row.end)
      row.end = row.start + rowLength
      row.buffer = table.arena.buffer
    }
    row.age = table.age
    table.charge(rowBytes)
    for (const chunk of row.rest) table.charge(chunk.length)
    table.old.delete(row.identity)
    table.young.set(row.identity, row)
  }

  /** Buckets that begin earlier are over. */
  dropBefore(startMs: number): void {
    for (const [at, bucket] of this.#buckets) {
      if (at >= startMs) continue
      this.#buckets.delete(at)
      if (this.#bucket === bucket) this.#bucket = null
    }
  }

  /** Have the young ages grown to half of `bytesMax`? */
  isFull(bytesMax: number): boolean {
    let bytes = 0
    for (const bucket of this.#buckets.values()) bytes += bucket.table.youngBytes
    return bytes > bytesMax / 2
  }

  /** Drops what was not used for an age, but for what is unsettled (C2). */
  turn(unsettled: Iterable<WindowRow<K, V>>): void {
    for (const row of unsettled) if (row.age !== row.bucket.table.age) this.#move(row)
    for (const bucket of this.#buckets.values()) bucket.table.turn()
  }
}
