import { assert } from '../src/base/assert.ts'
import type { ByteWriter } from '../src/base/bytes.ts'
import type { Serde } from '../src/base/serde.ts'
import type { StoreContext } from '../src/processor/state-store.ts'
import { OpenGeneration } from './open-generation.ts'
import type { TableEntry } from './table-entry.ts'
import type { ValueForm } from './value-form.ts'

/** What every store is, whatever its rows: opened once, with an open generation whose size the runtime watches. */
export abstract class StoreTable<K, V, E extends TableEntry<V, E>> {
  readonly name: string
  readonly keySerde: Serde<K>
  protected readonly form: ValueForm<V>
  protected readonly openGeneration: OpenGeneration<V, E>
  #context: StoreContext | null = null

  constructor(name: string, keySerde: Serde<K>, form: ValueForm<V>) {
    this.name = name
    this.keySerde = keySerde
    this.form = form
    this.openGeneration = new OpenGeneration(name, form, (entry, bytes) => this.place(entry, bytes))
  }

  get dirtyEntries(): number {
    return this.openGeneration.size
  }

  /** An estimate: sizes are known once values are encoded. */
  get dirtyBytes(): number {
    return this.openGeneration.bytes
  }

  protected get context(): StoreContext {
    assert(this.#context !== null, 'a store is opened before it is used')
    return this.#context
  }

  async open(context: StoreContext): Promise<void> {
    assert(this.#context === null, 'a store is opened once')
    this.#context = context
    this.cleared()
  }

  /** Looks again at what the engine has: after its rows were removed for a rebuild. */
  cleared(): void {
    assert(this.openGeneration.size === 0, 'a store is cleared or restored before its first put')
    this.begin()
  }

  keepOldValues(): void {
    this.openGeneration.keepOldValues()
  }

  /** Takes what the engine has for all there is. */
  protected abstract begin(): void

  /** See OpenGeneration. */
  protected abstract place(entry: E, bytes: ByteWriter): void
}
