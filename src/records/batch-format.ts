import { readInt64, writeInt64 } from '../base/bytes.ts'
import { crc32c } from '../base/crc.ts'
import { StreamError } from '../base/errors.ts'

/**
 * The header of Kafka's record batch v2, read and patched in place.
 *
 *   0 baseOffset int64        12 leaderEpoch int32     23 lastOffsetDelta int32   43 producerId int64     57 recordCount int32
 *   8 length int32 (after it) 16 magic int8 = 2        27 baseTimestamp int64     51 producerEpoch int16  61 records …
 *                             17 crc uint32 (from 21)  35 maxTimestamp int64      53 baseSequence int32
 *                             21 attributes int16
 *
 * Laws
 *  B1  baseOffset, length and leaderEpoch lie outside the CRC: the log patches them without touching it
 *  B2  every accessor assumes that a whole header lies at `at`; `requireBatch` establishes that
 */
export const batchHeaderBytes = 61
/** Bytes before the part that the length field counts. */
const batchPrefixBytes = 12
const batchMagic = 2

const leaderEpochAt = 12
const magicAt = 16
const crcAt = 17
export const attributesAt = 21
const lastOffsetDeltaAt = 23
const baseTimestampAt = 27
const maxTimestampAt = 35
const producerIdAt = 43
const producerEpochAt = 51
const baseSequenceAt = 53
const recordCountAt = 57

const codecMask = 0x07
const logAppendTimeBit = 0x08
const transactionalBit = 0x10
const controlBit = 0x20

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type CompressionName = (typeof codecs)[number]
export type TimestampType = 'CreateTime' | 'LogAppendTime'

/** The size of the whole batch, its prefix included. */
export function batchSize(buffer: Buffer, at: number): number {
  return batchPrefixBytes + buffer.readInt32BE(at + 8)
}

export function baseOffsetOf(buffer: Buffer, at: number): number {
  return readInt64(buffer, at)
}

export function lastOffsetDeltaOf(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + lastOffsetDeltaAt)
}

export function lastOffsetOf(buffer: Buffer, at: number): number {
  return readInt64(buffer, at) + buffer.readInt32BE(at + lastOffsetDeltaAt)
}

export function partitionLeaderEpochOf(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + leaderEpochAt)
}

function magicOf(buffer: Buffer, at: number): number {
  return buffer.readInt8(at + magicAt)
}

export function attributesOf(buffer: Buffer, at: number): number {
  return buffer.readInt16BE(at + attributesAt)
}

export function compressionOf(buffer: Buffer, at: number): CompressionName {
  const code = buffer[at + attributesAt + 1]! & codecMask
  const name = codecs[code]
  if (name === undefined)
    throw new StreamError('BATCH_CORRUPT', `codec number ${code} does not exist; the batch was damaged`)
  return name
}

export function isTransactional(buffer: Buffer, at: number): boolean {
  return (buffer[at + attributesAt + 1]! & transactionalBit) !== 0
}

export function isControl(buffer: Buffer, at: number): boolean {
  return (buffer[at + attributesAt + 1]! & controlBit) !== 0
}

export function timestampTypeOf(buffer: Buffer, at: number): TimestampType {
  return (buffer[at + attributesAt + 1]! & logAppendTimeBit) !== 0 ? 'LogAppendTime' : 'CreateTime'
}

export function baseTimestampOf(buffer: Buffer, at: number): number {
  return readInt64(buffer, at + baseTimestampAt)
}

export function maxTimestampOf(buffer: Buffer, at: number): number {
  return readInt64(buffer, at + maxTimestampAt)
}

/** -1: not an idempotent producer's. */
export function producerIdOf(buffer: Buffer, at: number): number {
  return readInt64(buffer, at + producerIdAt)
}

export function producerEpochOf(buffer: Buffer, at: number): number {
  return buffer.readInt16BE(at + producerEpochAt)
}

