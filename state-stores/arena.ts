/**
 * Slabs of bytes that live and die together: many small byte strings without a Buffer object each. The one who places
 * bytes keeps `(buffer, start)`; nothing is freed singly, the whole arena is dropped (aged-table.ts).
 */
import { copyBytes } from '../src/base/bytes.ts'
import { KiB } from '../src/base/limits.ts'

const slabBytesMin = KiB
const slabBytesMax = 64 * KiB

export class Arena {
  /** The slab that the last `place` went to. */
  buffer: Buffer = Buffer.allocUnsafeSlow(0)
  #position = 0
  #bytes = 0

  /** What it holds in memory, dead bytes included. */
  get bytes(): number {
    return this.#bytes
  }

  /** Makes room in `buffer` and gives its start; the caller writes `length` bytes there. */
  reserve(length: number): number {
    if (this.#position + length > this.buffer.length) this.#grow(length)
    const at = this.#position
    this.#position = at + length
    return at
  }

  /** Copies bytes in and gives where they begin in `buffer`. */
  place(source: Buffer, start: number, end: number): number {
    const length = end - start
    const at = this.reserve(length)
    copyBytes(source, start, this.buffer, at, length)
    return at
  }

  #grow(length: number): void {
    // Small stores stay small: slabs double up to their full size.
    const bytes = Math.max(slabBytesMin, Math.min(slabBytesMax, this.buffer.length * 2), length)
    this.buffer = Buffer.allocUnsafeSlow(bytes)
    this.#position = 0
    this.#bytes += bytes
  }
}
