import { assert } from '../base/assert.ts'
import { ByteReader } from '../base/bytes.ts'
import { StreamError } from '../base/errors.ts'
import { type Header, type Headers, noHeaders } from '../base/serde.ts'
import {
  baseOffsetOf,
  baseTimestampOf,
  batchHeaderBytes,
  compressionOf,
  lastOffsetDeltaOf,
  maxTimestampOf,
  recordCountOf,
  requireBatch,
  timestampTypeOf,
} from './batch-format.ts'
import { inflate, requireCodec } from './compression.ts'

const emptyBuffer = Buffer.alloc(0)

/**
 * Walks the records of one batch after the other, allocating nothing per record. One object serves many batches.
 *
 * Laws
 *  C1  key and value lie inside the record, the record inside the batch; else BATCH_CORRUPT
 *  C2  offsets rise, and stay within what the header says
 *  C3  next() is true exactly recordCount times
 *
 * It does not check the CRC (`crcMatches` does), so it trusts nothing: a length is compared before it is followed.
 */
export class BatchCursor {
  /** What keyStart … valueEnd point into: the batch's own buffer, or the inflated records. */
  buffer: Buffer = emptyBuffer
  offset = -1
  timestampMs = -1
  /** -1: null. */
  keyStart = -1
  keyEnd = -1
  /** -1: null. */
  valueStart = -1
  valueEnd = -1
  #at = 0
  #end = 0
  #recordEnd = 0
  #remaining = 0
  #baseOffset = 0
  #lastDelta = -1
  #maxDelta = 0
  #baseTimestampMs = 0
  #appendTimeMs = -1

