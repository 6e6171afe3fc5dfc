import { ByteWriter } from '../src/base/bytes.ts'
import type { Serde } from '../src/base/serde.ts'

/**
 * Copies values through their bytes; what is no object is its own copy. Needed because a fold may change its accumulator: what
 * others are given of it must not change with it, nor it with what they do.
 */
export class ValueCopier<V> {
  readonly serde: Serde<V>
  readonly #writer = new ByteWriter()

  constructor(serde: Serde<V>) {
    this.serde = serde
  }

  copy(value: V | null): V | null {
    if (typeof value !== 'object' || value === null) return value
    this.#writer.reset()
    this.serde.encode(value, this.#writer)
    return this.serde.decode(this.#writer.buffer, 0, this.#writer.position)
  }
}
