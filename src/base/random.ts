import { randomBytes } from 'node:crypto'

/** Chance, asked for: a seed gives the same run again. */
export interface Random {
  /** In [0, 1). */
  next(): number
  /** A whole number in [0, below). */
  int(below: number): number
  bytes(count: number): Buffer
  /** A version 4 UUID, lower-case. */
  uuid(): string
}

abstract class RandomBase implements Random {
  abstract next(): number
  abstract bytes(count: number): Buffer

  int(below: number): number {
    return Math.floor(this.next() * below)
  }

  uuid(): string {
    const raw = this.bytes(16)
    raw[6] = (raw[6]! & 0x0f) | 0x40
    raw[8] = (raw[8]! & 0x3f) | 0x80
    const hex = raw.toString('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  }
}

class SystemRandom extends RandomBase {
  next(): number {
    return Math.random()
  }

  bytes(count: number): Buffer {
    return randomBytes(count)
  }
}

/** A seeded generator (mulberry32): fast, and the same everywhere. */
export class SeededRandom extends RandomBase {
  #state: number

  constructor(seed: number) {
    super()
    this.#state = seed >>> 0
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x100000000
  }

  bytes(count: number): Buffer {
    const result = Buffer.alloc(count)
    for (let index = 0; index < count; index++) result[index] = this.int(256)
    return result
  }
}

export const systemRandom: Random = new SystemRandom()