/** -1: none, as in control batches. */
export function baseSequenceOf(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + baseSequenceAt)
}

export function recordCountOf(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + recordCountAt)
}

/** Does the stored checksum fit the bytes? */
export function crcMatches(buffer: Buffer, at: number): boolean {
  return buffer.readUInt32BE(at + crcAt) === crc32c(buffer, at + attributesAt, at + batchSize(buffer, at))
}

/** Why no whole batch of ours lies at `buffer[at, end)`, or null when one does. Looks at the frame only, not at the CRC. */
export function frameProblem(buffer: Buffer, at: number, end: number): string | null {
  if (at < 0 || at + batchHeaderBytes > end)
    return `${Math.max(0, end - at)} bytes are left, a batch header needs ${batchHeaderBytes}`
  const size = batchSize(buffer, at)
  if (size < batchHeaderBytes) return `its length field says ${size} bytes`
  if (at + size > end) return `its length field says ${size} bytes, ${end - at} are there`
  const magic = magicOf(buffer, at)
  if (magic !== batchMagic) return `its format is ${magic}, only ${batchMagic} is known`
  return null
}

/** B2, or BATCH_CORRUPT. Returns the size of the batch. */
export function requireBatch(buffer: Buffer, at: number, end: number): number {
  const problem = frameProblem(buffer, at, end)
  if (problem !== null)
    throw new StreamError('BATCH_CORRUPT', `no whole batch at byte ${at}: ${problem}; fetch or produce it again`)
  return batchSize(buffer, at)
}

export interface HeaderFields {
  readonly attributes: number
  readonly lastOffsetDelta: number
  readonly baseTimestampMs: number
  readonly maxTimestampMs: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
}

/** Attributes of a batch that we write. */
export function attributeBits(compressed: boolean, transactional: boolean, control: boolean): number {
  return (compressed ? 1 : 0) | (transactional ? transactionalBit : 0) | (control ? controlBit : 0)
}

/** Writes the header of the batch that fills `buffer[0, end)`: base offset 0, leader epoch -1, CRC last. */
export function writeHeader(buffer: Buffer, end: number, fields: HeaderFields): void {
  writeInt64(buffer, 0, 0)
  buffer.writeInt32BE(end - batchPrefixBytes, 8)
  buffer.writeInt32BE(-1, leaderEpochAt)
  buffer[magicAt] = batchMagic
  buffer.writeInt16BE(fields.attributes, attributesAt)
  buffer.writeInt32BE(fields.lastOffsetDelta, lastOffsetDeltaAt)
  writeInt64(buffer, fields.baseTimestampMs, baseTimestampAt)
  writeInt64(buffer, fields.maxTimestampMs, maxTimestampAt)
  writeInt64(buffer, fields.producerId, producerIdAt)
  buffer.writeInt16BE(fields.producerEpoch, producerEpochAt)
  buffer.writeInt32BE(fields.baseSequence, baseSequenceAt)
  buffer.writeInt32BE(fields.recordCount, recordCountAt)
  buffer.writeUInt32BE(crc32c(buffer, attributesAt, end), crcAt)
}

/** B1: gives a batch its place in a partition. */
export function patchOffset(buffer: Buffer, at: number, baseOffset: number, leaderEpoch: number): void {
  writeInt64(buffer, baseOffset, at)
  buffer.writeInt32BE(leaderEpoch, at + leaderEpochAt)
}

/** Stamps the time of appending on all records of a batch, and computes its CRC anew. */
export function patchLogAppendTime(buffer: Buffer, at: number, timestampMs: number): void {
  buffer[at + attributesAt + 1] = buffer[at + attributesAt + 1]! | logAppendTimeBit
  writeInt64(buffer, timestampMs, at + maxTimestampAt)
  buffer.writeUInt32BE(crc32c(buffer, at + attributesAt, at + batchSize(buffer, at)), at + crcAt)
}
