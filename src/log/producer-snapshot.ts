import { ByteReader, ByteWriter } from '../base/bytes.ts'
import { crc32c } from '../base/crc.ts'
import { ProducerEntry, type ProducerState, sequenceAfter } from './producer-state.ts'

/**
 * A .snapshot file: the producers of a partition as they were at the offset in its name. Kafka's format, version 1:
 *
 *   version int16, crc uint32 of all that follows, then count int32 and per producer: id int64, epoch int16,
 *   last sequence int32, last offset int64, offset delta int32, timestamp int64, coordinator epoch int32,
 *   first offset of the open transaction int64
 *
 * Only the last batch of a producer is in it, so after a restart only that one is known as a duplicate.
 */
const version = 1
const crcAt = 2
const bodyAt = 6
const entryBytes = 46
const sequenceCount = 0x80000000

export function encodeSnapshot(state: ProducerState): Buffer {
  const into = new ByteWriter(bodyAt + 4 + state.size * entryBytes)
  into.int16(version)
  into.uint32(0)
  into.int32(state.size)
  for (const entry of state.entries()) {
    const last = entry.batches.at(-1)
    into.int64(entry.producerId)
    into.int16(entry.epoch)
    into.int32(last?.lastSequence ?? -1)
    into.int64(last?.lastOffset ?? -1)
    into.int32(last === undefined ? 0 : last.lastOffset - last.baseOffset)
    into.int64(entry.lastSeenMs)
    into.int32(entry.coordinatorEpoch)
    into.int64(entry.transactionFirstOffset)
  }
  const bytes = into.copy()
  bytes.writeUInt32BE(crc32c(bytes, bodyAt, bytes.length), crcAt)
  return bytes
}

/** The producers in a snapshot; null when it is not one of ours, whole and undamaged: then an older one serves. */
export function decodeSnapshot(bytes: Buffer): ProducerEntry[] | null {
  if (bytes.length < bodyAt + 4 || bytes.readInt16BE(0) !== version) return null
  if (bytes.readUInt32BE(crcAt) !== crc32c(bytes, bodyAt, bytes.length)) return null
  const from = new ByteReader(bytes, bodyAt)
  const count = from.int32()
  if (count < 0 || count * entryBytes !== from.remaining) return null
  const entries: ProducerEntry[] = []
  for (let index = 0; index < count; index++) {
    const producerId = from.int64()
    const epoch = from.int16()
    const lastSequence = from.int32()
    const lastOffset = from.int64()
    const offsetDelta = from.int32()
    const timestampMs = from.int64()
    const entry = new ProducerEntry(producerId, epoch, timestampMs)
    entry.coordinatorEpoch = from.int32()
    entry.transactionFirstOffset = from.int64()
    if (lastSequence >= 0) {
      const firstSequence = sequenceAfter(lastSequence, sequenceCount - (offsetDelta % sequenceCount))
      entry.batches.push({ firstSequence, lastSequence, baseOffset: lastOffset - offsetDelta, lastOffset, timestampMs })
    }
    entries.push(entry)
  }
  return entries
}
