import type { StreamError } from '../../src/base/errors.ts'
import type { Serde } from '../../src/base/serde.ts'
import { rowPrefixBytes } from '../row-keys.ts'
import { noBytes, TableEntry } from '../table-entry.ts'
import { unwritable } from '../unwritable.ts'

/**
 * One key of a key-value store in memory, in whatever state: open, frozen, clean, or known to be absent. Bytes are places in
 * arenas; a start of -1 means that there is no row.
 *
 * Laws, besides those of its base
 *  K1  `frozenBuffer[frozenStart, frozenEnd)` is the row as of its last rotation, `frozenIn`, and does not change until that
 *      generation has settled; from then on `frozenBuffer` is `noBytes`. A generation that is still on its way to the engine
 *      keeps the place of a row that the next one froze again (frozen-entries.ts), and those bytes do not change either
 *  K2  the entry's bytes lie at the start of its slot, `slotBytes` of `buffer` from `slot` on, which nobody else has
 */
export class KeyValueEntry<K, V> extends TableEntry<V, KeyValueEntry<K, V>> {
  readonly key: K
  readonly identity: unknown
  /** That of the cache when it came, or was last looked up. */
  age = 0
  keyBuffer: Buffer = noBytes
  keyStart = 0
  keyEnd = 0
  slot = 0
  slotBytes = 0
  frozenIn = 0
  frozenBuffer: Buffer = noBytes
  frozenStart = -1
  frozenEnd = -1

  constructor(key: K, identity: unknown) {
    super()
    this.key = key
    this.identity = identity
  }

  get keyBytes(): number {
    return this.keyEnd - this.keyStart
  }

  /** The frozen row lies in the slot, so that it must not be written over (K1). */
  get isSlotFrozen(): boolean {
    return this.frozenBuffer === this.buffer && this.frozenStart === this.slot
  }

  /** Bytes that are frozen stay when the entry is frozen again: what comes next goes elsewhere (K1). */
  leaveFrozenSlot(): void {
    if (this.isSlotFrozen) this.slotBytes = 0
  }

  /** A key that is an object is handed out afresh: whoever changes it must not change the entry's. */
  ownKey(serde: Serde<K>): K {
    if (typeof this.key !== 'object') return this.key
    return serde.decode(this.keyBuffer, this.keyStart + rowPrefixBytes, this.keyEnd)
  }

  unwritable(storeName: string, cause: unknown): StreamError {
    return unwritable(storeName, this.key, cause)
  }
}
