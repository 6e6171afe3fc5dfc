/**
 * The entries of a key-value store that are in memory, and the way there: by identity from either age, else from the
 * engine by one synchronous read, or by `prefetch` many at once.
 */
import { ByteWriter, copyBytes, readInt64 } from '../../src/base/bytes.ts'
import type { Serde } from '../../src/base/serde.ts'
import type { StateEngine } from '../../src/processor/state-engine.ts'
import { AgedTable } from '../aged-table.ts'
import { canonical, isSelfIdentical } from '../key-identity.ts'
import { rowPrefix, storeIdBytes } from '../row-keys.ts'
import { unwritable } from '../unwritable.ts'
import { KeyValueEntry, noBytes } from './entry.ts'

/** `storeId ‖ 1`: how row keys begin. */
export const prefixBytes = storeIdBytes + 1
/** What an entry, its map slot and its key take besides the bytes in the arena; measured on Node 20. */
export const entryBytes = 300
/**
 * Entries up to which the young age is looked up directly. In a larger map a lookup misses the processor's caches at each
 * step (25,000 keys: 500 ns against 60); the keys in use are then kept in a map of at most this size in front of it.
 */
const frontEntriesMax = 16_384

interface EntryCacheOptions<K> {
  readonly storeName: string
  readonly storeId: number
  readonly engine: StateEngine
  readonly keySerde: Serde<K>
  readonly stampBytes: number
  /** The engine has no row of this store. */
  readonly complete: boolean
}

export class EntryCache<K, V> {
  readonly prefix: Buffer
  readonly #storeName: string
  readonly #engine: StateEngine
  readonly #keySerde: Serde<K>
  readonly #stampBytes: number
  readonly #selfIdentical: boolean
  readonly #keyWriter = new ByteWriter(256)
  readonly #table: AgedTable<KeyValueEntry<K, V>>
  /** The young age itself while it is small, else those of its entries that were looked up last. */
  #front: Map<unknown, KeyValueEntry<K, V>>

  constructor(options: EntryCacheOptions<K>) {
    this.prefix = rowPrefix(options.storeId, 1)
    this.#storeName = options.storeName
    this.#engine = options.engine
    this.#keySerde = options.keySerde
    this.#stampBytes = options.stampBytes
    this.#selfIdentical = isSelfIdentical(options.keySerde)
    this.#keyWriter.bytes(this.prefix)
    // A store that starts empty and has forgotten nothing need not ask the engine for what it has not seen.
    this.#table = new AgedTable(options.complete)
    this.#front = this.#table.young
  }

  get age(): number {
    return this.#table.age
  }

