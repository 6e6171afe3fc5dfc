import { assert } from '../base/assert.ts'
import { ByteWriter } from '../base/bytes.ts'
import { type Headers, noHeaders, type Serde } from '../base/serde.ts'
import { attributeBits, batchHeaderBytes, writeHeader } from './batch-format.ts'
import { type Compression, deflate } from './compression.ts'

/** What a batch says about who wrote it: -1, -1, -1, false when the producer is not idempotent. */
export interface BatchHeader {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly transactional: boolean
}

export const plainHeader: BatchHeader = { producerId: -1, producerEpoch: -1, baseSequence: -1, transactional: false }

const initialBytesDefault = 1024

/** How many bytes the zigzag varint of a length takes. */
function lengthBytes(length: number): number {
  return length < 0x40 ? 1 : length < 0x2000 ? 2 : length < 0x100000 ? 3 : length < 0x8000000 ? 4 : 5
}

/** Writes a length (or an offset delta) as zigzag varint; there is room. Returns where it ends. */
function writeLength(buffer: Buffer, at: number, length: number): number {
  let zigzag = (length << 1) >>> 0
  while (zigzag >= 0x80) {
    buffer[at++] = (zigzag & 0x7f) | 0x80
    zigzag >>>= 7
  }
  buffer[at++] = zigzag
  return at
}

/**
 * Lays records down in the final form of a batch: keys and values are encoded in place, once.
 *
 * The length of a record, key or value stands before it as a varint whose own size depends on the length. The builder
 * leaves as many bytes as the last record needed, and moves what it wrote only when that guess was wrong.
 *
 * Laws
 *  N1  a record is in the batch whole or not at all, also when a serde throws
 *  N2  a buffer that `build` returned is never written again
 */
export class BatchBuilder {
  readonly #bytesMax: number
  readonly #compression: Compression
  readonly #initialBytes: number
  #writer: ByteWriter
  #end = batchHeaderBytes
  #count = 0
  #baseTimestampMs = 0
  #maxTimestampMs = 0
  #recordLengthBytes = 1
  #keyLengthBytes = 1
  #valueLengthBytes = 1
  #keyStart = -1
  #keyEnd = -1

  constructor(options: { bytesMax: number; compression?: Compression; initialBytes?: number }) {
    this.#bytesMax = options.bytesMax
    this.#compression = options.compression ?? 'none'
    this.#initialBytes = options.initialBytes ?? initialBytesDefault
    this.#writer = new ByteWriter(this.#initialBytes)
  }

  /** A batch of several records never grows beyond it. */
  get bytesMax(): number {
    return this.#bytesMax
  }

  get recordCount(): number {
    return this.#count
  }

  /** Bytes so far, uncompressed, the header included. */
  get sizeBytes(): number {
    return this.#end
  }

  /** The builder's own buffer: `lastKeyStart` and `lastKeyEnd` point into it, until the next append. */
  get buffer(): Buffer {
    return this.#writer.buffer
  }

  /** -1: the last record had no key. */
  get lastKeyStart(): number {
    return this.#keyStart
  }

  get lastKeyEnd(): number {
    return this.#keyEnd
  }

  /**
   * Appends one record. Returns false, leaving the builder as it was, when it is not the first and the batch would grow
   * beyond `bytesMax`. A null key or value is null in the record.
   */
  append<K, V>(
    timestampMs: number,
    key: K | null,
    keySerde: Serde<K>,
    value: V | null,
    valueSerde: Serde<V>,
    headers: Headers,
  ): boolean {
    const writer = this.#writer
    const bodyStart = this.#beginRecord(writer, timestampMs)
    let keyStart = -1
    let keyEnd = -1
    if (key === null) {
      writer.buffer[writer.position++] = 1
    } else {
      keyStart = writer.position + this.#keyLengthBytes
      writer.position = keyStart
      keySerde.encode(key, writer)
      keyEnd = writer.position
      const bytes = lengthBytes(keyEnd - keyStart)
      if (bytes !== this.#keyLengthBytes) {
        this.#move(writer, keyStart, bytes - this.#keyLengthBytes)
        keyStart += bytes - this.#keyLengthBytes
        keyEnd = writer.position
        this.#keyLengthBytes = bytes
      }
      writeLength(writer.buffer, keyStart - bytes, keyEnd - keyStart)
    }
    writer.ensure(8)
    if (value === null) {
      writer.buffer[writer.position++] = 1
    } else {
      const valueStart = writer.position + this.#valueLengthBytes
      writer.position = valueStart
      valueSerde.encode(value, writer)
      this.#closeValue(writer, valueStart)
    }
    return this.#endRecord(writer, bodyStart, timestampMs, keyStart, keyEnd, headers)
  }

  /** As `append`, for bytes: `key[keyStart, keyEnd)` and `value[valueStart, valueEnd)`. */
  appendBytes(
    timestampMs: number,
    key: Buffer | null,
    keyStart: number,
    keyEnd: number,
    value: Buffer | null,
    valueStart: number,
    valueEnd: number,
    headers: Headers,
  ): boolean {
    const writer = this.#writer
    const bodyStart = this.#beginRecord(writer, timestampMs)
    let start = -1
    let end = -1
    if (key === null) {
      writer.buffer[writer.position++] = 1
    } else {
      writer.position = writeLength(writer.buffer, writer.position, keyEnd - keyStart)
      start = writer.position
      writer.bytes(key, keyStart, keyEnd)
      end = writer.position
    }
    writer.ensure(8)
    if (value === null) {
      writer.buffer[writer.position++] = 1
    } else {
      writer.position = writeLength(writer.buffer, writer.position, valueEnd - valueStart)
      writer.bytes(value, valueStart, valueEnd)
    }
    return this.#endRecord(writer, bodyStart, timestampMs, start, end, headers)
  }

