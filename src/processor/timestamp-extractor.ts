import type { Record, RecordMetadata } from './record.ts'

/**
 * Which time a record of a source has. `partitionTimeMs` is the largest so far of its partition, -1 before the first.
 * A negative answer leaves the record out, counted; throwing goes to `onError.deserialize`… as Kafka's extractors do.
 */
export type TimestampExtractor = (
  record: Record<unknown, unknown>,
  partitionTimeMs: number,
  metadata: RecordMetadata,
) => number