  /** The batch that begins at `at`. Records that are compressed are inflated here, once. */
  open(buffer: Buffer, at: number): void {
    const size = requireBatch(buffer, at, buffer.length)
    const codec = compressionOf(buffer, at)
    this.#baseOffset = baseOffsetOf(buffer, at)
    this.#remaining = recordCountOf(buffer, at)
    this.#lastDelta = -1
    this.#maxDelta = lastOffsetDeltaOf(buffer, at)
    this.#baseTimestampMs = baseTimestampOf(buffer, at)
    this.#appendTimeMs = timestampTypeOf(buffer, at) === 'LogAppendTime' ? maxTimestampOf(buffer, at) : -1
    if (codec === 'none') {
      this.buffer = buffer
      this.#at = at + batchHeaderBytes
      this.#end = at + size
    } else {
      requireCodec(codec)
      this.buffer = inflate(buffer.subarray(at + batchHeaderBytes, at + size))
      this.#at = 0
      this.#end = this.buffer.length
    }
    this.#recordEnd = this.#at
    // A record has at least 7 bytes, so a count that a header invents is seen before anything is done with it.
    if (this.#remaining < 0 || this.#remaining * 7 > this.#end - this.#at)
      this.#corrupt('it claims more records than it has bytes for')
  }

  /** Goes to the next record; false at the end. */
  next(): boolean {
    if (this.#remaining === 0) {
      if (this.#recordEnd !== this.#end) this.#corrupt('bytes are left after its last record')
      return false
    }
    this.#remaining--
    this.#keyAndValue(this.buffer, this.#frame(this.buffer, this.#recordEnd))
    return true
  }

  /**
   * Length, attributes, timestamp and offset of the record at `at`; returns where its key begins. Each varint here is
   * read in place while it has one or two bytes, the timestamp also with three (17 minutes); the slow path leaves its end
   * in #at.
   */
  #frame(buffer: Buffer, from: number): number {
    let at = from
    let byte = buffer[at++]!
    let length = (byte >>> 1) ^ -(byte & 1)
    if (byte >= 0x80) {
      byte = buffer[at++]!
      if (byte < 0x80) {
        const previous = buffer[at - 2]!
        length = (((byte << 7) | (previous & 0x7f)) >>> 1) ^ -(previous & 1)
      } else {
        length = this.#varint(at - 2)
        at = this.#at
      }
    }
    const recordEnd = at + length
    if (length < 6 || recordEnd > this.#end) this.#corrupt(`a record of ${length} bytes does not fit`)
    this.#recordEnd = recordEnd
    at++

    byte = buffer[at++]!
    if (byte < 0x80) {
      this.timestampMs = this.#baseTimestampMs + ((byte >>> 1) ^ -(byte & 1))
    } else {
      const second = buffer[at++]!
      if (second < 0x80) {
        this.timestampMs = this.#baseTimestampMs + ((((second << 7) | (byte & 0x7f)) >>> 1) ^ -(byte & 1))
      } else {
        const third = buffer[at++]!
        if (third < 0x80) {
          const raw = (third << 14) | ((second & 0x7f) << 7) | (byte & 0x7f)
          this.timestampMs = this.#baseTimestampMs + ((raw >>> 1) ^ -(raw & 1))
        } else {
          this.timestampMs = this.#baseTimestampMs + this.#varlong(at - 3)
          at = this.#at
        }
      }
    }
    if (this.#appendTimeMs >= 0) this.timestampMs = this.#appendTimeMs

    byte = buffer[at++]!
    let delta = (byte >>> 1) ^ -(byte & 1)
    if (byte >= 0x80) {
      const second = buffer[at++]!
      if (second < 0x80) {
        delta = (((second << 7) | (byte & 0x7f)) >>> 1) ^ -(byte & 1)
      } else {
        delta = this.#varint(at - 2)
        at = this.#at
      }
    }
    if (delta <= this.#lastDelta || delta > this.#maxDelta) this.#corrupt(`a record has offset delta ${delta}`)
    this.#lastDelta = delta
    this.offset = this.#baseOffset + delta
    return at
  }

  #keyAndValue(buffer: Buffer, from: number): void {
    const recordEnd = this.#recordEnd
    let at = from
    let byte = buffer[at++]!
    let length = (byte >>> 1) ^ -(byte & 1)
    if (byte >= 0x80) {
      length = this.#varint(at - 1)
      at = this.#at
    }
    if (length >= 0) {
      this.keyStart = at
      at += length
      this.keyEnd = at
      if (at >= recordEnd) this.#corrupt(`a key of ${length} bytes does not fit into its record`)
    } else {
      if (length !== -1) this.#corrupt(`a key has length ${length}`)
      this.keyStart = -1
      this.keyEnd = -1
    }

    byte = buffer[at++]!
    length = (byte >>> 1) ^ -(byte & 1)
    if (byte >= 0x80) {
      const second = buffer[at++]!
      if (second < 0x80) {
        length = (((second << 7) | (byte & 0x7f)) >>> 1) ^ -(byte & 1)
      } else {
        length = this.#varint(at - 2)
        at = this.#at
      }
    }
    if (length >= 0) {
      this.valueStart = at
      at += length
      this.valueEnd = at
    } else {
      if (length !== -1) this.#corrupt(`a value has length ${length}`)
      this.valueStart = -1
      this.valueEnd = -1
    }
    if (at >= recordEnd) this.#corrupt(`a value of ${length} bytes does not fit into its record`)
    this.#at = at
    if (buffer[at] === 0 && at + 1 !== recordEnd) this.#corrupt('bytes are left after a record')
  }

  /** The headers of the current record: decoded, and their values copied, at each call. */
  headers(): Headers {
    if (this.buffer[this.#at] === 0) return noHeaders
    const headers: Header[] = []
    try {
      const reader = new ByteReader(this.buffer, this.#at, this.#recordEnd)
      const count = reader.varint()
      if (count < 0 || count > reader.remaining) this.#corrupt(`a record has ${count} headers`)
      for (let index = 0; index < count; index++) {
        const key = reader.utf8(reader.varint())
        const length = reader.varint()
        if (length < -1) this.#corrupt(`a header has length ${length}`)
        headers.push({ key, value: length === -1 ? null : Buffer.from(reader.bytes(length)) })
      }
      if (reader.remaining > 0) this.#corrupt('bytes are left after the headers of a record')
    } catch (error) {
      if (!StreamError.is(error, 'PROTOCOL_INVALID')) throw error
      this.#corrupt('the headers of a record do not fit into it', error)
    }
    return headers
  }

  /** A varint of any size, from `at`; leaves its end in #at. */
  #varint(at: number): number {
    const { buffer } = this
    let raw = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = at < this.#end ? buffer[at++]! : 0xff
      raw |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        this.#at = at
        return (raw >>> 1) ^ -(raw & 1)
      }
    }
    return this.#corrupt('a varint is longer than 5 bytes')
  }

  #varlong(at: number): number {
    try {
      const reader = new ByteReader(this.buffer, at, this.#end)
      const value = reader.varlong()
      this.#at = reader.position
      return value
    } catch (error) {
      if (!StreamError.is(error, 'PROTOCOL_INVALID')) throw error
      return this.#corrupt('a timestamp does not fit', error)
    }
  }

  #corrupt(what: string, cause?: unknown): never {
    assert(this.#end <= this.buffer.length, 'C1: a batch lies inside its buffer')
    throw new StreamError(
      'BATCH_CORRUPT',
      `the batch at offset ${this.#baseOffset} cannot be read after offset delta ${this.#lastDelta}: ${what}; produce it again`,
      { cause },
    )
  }
}
