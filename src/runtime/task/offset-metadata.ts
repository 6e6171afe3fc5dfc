import { ByteReader, ByteWriter } from '../../base/bytes.ts'
import { StreamError } from '../../base/errors.ts'

/** What travels with a committed offset: the partition's time, and the stream time each operator has seen, by node name. */
export interface OffsetMetadata {
  readonly partitionTimeMs: number
  readonly streamTimesMs: ReadonlyMap<string, number>
}

export const noOffsetMetadata: OffsetMetadata = Object.freeze({ partitionTimeMs: -1, streamTimesMs: new Map() })

const version = 2

/**
 * Kafka Streams' TopicPartitionMetadata, version 2, as base64: `int8 2 ‖ int64 partition time`, and when there are operators
 * `int32 count ‖ (int32 length ‖ name ‖ int64 time)…`. Byte for byte what Java writes (golden/vectors.json).
 */
export function encodeOffsetMetadata(metadata: OffsetMetadata): string {
  const writer = new ByteWriter(64)
  writer.int8(version)
  writer.int64(metadata.partitionTimeMs)
  if (metadata.streamTimesMs.size > 0) {
    writer.int32(metadata.streamTimesMs.size)
    for (const [name, timestampMs] of metadata.streamTimesMs) {
      writer.int32(Buffer.byteLength(name))
      writer.utf8(name)
      writer.int64(timestampMs)
    }
  }
  return writer.view().toString('base64')
}

/** Reads versions 1 and 2. What is none of them counts as unknown, as in Kafka Streams: the time starts again. */
export function decodeOffsetMetadata(text: string | null): OffsetMetadata {
  if (text === null || text === '') return noOffsetMetadata
  try {
    const reader = new ByteReader(Buffer.from(text, 'base64'))
    const found = reader.int8()
    if (found !== 1 && found !== version) return noOffsetMetadata
    const partitionTimeMs = reader.int64()
    const streamTimesMs = new Map<string, number>()
    const count = found === version && reader.remaining > 0 ? reader.int32() : 0
    for (let index = 0; index < count; index++) {
      const name = reader.utf8(reader.int32())
      streamTimesMs.set(name, reader.int64())
    }
    return { partitionTimeMs, streamTimesMs }
  } catch (error) {
    if (StreamError.is(error, 'PROTOCOL_INVALID')) return noOffsetMetadata
    throw error
  }
}