  /** Writes what stands before the key and returns where the body begins (N1: from the end of the last whole record). */
  #beginRecord(writer: ByteWriter, timestampMs: number): number {
    writer.position = this.#end
    writer.ensure(32)
    const bodyStart = this.#end + this.#recordLengthBytes
    const { buffer } = writer
    if (this.#count === 0) this.#baseTimestampMs = timestampMs
    const delta = timestampMs - this.#baseTimestampMs
    let at = bodyStart
    buffer[at++] = 0
    if (delta >= 0 && delta < 0x40000000) {
      at = writeLength(buffer, at, delta)
    } else {
      writer.position = at
      writer.varlong(delta)
      at = writer.position
    }
    writer.position = writeLength(buffer, at, this.#count)
    return bodyStart
  }

  #closeValue(writer: ByteWriter, guessedStart: number): void {
    let valueStart = guessedStart
    const bytes = lengthBytes(writer.position - valueStart)
    if (bytes !== this.#valueLengthBytes) {
      this.#move(writer, valueStart, bytes - this.#valueLengthBytes)
      valueStart += bytes - this.#valueLengthBytes
      this.#valueLengthBytes = bytes
    }
    writeLength(writer.buffer, valueStart - bytes, writer.position - valueStart)
  }

  #endRecord(
    writer: ByteWriter,
    guessedStart: number,
    timestampMs: number,
    keyStart: number,
    keyEnd: number,
    headers: Headers,
  ): boolean {
    let bodyStart = guessedStart
    let moved = 0
    writer.ensure(8)
    if (headers.length === 0) writer.buffer[writer.position++] = 0
    else writeHeaders(writer, headers)
    const bytes = lengthBytes(writer.position - bodyStart)
    if (bytes !== this.#recordLengthBytes) {
      moved = bytes - this.#recordLengthBytes
      this.#move(writer, bodyStart, moved)
      bodyStart += moved
      this.#recordLengthBytes = bytes
    }
    if (this.#count > 0 && writer.position > this.#bytesMax) return false
    writeLength(writer.buffer, bodyStart - bytes, writer.position - bodyStart)
    this.#keyStart = keyStart < 0 ? -1 : keyStart + moved
    this.#keyEnd = keyStart < 0 ? -1 : keyEnd + moved
    if (this.#count === 0 || timestampMs > this.#maxTimestampMs) this.#maxTimestampMs = timestampMs
    this.#end = writer.position
    this.#count++
    return true
  }

  /** A length took more or fewer bytes than guessed: moves what stands from `from` on. */
  #move(writer: ByteWriter, from: number, by: number): void {
    writer.ensure(8)
    writer.buffer.copyWithin(from + by, from, writer.position)
    writer.position += by
  }

  /**
   * Finishes the batch: header, compression, CRC. The buffer it returns is the caller's (N2); the builder is empty again.
   */
  build(header: BatchHeader): Buffer {
    assert(this.#count > 0, 'a batch has records')
    assert(Number.isSafeInteger(this.#baseTimestampMs), 'D7: timestamps are safe integers')
    assert(Number.isSafeInteger(this.#maxTimestampMs), 'D7: timestamps are safe integers')
    const compressed = this.#compression !== 'none'
    const batch = compressed ? this.#compress() : this.#detach()
    writeHeader(batch, batch.length, {
      attributes: attributeBits(compressed, header.transactional, false),
      lastOffsetDelta: this.#count - 1,
      baseTimestampMs: this.#baseTimestampMs,
      maxTimestampMs: this.#maxTimestampMs,
      producerId: header.producerId,
      producerEpoch: header.producerEpoch,
      baseSequence: header.baseSequence,
      recordCount: this.#count,
    })
    this.reset()
    return batch
  }

  #compress(): Buffer {
    const records = deflate(this.#writer.buffer.subarray(batchHeaderBytes, this.#end))
    const batch = Buffer.allocUnsafeSlow(batchHeaderBytes + records.length)
    records.copy(batch, batchHeaderBytes)
    return batch
  }

  /** Hands the buffer over when it is well filled, else a copy of its size: a small batch must not hold a large buffer. */
  #detach(): Buffer {
    const { buffer } = this.#writer
    if (this.#end * 2 < buffer.length) {
      const batch = Buffer.allocUnsafeSlow(this.#end)
      buffer.copy(batch, 0, 0, this.#end)
      return batch
    }
    // The next batch will be about as large; the slack keeps its last record from doubling the buffer.
    const expected = Math.min(this.#end, this.#bytesMax)
    this.#writer = new ByteWriter(Math.max(this.#initialBytes, expected + (expected >> 3)))
    return buffer.subarray(0, this.#end)
  }

  /** Forgets the records. */
  reset(): void {
    this.#end = batchHeaderBytes
    this.#count = 0
    this.#keyStart = -1
    this.#keyEnd = -1
  }
}

function writeHeaders(writer: ByteWriter, headers: Headers): void {
  writer.varint(headers.length)
  for (const header of headers) {
    writer.varint(Buffer.byteLength(header.key))
    writer.utf8(header.key)
    if (header.value === null) {
      writer.varint(-1)
    } else {
      writer.varint(header.value.length)
      writer.bytes(header.value)
    }
  }
}

/** One record alone in a batch. */
export function singleRecordBatch(
  timestampMs: number,
  key: Buffer | null,
  value: Buffer | null,
  header: BatchHeader = plainHeader,
  headers: Headers = noHeaders,
): Buffer {
  const builder = new BatchBuilder({ bytesMax: Number.MAX_SAFE_INTEGER })
  builder.appendBytes(timestampMs, key, 0, key?.length ?? 0, value, 0, value?.length ?? 0, headers)
  return builder.build(header)
}
