/**
 * Which batches of a fetched buffer a reader sees. Control batches are for nobody; under read_committed the batches of
 * aborted transactions are left out too.
 *
 * Laws
 *  F1  a batch that begins below the position but ends at or above it is kept: its first records are skipped by the reader
 *  F2  a producer's batches are aborted from the first offset that the broker's list gives up to its next abort marker;
 *      one producer may be in the list several times
 *  F3  the next position follows the last whole batch, whether that was kept or not
 *  F4  each batch's CRC fits, unless the same process has checked it already
 */
import { StreamError } from '../../base/errors.ts'
import {
  batchHeaderBytes,
  batchSize,
  crcMatches,
  isControl,
  isTransactional,
  lastOffsetOf,
  partitionLeaderEpochOf,
  producerIdOf,
  requireBatch,
} from '../../records/batch-format.ts'
import { decodeControl } from '../../records/control-record.ts'
import { nameOf, type TopicPartition } from '../topic-partition.ts'

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export interface FilteredBatches {
  /** Where in the buffer the batches to read begin. */
  readonly batches: readonly number[]
  /** The position after this buffer; `position` itself when there is no whole batch. */
  readonly nextOffset: number
  /** Of the last whole batch; -1: there is none. */
  readonly leaderEpoch: number
}

/** `aborted`: null when everything is read, committed or not. */
export function filterBatches(
  at: TopicPartition,
  buffer: Buffer,
  position: number,
  aborted: readonly AbortedTransaction[] | null,
  checked: boolean,
): FilteredBatches {
  const batches: number[] = []
  const ahead = aborted === null ? [] : [...aborted].sort((left, right) => left.firstOffset - right.firstOffset)
  const abortedProducers = new Set<number>()
  let nextAborted = 0
  let nextOffset = position
  let leaderEpoch = -1
  for (let start = 0, end = 0; start + batchHeaderBytes <= buffer.length; start = end) {
    end = start + batchSize(buffer, start)
    // The last batch may be cut by the size of the answer; one that is too short to be a batch is refused below.
    if (end > buffer.length) break
    check(at, buffer, start, nextOffset, checked)
    const lastOffset = lastOffsetOf(buffer, start)
    if (lastOffset < position) continue
    while (nextAborted < ahead.length && ahead[nextAborted]!.firstOffset <= lastOffset) {
      abortedProducers.add(ahead[nextAborted++]!.producerId)
    }
    if (isControl(buffer, start)) {
      if (abortedProducers.size > 0 && decodeControl(buffer, start)?.type === 'abort') {
        abortedProducers.delete(producerIdOf(buffer, start))
      }
    } else if (
      !(
        abortedProducers.size > 0 &&
        isTransactional(buffer, start) &&
        abortedProducers.has(producerIdOf(buffer, start))
      )
    ) {
      batches.push(start)
    }
    nextOffset = lastOffset + 1
    leaderEpoch = partitionLeaderEpochOf(buffer, start)
  }
  return { batches, nextOffset, leaderEpoch }
}

/** F4 */
function check(at: TopicPartition, buffer: Buffer, start: number, offset: number, checked: boolean): void {
  requireBatch(buffer, start, buffer.length)
  if (checked || crcMatches(buffer, start)) return
  throw new StreamError(
    'BATCH_CORRUPT',
    `${nameOf(at)}@${offset}: the CRC does not fit the batch; it was damaged on its way or on the broker's disk`,
  )
}
