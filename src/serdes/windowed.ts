/**
 * Keys of windowed results, in the bytes of Kafka Streams' TimeWindowedSerializer: `key ‖ int64 start`. The end is not
 * written; whoever reads must know the size.
 */
import { type ByteWriter, writeInt64 } from '../base/bytes.ts'
import { StreamError } from '../base/errors.ts'
import { aSerde, shown } from '../base/option-checks.ts'
import type { Serde } from '../base/serde.ts'
import { malformed, unfit } from './failure.ts'

/** A key and the window that the result is of: `[startMs, endMs)`, milliseconds since 1970. */
export class Windowed<K> {
  readonly key: K
  readonly startMs: number
  readonly endMs: number

  constructor(key: K, startMs: number, endMs: number) {
    this.key = key
    this.startMs = startMs
    this.endMs = endMs
  }
}

/** How many bytes follow those of the inner key. Records are partitioned by the inner key's bytes alone. */
export const windowedKeySuffixBytes = 8

/** The serde that `timeWindowed` makes. */
export class TimeWindowedSerde<K> implements Serde<Windowed<K>> {
  readonly name: string
  readonly inner: Serde<K>
  readonly windowSizeMs: number

  constructor(inner: Serde<K>, windowSizeMs: number) {
    this.name = `windowed(${inner.name},${windowSizeMs})`
    this.inner = inner
    this.windowSizeMs = windowSizeMs
  }

  encode(value: Windowed<K>, into: ByteWriter): void {
    if (!(value instanceof Windowed)) throw unfit(this.name, value, 'a Windowed key')
    if (!Number.isSafeInteger(value.startMs) || value.startMs < 0) {
      throw unfit(this.name, value.startMs, 'a window that starts at a whole millisecond, not before 1970')
    }
    this.inner.encode(value.key, into)
    into.ensure(windowedKeySuffixBytes)
    writeInt64(into.buffer, value.startMs, into.position)
    into.position += windowedKeySuffixBytes
  }

  decode(bytes: Buffer, start: number, end: number): Windowed<K> {
    const keyEnd = end - windowedKeySuffixBytes
    if (keyEnd < start) throw malformed(this.name, `${end - start} bytes, the window's start alone is eight`)
    const startMs = bytes.readInt32BE(keyEnd) * 0x100000000 + bytes.readUInt32BE(keyEnd + 4)
    if (!Number.isSafeInteger(startMs) || startMs < 0) {
      throw malformed(this.name, `a window that starts at ${bytes.readBigInt64BE(keyEnd)}`)
    }
    const endMs = Math.min(startMs + this.windowSizeMs, Number.MAX_SAFE_INTEGER)
    return new Windowed(this.inner.decode(bytes, start, keyEnd), startMs, endMs)
  }
}

/**
 * Windowed keys over the serde of the inner key, for windows of one size. Throws CONFIG_INVALID when the first is no serde, or the
 * size not a positive whole number of milliseconds.
 */
export function timeWindowed<K>(inner: Serde<K>, windowSizeMs: number): TimeWindowedSerde<K> {
  const wanted = aSerde(inner)
  if (wanted !== null) {
    throw new StreamError('CONFIG_INVALID', `timeWindowed was given ${shown(inner)} for its keys; give ${wanted}`)
  }
  if (!Number.isSafeInteger(windowSizeMs) || windowSizeMs <= 0) {
    throw new StreamError(
      'CONFIG_INVALID',
      `timeWindowed was given a window of ${shown(windowSizeMs)} ms; give a positive whole number of milliseconds`,
    )
  }
  return new TimeWindowedSerde(inner, windowSizeMs)
}
