import {
  baseOffsetOf,
  baseSequenceOf,
  isControl,
  isTransactional,
  lastOffsetOf,
  maxTimestampOf,
  producerEpochOf,
  producerIdOf,
  recordCountOf,
} from '../records/batch-format.ts'
import { decodeControl } from '../records/control-record.ts'
import { type ProducerState, sequenceAfter } from './producer-state.ts'
import type { TransactionIndex } from './transaction-index.ts'

/**
 * What a batch that is in the log means for its producer: said once, for appends and for recovery. An abort goes into
 * `transactions`; null when that index has it already.
 */
export function recordBatch(
  producers: ProducerState,
  transactions: TransactionIndex | null,
  buffer: Buffer,
  at: number,
  nowMs: number,
): void {
  const producerId = producerIdOf(buffer, at)
  if (producerId < 0) return
  const epoch = producerEpochOf(buffer, at)
  const baseOffset = baseOffsetOf(buffer, at)
  if (!isControl(buffer, at)) {
    const firstSequence = baseSequenceOf(buffer, at)
    const lastSequence = sequenceAfter(firstSequence, recordCountOf(buffer, at) - 1)
    const lastOffset = lastOffsetOf(buffer, at)
    const batch = { firstSequence, lastSequence, baseOffset, lastOffset, timestampMs: maxTimestampOf(buffer, at) }
    producers.applyBatch(producerId, epoch, batch, isTransactional(buffer, at), nowMs)
    return
  }
  const control = decodeControl(buffer, at)
  if (control === null) return
  const completed = producers.applyMarker(producerId, epoch, control.coordinatorEpoch, baseOffset, nowMs)
  if (completed !== null && control.type === 'abort') transactions?.append(completed)
}
