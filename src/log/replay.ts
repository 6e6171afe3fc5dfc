import {
  baseOffsetOf,
  crcMatches,
  lastOffsetOf,
  partitionLeaderEpochOf,
  producerEpochOf,
  producerIdOf,
} from '../records/batch-format.ts'
import { gapProblem } from './batch-place.ts'
import { BatchScanner } from './batch-scanner.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import { recordBatch } from './producer-effects.ts'
import type { ProducerState } from './producer-state.ts'
import type { Recovered } from './recovery.ts'
import type { Segment } from './segment.ts'
import type { SegmentList } from './segment-list.ts'

export interface ReplayOptions {
  readonly recoveryPoint: number
  readonly compacted: boolean
}

export interface ReplayTarget {
  readonly producers: ProducerState
  readonly epochs: LeaderEpochs
  readonly nowMs: number
}

/**
 * Producers from the last sound snapshot and the batches behind it, which no snapshot covers; epochs and aborted
 * transactions from the batches at and above the recovery point. Seals what recovery left open, but for the active segment.
 */
export function replay(segments: SegmentList, recovered: Recovered, options: ReplayOptions, into: ReplayTarget): void {
  const { replayFrom } = recovered
  const from = Math.min(replayFrom, options.recoveryPoint)
  into.producers.restore(recovered.producers)
  for (const segment of segments.all()) {
    if (segment.endOffset > from) {
      const scanner = segment.sealed ? new BatchScanner(segment.file(), 0, segment.sizeBytes) : segment.scanFrom(from)
      replaySegment(segment, scanner, replayFrom, options, into)
    }
    if (segment !== segments.active && !segment.sealed) segment.seal()
    if (segment.sealed) segment.cool()
  }
}

/** Batches below the recovery point follow each other, or the damage is reported: no CRC covers their base offsets. */
function replaySegment(
  segment: Segment,
  scanner: BatchScanner,
  replayFrom: number,
  { recoveryPoint, compacted }: ReplayOptions,
  { producers, epochs, nowMs }: ReplayTarget,
): void {
  let expected = -1
  while (scanner.next()) {
    const { buffer, at, position } = scanner
    const baseOffset = baseOffsetOf(buffer, at)
    // An index entry vouches for the batch that it names.
    if (expected < 0) expected = position === 0 ? segment.baseOffset : baseOffset
    const gap = gapProblem(baseOffset, expected, compacted)
    if (gap !== null) throw segment.corrupt(expected, position, gap)
    // Its place decides, as in recovery.ts, and recovery sealed nothing that reaches above the recovery point.
    const isNew = !segment.sealed && (expected >= recoveryPoint || baseOffset === recoveryPoint)
    if (isNew) epochs.assign(partitionLeaderEpochOf(buffer, at), baseOffset)
    else if (!crcMatches(buffer, at)) throw segment.corrupt(expected, position, 'its checksum does not match')
    if (baseOffset >= replayFrom) {
      const known = producers.get(producerIdOf(buffer, at))
      // P3 of producer-state.ts: in a compacted log, what says a later offset than it has is perhaps found out only here.
      if (known !== undefined && producerEpochOf(buffer, at) < known.epoch)
        throw segment.corrupt(expected, position, `a batch of an ended producer epoch says offset ${baseOffset}`)
      recordBatch(producers, isNew ? segment.transactions : null, buffer, at, nowMs)
    }
    expected = lastOffsetOf(buffer, at) + 1
  }
  expected = Math.max(expected, segment.baseOffset)
  if (scanner.problem !== null) throw segment.corrupt(expected, scanner.position, scanner.problem)
  segment.requireEnd(expected)
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
