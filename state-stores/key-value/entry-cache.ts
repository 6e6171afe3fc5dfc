/**
 * The entries of a key-value store that are in memory, and the way there: by identity from either age, else from the
 * engine by one synchronous read.
 */
import { ByteWriter, copyBytes } from '../../src/base/bytes.ts'
import type { Serde } from '../../src/base/serde.ts'
import type { StateEngine } from '../../src/processor/state-engine.ts'
import type { StoreContext } from '../../src/processor/state-store.ts'
import { AgedTable } from '../aged-table.ts'
import { canonical, isSelfIdentical } from '../key-identity.ts'
import { rowPrefix, rowPrefixBytes } from '../row-keys.ts'
import { entryBytes, noBytes } from '../table-entry.ts'
import { unwritable } from '../unwritable.ts'
import type { ValueForm } from '../value-form.ts'
import { KeyValueEntry } from './entry.ts'

/**
 * Entries up to which the young age is looked up directly. In a larger map a lookup misses the processor's caches at each
 * step (25,000 keys: 500 ns against 60); the keys in use are then kept in a map of at most this size in front of it.
 */
const frontEntriesMax = 16_384

export class EntryCache<K, V> {
  readonly prefix: Buffer
  readonly #storeName: string
  readonly #engine: StateEngine
  readonly #keySerde: Serde<K>
  readonly #form: ValueForm<V>
  readonly #selfIdentical: boolean
  readonly #keyWriter = new ByteWriter(256)
  readonly #table: AgedTable<KeyValueEntry<K, V>>
  /** The young age itself while it is small, else those of its entries that were looked up last. */
  #front: Map<unknown, KeyValueEntry<K, V>>

  /** `isEmpty`: the engine has no row of this store. */
  constructor(storeName: string, context: StoreContext, keySerde: Serde<K>, form: ValueForm<V>, isEmpty: boolean) {
    this.prefix = rowPrefix(context.storeId)
    this.#storeName = storeName
    this.#engine = context.engine
    this.#keySerde = keySerde
    this.#form = form
    this.#selfIdentical = isSelfIdentical(keySerde)
    this.#keyWriter.bytes(this.prefix)
    // A store that starts empty and has forgotten nothing need not ask the engine for what it has not seen.
    this.#table = new AgedTable(isEmpty)
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
    const identity = this.#identityOf(key)
    const known = table.young.get(identity) ?? table.old.get(identity)
    if (known !== undefined) {
      if (known.age !== table.age) this.#move(known)
      return known
    }
    const entry = this.#add(key, identity)
    if (!table.complete) {
      const row = this.#engine.get(this.rowKey)
      if (row !== undefined) this.#fill(entry, row)
    }
    return entry
  }

  /** Leaves the row's key in the key writer. */
  #identityOf(key: K): unknown {
    const writer = this.#keyWriter
    writer.position = rowPrefixBytes
    try {
      this.#keySerde.encode(key, writer)
    } catch (cause) {
      throw unwritable(this.#storeName, key, cause)
    }
    return this.#selfIdentical
      ? canonical(key, this.#keySerde, writer, rowPrefixBytes)
      : writer.buffer.latin1Slice(rowPrefixBytes, writer.position)
  }

  /** The row's key is in the key writer. */
  #add(key: K, identity: unknown): KeyValueEntry<K, V> {
    const table = this.#table
    const writer = this.#keyWriter
    const entry = new KeyValueEntry<K, V>(canonical(key, this.#keySerde, writer, rowPrefixBytes), identity)
    entry.keyStart = table.arena.place(writer.buffer, 0, writer.position)
    entry.keyEnd = entry.keyStart + writer.position
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
    this.#placeAnew(entry, row, 0, row.length)
    entry.timestamp = this.#form.timestampOf(row, 0)
    entry.told = true
    entry.stored = true
  }

  /** What is in the writer becomes the entry's row: over its old bytes, where nobody reads those any more (K1, K2). */
  place(entry: KeyValueEntry<K, V>, bytes: ByteWriter): void {
    const length = bytes.position
    if (length > entry.slotBytes || entry.isSlotFrozen) {
      this.#placeAnew(entry, bytes.buffer, 0, length)
      return
    }
    copyBytes(bytes.buffer, 0, entry.buffer, entry.slot, length)
    entry.start = entry.slot
    entry.end = entry.slot + length
  }

  /** Into a new place of the young arena. */
  #placeAnew(entry: KeyValueEntry<K, V>, source: Buffer, start: number, end: number): void {
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

  /** Without a row there is nothing to move, and the old slot goes with its age. */
  #giveUpSlot(entry: KeyValueEntry<K, V>): void {
    entry.buffer = noBytes
    entry.slotBytes = 0
  }

  /** From the old age to the young one, bytes and all (C1). */
  #move(entry: KeyValueEntry<K, V>): void {
    const table = this.#table
    const length = entry.keyEnd - entry.keyStart
    entry.keyStart = table.arena.place(entry.keyBuffer, entry.keyStart, entry.keyEnd)
    entry.keyEnd = entry.keyStart + length
    entry.keyBuffer = table.arena.buffer
    if (entry.start >= 0) this.#placeAnew(entry, entry.buffer, entry.start, entry.end)
    else this.#giveUpSlot(entry)
    entry.age = table.age
    table.charge(entryBytes)
    table.old.delete(entry.identity)
    this.#addYoung(entry.identity, entry)
  }

  /** Has the young age grown to half of `bytesMax`? */
  isFull(bytesMax: number): boolean {
    return this.#table.youngBytes > bytesMax / 2
  }

  /** Drops what was not used for an age, but for what is unsettled (C2). */
  turn(unsettled: Iterable<KeyValueEntry<K, V>>): void {
    for (const entry of unsettled) if (entry.age !== this.#table.age) this.#move(entry)
    this.#table.turn()
    this.#front = this.#table.young
  }
}
