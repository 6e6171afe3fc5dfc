/**
 * How a store keeps a value as bytes: alone, or, stamped, after the timestamp of its last update.
 */
import { type ByteWriter, readInt64, writeInt64 } from '../src/base/bytes.ts'
import type { Serde } from '../src/base/serde.ts'

const timestampBytes = 8

export class ValueForm<V> {
  readonly serde: Serde<V>
  /** What lies before the value. */
  readonly stampBytes: number

  constructor(serde: Serde<V>, isStamped: boolean) {
    this.serde = serde
    this.stampBytes = isStamped ? timestampBytes : 0
  }

  /** What was in `into` before is over. */
  encode(value: V, timestampMs: number, into: ByteWriter): void {
    into.reset()
    into.ensure(this.stampBytes)
    this.stamp(into.buffer, timestampMs)
    into.position = this.stampBytes
    this.serde.encode(value, into)
  }

  decode(bytes: Buffer, start: number, end: number): V {
    return this.serde.decode(bytes, start + this.stampBytes, end)
  }

  /** -1 when it is not kept. */
  timestampOf(bytes: Buffer, start: number): number {
    return this.stampBytes > 0 ? readInt64(bytes, start) : -1
  }

  /** Writes the timestamp at the start of `bytes`, where it is kept. */
  stamp(bytes: Buffer, timestampMs: number): void {
    if (this.stampBytes > 0) writeInt64(bytes, timestampMs, 0)
  }
}
