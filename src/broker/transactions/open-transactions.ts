import { internalReadBytes } from '../../base/limits.ts'
import type { PartitionLog } from '../../log/partition-log.ts'
import {
  baseOffsetOf,
  batchSize,
  isControl,
  isTransactional,
  lastOffsetOf,
  producerEpochOf,
  producerIdOf,
} from '../../records/batch-format.ts'

export interface OpenTransaction {
  readonly producerId: number
  readonly producerEpoch: number
  readonly firstOffset: number
}

/** The transactions that have no marker in this log yet. All of them begin at its last stable offset or later. */
export function openTransactionsOf(log: PartitionLog): Map<number, OpenTransaction> {
  const open = new Map<number, OpenTransaction>()
  const end = log.endOffset
  let next = log.lastStableOffset
  while (next < end) {
    const { records } = log.read(next, internalReadBytes, { isolation: 'readUncommitted', minOneBatch: true })
    if (records.length === 0) break
    for (let at = 0; at < records.length; at += batchSize(records, at)) {
      next = lastOffsetOf(records, at) + 1
      if (!isTransactional(records, at)) continue
      const producerId = producerIdOf(records, at)
      if (isControl(records, at)) open.delete(producerId)
      else if (!open.has(producerId)) {
        const firstOffset = baseOffsetOf(records, at)
        open.set(producerId, { producerId, producerEpoch: producerEpochOf(records, at), firstOffset })
      }
    }
  }
  return open
}
