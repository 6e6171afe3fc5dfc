import { ByteWriter } from '../../src/base/bytes.ts'
import type { Serde } from '../../src/base/serde.ts'

/**
 * Keeps an accumulator as it was before a fold that may change it: through its bytes, for objects only. Needed where each
 * update is told with its old value; at a commit the store has the old value's bytes itself.
 */
export class OldValues<A> {
  readonly #serde: Serde<A>
  readonly #writer = new ByteWriter()

  constructor(serde: Serde<A>) {
    this.#serde = serde
  }

  keep(value: A | null): A | null {
    if (typeof value !== 'object' || value === null) return value
    this.#writer.reset()
    this.#serde.encode(value, this.#writer)
    return this.#serde.decode(this.#writer.buffer, 0, this.#writer.position)
  }
}
