import { baseOffsetOf, crcMatches, lastOffsetOf, partitionLeaderEpochOf } from '../records/batch-format.ts'
import { BatchScanner } from './batch-scanner.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import { recordBatch } from './producer-effects.ts'
import type { ProducerState } from './producer-state.ts'
import type { Segment } from './segment.ts'
import type { SegmentList } from './segment-list.ts'

export interface ReplayTarget {
  readonly producers: ProducerState
  readonly epochs: LeaderEpochs
  readonly nowMs: number
}

/**
 * Producers from the batches at and above `replayFrom`, which no snapshot covers; epochs and aborted transactions from
 * those at and above `recoveryPoint`. Seals what recovery left open, but for the active segment.
 */
export function replay(segments: SegmentList, replayFrom: number, recoveryPoint: number, into: ReplayTarget): void {
  for (const segment of segments.all()) {
    if (segment.endOffset > Math.min(replayFrom, recoveryPoint)) replaySegment(segment, replayFrom, recoveryPoint, into)
    if (segment !== segments.active && !segment.sealed) segment.seal()
    if (segment.sealed) segment.cool()
  }
}

function replaySegment(
  segment: Segment,
  replayFrom: number,
  recoveryPoint: number,
  { producers, epochs, nowMs }: ReplayTarget,
): void {
  const from = segment.walkFrom(Math.min(replayFrom, recoveryPoint))
  const scanner = new BatchScanner(segment.file(), from, segment.sizeBytes)
  let endOffset = segment.baseOffset
  while (scanner.next()) {
    const { buffer, at } = scanner
    const baseOffset = baseOffsetOf(buffer, at)
    const isNew = baseOffset >= recoveryPoint
    if (isNew) epochs.assign(partitionLeaderEpochOf(buffer, at), baseOffset)
    else if (!crcMatches(buffer, at)) throw segment.corrupt(baseOffset, scanner.position, 'its checksum does not match')
    if (baseOffset >= replayFrom) recordBatch(producers, isNew ? segment.transactions : null, buffer, at, nowMs)
    endOffset = lastOffsetOf(buffer, at) + 1
  }
  if (scanner.problem !== null) throw segment.corrupt(segment.baseOffset, scanner.position, scanner.problem)
  segment.requireEnd(endOffset)
}

/** The epochs that the batches below `endOffset` tell, where no file does. A damaged batch tells nothing. */
export function deriveEpochs(segments: SegmentList, endOffset: number, nextEpoch: number, epochs: LeaderEpochs): void {
  for (const segment of segments.all()) {
    if (segment.baseOffset >= endOffset) break
    const scanner = new BatchScanner(segment.file(), 0, segment.sizeBytes)
    while (scanner.next()) {
      const { buffer, at, position } = scanner
      const baseOffset = baseOffsetOf(buffer, at)
      const epoch = partitionLeaderEpochOf(buffer, at)
      if (baseOffset >= endOffset) break
      if (epoch <= epochs.latest || !crcMatches(buffer, at)) continue
      if (epoch >= nextEpoch) throw segment.fromTheFuture(baseOffset, position, epoch, nextEpoch)
      epochs.assign(epoch, baseOffset)
    }
    segment.cool()
  }
}
