import { StreamError } from '../base/errors.ts'
import { noHeaders } from '../base/serde.ts'
import { BatchBuilder } from './batch-builder.ts'
import { BatchCursor } from './batch-cursor.ts'
import { attributeBits, batchHeaderBytes, isControl, writeHeader } from './batch-format.ts'

export type ControlType = 'commit' | 'abort'

export interface Control {
  readonly type: ControlType
  readonly coordinatorEpoch: number
}

const version = 0
const typeNumbers = { abort: 0, commit: 1 } as const

/** A batch of one control record, the end of a transaction: it takes one offset of the partition and no sequence. */
export function encodeControlBatch(
  type: ControlType,
  producerId: number,
  producerEpoch: number,
  coordinatorEpoch: number,
  timestampMs: number,
): Buffer {
  const key = Buffer.alloc(4)
  key.writeInt16BE(version, 0)
  key.writeInt16BE(typeNumbers[type], 2)
  const value = Buffer.alloc(6)
  value.writeInt16BE(version, 0)
  value.writeInt32BE(coordinatorEpoch, 2)
  const builder = new BatchBuilder({ bytesMax: batchHeaderBytes, initialBytes: 128 })
  builder.appendBytes(timestampMs, key, 0, key.length, value, 0, value.length, noHeaders)
  const batch = builder.build({ producerId, producerEpoch, baseSequence: -1, transactional: true })
  writeHeader(batch, batch.length, {
    attributes: attributeBits(false, true, true),
    lastOffsetDelta: 0,
    baseTimestampMs: timestampMs,
    maxTimestampMs: timestampMs,
    producerId,
    producerEpoch,
    baseSequence: -1,
    recordCount: 1,
  })
  return batch
}

/** What the control batch at `at` says; null when it is of a type that this version does not know. BATCH_CORRUPT when it is not one. */
export function decodeControl(buffer: Buffer, at: number): Control | null {
  const cursor = new BatchCursor()
  cursor.open(buffer, at)
  if (!isControl(buffer, at) || !cursor.next() || cursor.keyStart < 0 || cursor.keyEnd - cursor.keyStart < 4) {
    throw new StreamError('BATCH_CORRUPT', `the batch at byte ${at} is no control batch; it cannot be applied`)
  }
  const number = cursor.buffer.readInt16BE(cursor.keyStart + 2)
  if (number !== typeNumbers.abort && number !== typeNumbers.commit) return null
  if (cursor.valueStart < 0 || cursor.valueEnd - cursor.valueStart < 6) {
    throw new StreamError(
      'BATCH_CORRUPT',
      `the control record at byte ${at} has no coordinator epoch; it cannot be applied`,
    )
  }
  const coordinatorEpoch = cursor.buffer.readInt32BE(cursor.valueStart + 2)
  return { type: number === typeNumbers.commit ? 'commit' : 'abort', coordinatorEpoch }
}
