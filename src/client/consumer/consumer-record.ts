/**
 * Records for the user: decoded one by one, with buffers of their own.
 */
import type { Headers } from '../../base/serde.ts'
import { BatchCursor } from '../../records/batch-cursor.ts'
import type { TopicPartition } from '../topic-partition.ts'
import type { FetchedPartition } from './partition-state.ts'

export interface ConsumerRecord extends TopicPartition {
  readonly offset: number
  /** Milliseconds since 1970. */
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Headers
}

const cursor = new BatchCursor()

/** All records of a fetched piece that lie at or above its first offset. */
export function recordsOf(fetched: FetchedPartition): ConsumerRecord[] {
  const { topic, partition, buffer, batches, firstOffset } = fetched
  const records: ConsumerRecord[] = []
  for (const at of batches) {
    cursor.open(buffer, at)
    while (cursor.next()) {
      if (cursor.offset < firstOffset) continue
      const { offset, timestampMs } = cursor
      const key = copied(cursor.buffer, cursor.keyStart, cursor.keyEnd)
      const value = copied(cursor.buffer, cursor.valueStart, cursor.valueEnd)
      records.push({ topic, partition, offset, timestampMs, key, value, headers: cursor.headers() })
    }
  }
  return records
}

function copied(buffer: Buffer, start: number, end: number): Buffer | null {
  return start < 0 ? null : Buffer.from(buffer.subarray(start, end))
}