  /** The hot path: one lookup in a small map for a key that is in use. */
  entryOf(key: K): KeyValueEntry<K, V> {
    if (!this.#selfIdentical) return this.#resolve(key)
    const entry = this.#front.get(key)
    if (entry !== undefined) return entry
    const { young } = this.#table
    const known = this.#front === young ? undefined : young.get(key)
    if (known === undefined) return this.#resolve(key)
    if (this.#front.size >= frontEntriesMax) this.#front.clear()
    this.#front.set(known.identity, known)
    return known
  }

  /** In memory, without moving it; leaves the row's key in `rowKey`. */
  lookUp(key: K): KeyValueEntry<K, V> | undefined {
    const identity = this.#identityOf(key)
    return this.#table.young.get(identity) ?? this.#table.old.get(identity)
  }

  /** The row's key of the last lookup; valid until the next. */
  get rowKey(): Buffer {
    return this.#keyWriter.view()
  }

  /** A row's key of one's own. */
  rowKeyOf(key: K): Buffer {
    this.#identityOf(key)
    return this.#keyWriter.copy()
  }

  /** From either age, or from the engine. */
  #resolve(key: K): KeyValueEntry<K, V> {
    const table = this.#table
    const known = this.lookUp(key)
    if (known !== undefined) {
      if (known.age !== table.age) this.#move(known)
      return known
    }
    const writer = this.#keyWriter
    const own = canonical(key, this.#keySerde, writer, prefixBytes)
    const entry = this.#add(own, writer.buffer, writer.position)
    if (!table.complete) {
      const row = this.#engine.get(writer.view())
      if (row !== undefined) this.#fill(entry, row)
    }
    return entry
  }

  /** Leaves the row's key in the key writer. */
  #identityOf(key: K): unknown {
    const writer = this.#keyWriter
    writer.position = prefixBytes
    try {
      this.#keySerde.encode(key, writer)
    } catch (cause) {
      throw unwritable(this.#storeName, key, cause)
    }
    return this.#selfIdentical
      ? canonical(key, this.#keySerde, writer, prefixBytes)
      : writer.buffer.latin1Slice(prefixBytes, writer.position)
  }

  #add(key: K, rowKey: Buffer, rowKeyEnd: number): KeyValueEntry<K, V> {
    const table = this.#table
    const identity = this.#selfIdentical ? key : rowKey.latin1Slice(prefixBytes, rowKeyEnd)
    const entry = new KeyValueEntry<K, V>(key, identity)
    entry.keyStart = table.arena.place(rowKey, 0, rowKeyEnd)
    entry.keyEnd = entry.keyStart + rowKeyEnd
    entry.keyBuffer = table.arena.buffer
    entry.age = table.age
    table.charge(entryBytes)
    this.#addYoung(identity, entry)
    return entry
  }

  #addYoung(identity: unknown, entry: KeyValueEntry<K, V>): void {
    const { young } = this.#table
    young.set(identity, entry)
    if (this.#front === young && young.size > frontEntriesMax) this.#front = new Map()
  }

  #fill(entry: KeyValueEntry<K, V>, row: Buffer): void {
    this.place(entry, row, 0, row.length)
    entry.timestamp = this.#stampBytes === 0 ? -1 : readInt64(row, 0)
    entry.told = true
    entry.stored = true
  }

  /** Puts a row into a new place of the young arena. */
  place(entry: KeyValueEntry<K, V>, source: Buffer, start: number, end: number): void {
    const length = end - start
    const { arena } = this.#table
    // A little more than needed, so that a value that grows by a digit stays where it is.
    entry.slotBytes = (length + 7) & ~7
    entry.slot = arena.reserve(entry.slotBytes)
    entry.buffer = arena.buffer
    copyBytes(source, start, entry.buffer, entry.slot, length)
    entry.start = entry.slot
    entry.end = entry.slot + length
  }

  /** Its row is gone, and so is the place. */
  vacate(entry: KeyValueEntry<K, V>): void {
    entry.buffer = noBytes
    entry.slotBytes = 0
    entry.start = -1
    entry.end = -1
  }

  /** From the old age to the young one, bytes and all (C1). */
  #move(entry: KeyValueEntry<K, V>): void {
    const table = this.#table
    const length = entry.keyEnd - entry.keyStart
    entry.keyStart = table.arena.place(entry.keyBuffer, entry.keyStart, entry.keyEnd)
    entry.keyEnd = entry.keyStart + length
    entry.keyBuffer = table.arena.buffer
    if (entry.start >= 0) this.place(entry, entry.buffer, entry.start, entry.end)
    else this.vacate(entry)
    entry.age = table.age
    table.charge(entryBytes)
    table.old.delete(entry.identity)
    this.#addYoung(entry.identity, entry)
  }

  async prefetch(keys: readonly K[]): Promise<void> {
    const table = this.#table
    if (table.complete) return
    const missing: K[] = []
    const rowKeys: Buffer[] = []
    for (const key of keys) {
      if (this.lookUp(key) !== undefined) continue
      missing.push(canonical(key, this.#keySerde, this.#keyWriter, prefixBytes))
      rowKeys.push(this.#keyWriter.copy())
    }
    if (missing.length === 0) return
    const { age } = table
    const rows = await this.#engine.getMany(rowKeys)
    // What came and went meanwhile may have changed: then these rows are old.
    if (age !== table.age) return
    for (const [index, key] of missing.entries()) {
      if (this.lookUp(key) !== undefined) continue
      const rowKey = rowKeys[index]!
      const entry = this.#add(key, rowKey, rowKey.length)
      const row = rows[index]
      if (row !== undefined) this.#fill(entry, row)
    }
  }

  /** Between commits: drops what was not used for an age, when the young age has grown to half of `bytesMax` (C2). */
  turnIfFull(bytesMax: number): void {
    if (this.#table.youngBytes <= bytesMax / 2) return
    this.#table.turn()
    this.#front = this.#table.young
  }
}
