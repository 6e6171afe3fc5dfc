import { StreamError } from '../base/errors.ts'
import { BatchCursor } from '../records/batch-cursor.ts'
import {
  baseSequenceOf,
  batchSize,
  compressionOf,
  crcMatches,
  frameProblem,
  isControl,
  lastOffsetDeltaOf,
  producerEpochOf,
  producerIdOf,
  recordCountOf,
} from '../records/batch-format.ts'
import { requireCodec } from '../records/compression.ts'
import type { LogConfig } from './log-config.ts'

/**
 * Is this what a client may append: exactly one whole batch of format 2, undamaged, of data, with consecutive offsets?
 * The records inside are walked only where the topic demands keys.
 */
export function validateClientBatch(records: Buffer, config: LogConfig, name: string): void {
  const problem = batchProblem(records)
  if (problem !== null)
    throw new StreamError(
      'BATCH_CORRUPT',
      `a batch for ${name} is refused: ${problem}; build it again and send it again`,
    )
  if (records.length > config.maxMessageBytes) {
    throw new StreamError(
      'RECORD_TOO_LARGE',
      `a batch of ${records.length} bytes for ${name} is refused, max.message.bytes is ${config.maxMessageBytes}; send smaller batches or raise it`,
    )
  }
  requireCodec(compressionOf(records, 0))
  if (config.compacted) requireKeys(records, name)
}

function batchProblem(records: Buffer): string | null {
  const frame = frameProblem(records, 0, records.length)
  if (frame !== null) return frame
  if (batchSize(records, 0) !== records.length) return 'more than one batch was sent for one partition'
  if (!crcMatches(records, 0)) return 'its checksum does not match'
  if (isControl(records, 0)) return 'control batches are not for clients'
  const count = recordCountOf(records, 0)
  if (count < 1) return `it says it has ${count} records`
  if (lastOffsetDeltaOf(records, 0) !== count - 1)
    return `its last offset delta is ${lastOffsetDeltaOf(records, 0)} with ${count} records`
  if (producerIdOf(records, 0) >= 0 && (baseSequenceOf(records, 0) < 0 || producerEpochOf(records, 0) < 0)) {
    return 'a producer id needs an epoch and a sequence'
  }
  return null
}

function requireKeys(records: Buffer, name: string): void {
  const cursor = new BatchCursor()
  cursor.open(records, 0)
  while (cursor.next()) {
    if (cursor.keyStart >= 0) continue
    throw new StreamError(
      'INPUT_INVALID',
      `${name} is compacted, and record ${cursor.offset} of a batch for it has no key; give every record a key`,
    )
  }
}
