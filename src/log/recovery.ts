import { StreamError } from '../base/errors.ts'
import type { Machine } from '../base/machine.ts'
import { baseOffsetOf, crcMatches, lastOffsetOf, partitionLeaderEpochOf } from '../records/batch-format.ts'
import { gapProblem, misplaced } from './batch-place.ts'
import { BatchScanner } from './batch-scanner.ts'
import { decodeSnapshot } from './producer-snapshot.ts'
import type { ProducerEntry } from './producer-state.ts'
import { Segment } from './segment.ts'
import type { SegmentFacts } from './segment-facts.ts'
import { offsetOfName, segmentPath } from './segment-names.ts'

/** The end of a log that an unclean stop left unfinished, and that recovery took away. */
export interface TailCut {
  /** The .log file in which the log ends now. */
  readonly path: string
  /** Where the log ends now. */
  readonly offset: number
  /** Of all files. */
  readonly bytes: number
  /** Why the log ends there. */
  readonly problem: string
}

/**
 * What a partition folder holds after a stop, clean or not.
 *
 * Faults it lives with: above the recovery point any byte may be missing, old or torn, any file may be missing or be
 * there again though it was removed; below it everything was synced. Indexes and snapshots may be missing or torn
 * anywhere. So below the recovery point damage is LOG_CORRUPT (found when it is read; a .log that is missing or of
 * another length at once), and above it the log ends at the first batch that does not follow its predecessor.
 *
 * Laws
 *  V1  every batch below the recovery point is kept
 *  V2  above it the log is a prefix of what was appended: whole batches, CRC, consecutive offsets, epochs that never
 *      step back (so a batch of an older life, left in place by a truncation that was not synced, ends the log)
 *  V3  a snapshot above the recovery point is not believed after an unclean stop
 *  V4  files of deleted records go when all that must be there was found: a wrong log start removes nothing
 */
export interface Recovered {
  /** Those at and above the recovery point are not sealed yet. */
  readonly segments: Segment[]
  readonly endOffset: number
  /** What was taken from the end of the log; null when nothing was. */
  readonly tailCut: TailCut | null
  /** Something was cut or removed: the folder must be synced before anything new counts as durable. */
  readonly changed: boolean
  readonly producers: readonly ProducerEntry[]
  /** From here on the producers are replayed from the batches. */
  readonly replayFrom: number
  /** The snapshot files that are there, ascending. */
  readonly snapshotOffsets: readonly number[]
}

export interface RecoveryOptions {
  readonly cleanShutdown: boolean
  readonly recoveryPoint: number
  readonly startOffset: number
  readonly indexIntervalBytes: number
  readonly compacted: boolean
  /** Of the life that begins: every batch on disk has a smaller one. */
  readonly leaderEpoch: number
  /** What the last checkpoint knew of the segments, by base offset. */
  readonly facts: ReadonlyMap<number, SegmentFacts>
}

export function recover(machine: Machine, directory: string, options: RecoveryOptions): Recovered {
  const { files } = machine
  const names = files.list(directory)
  const bases = names.map((name) => offsetOfName(name, '.log')).filter((base) => base !== null)
  const segments: Segment[] = []
  const deleted: Segment[] = []
  for (let index = 0; index < bases.length; index++) {
    const next = bases[index + 1] ?? Number.MAX_SAFE_INTEGER
    const facts = options.facts.get(bases[index]!) ?? null
    const segment = Segment.existing(files, directory, bases[index]!, machine.clock.now(), next, facts)
    if (next <= options.startOffset) deleted.push(segment)
    else segments.push(segment)
  }
  requireWhole(directory, segments, options)
  const anew = segments.length === 0 || segments[0]!.baseOffset > options.startOffset
  const left = anew ? beginAnew(machine, directory, segments, options) : null
  const tailCut = left ?? recoverTail(segments, options) ?? lostTail(directory, segments, names, options)
  // V4: nothing has thrown.
  for (const segment of deleted) segment.remove()
  const active = segments.at(-1)!
  if (active.sizeBytes === 0) active.empty()
  const removed = removeOrphans(machine, directory, names, new Set(segments.map(({ baseOffset }) => baseOffset)))
  const snapshot = latestSnapshot(machine, directory, names, Math.min(options.recoveryPoint, active.endOffset))
  return {
    segments,
    endOffset: active.endOffset,
    tailCut,
    changed: anew || tailCut !== null || deleted.length > 0 || removed || snapshot.removed,
    producers: snapshot.entries,
    replayFrom: Math.max(segments[0]!.baseOffset, snapshot.offset),
    snapshotOffsets: snapshot.offsets,
  }
}

/** V1: a sealed .log that was synced is there, and has the length it had. */
function requireWhole(directory: string, segments: readonly Segment[], options: RecoveryOptions): void {
  const present = new Map(segments.map((segment) => [segment.baseOffset, segment]))
  const { startOffset, recoveryPoint } = options
  const all = [...options.facts.values()]
  const synced = all.filter(({ endOffset }) => endOffset > startOffset && endOffset <= recoveryPoint)
  // One that was growing held the last offset below the recovery point, when it began below.
  const growing = all.filter((facts) => facts.endOffset < 0 && facts.baseOffset < recoveryPoint)
  const needed = startOffset < recoveryPoint ? [...synced, ...growing] : synced
  // The file before a missing one seems wrong too: so what is missing is named first.
  for (const facts of needed) if (!present.has(facts.baseOffset)) throw lost(directory, facts, 'is missing')
  for (const facts of synced) {
    const { sizeBytes, endOffset } = present.get(facts.baseOffset)!
    if (sizeBytes !== facts.sizeBytes)
      throw lost(directory, facts, `has ${sizeBytes} bytes, ${facts.sizeBytes} were written`)
    if (endOffset !== facts.endOffset && endOffset < Number.MAX_SAFE_INTEGER)
      throw lost(directory, facts, `is followed by a file that begins at offset ${endOffset}`)
  }
}

function lost(directory: string, { baseOffset, endOffset }: SegmentFacts, problem: string): StreamError {
  const path = segmentPath(directory, baseOffset, '.log')
  const held = endOffset < 0 ? `the offsets from ${baseOffset} on` : `the offsets ${baseOffset} to ${endOffset - 1}`
  return new StreamError(
    'LOG_CORRUPT',
    `${path} ${problem}; it held ${held}: restore the file, or delete the partition`,
  )
}

/** V1, V2: the segment that holds the log start is not there, so nothing that is there follows anything. Says what was taken. */
function beginAnew(machine: Machine, directory: string, segments: Segment[], options: RecoveryOptions): TailCut | null {
  const { startOffset } = options
  if (options.recoveryPoint > startOffset) {
    throw new StreamError(
      'LOG_CORRUPT',
      `${directory} has no .log file for offset ${startOffset}, but held offsets below ${options.recoveryPoint}; restore the folder or delete the partition`,
    )
  }
  let bytes = 0
  for (const segment of segments) bytes += segment.sizeBytes
  for (const segment of segments.splice(0)) segment.remove()
  const first = Segment.create(machine.files, directory, startOffset, machine.clock.now())
  segments.push(first)
  return bytes === 0 ? null : { path: first.path, offset: startOffset, bytes, problem: 'the file was missing' }
}

/** S5 of segment.ts: a .log that is missing or empty where the log ends, though bytes of it were synced. */
function lostTail(
  directory: string,
  segments: readonly Segment[],
  names: readonly string[],
  { cleanShutdown, recoveryPoint }: RecoveryOptions,
): TailCut | null {
  const { path, baseOffset, sizeBytes, endOffset } = segments.at(-1)!
  const indexed = names.some((name) => offsetOfName(name, '.index') === endOffset)
  if (cleanShutdown || !indexed || endOffset < recoveryPoint) return null
  if (sizeBytes === 0)
    return { path, offset: endOffset, bytes: 0, problem: 'it is empty, and its index says that it was not' }
  if (baseOffset === endOffset) return null
  const lostPath = segmentPath(directory, endOffset, '.log')
  return { path, offset: endOffset, bytes: 0, problem: `${lostPath} is missing, its index is there` }
}

/** Indexes whose .log is gone, and what an interrupted replacement left. */
function removeOrphans(
  machine: Machine,
  directory: string,
  names: readonly string[],
  bases: ReadonlySet<number>,
): boolean {
  const { files } = machine
  let removed = false
  for (const name of names) {
    const base = offsetOfName(name, '.index') ?? offsetOfName(name, '.timeindex') ?? offsetOfName(name, '.txnindex')
    const path = `${directory}/${name}`
    if ((base === null || bases.has(base)) && !name.endsWith('.tmp')) continue
    if (!files.exists(path)) continue
    files.remove(path)
    removed = true
  }
  return removed
}

/** V1, V2. Leaves the segments that remain in the array, the last one active. Says what was cut. */
function recoverTail(segments: Segment[], options: RecoveryOptions): TailCut | null {
  let number = segments.length - 1
  // The one that ends at the recovery point was perhaps sealed after it: then no checkpoint covers its last entries.
  while (number > 0 && segments[number]!.baseOffset >= options.recoveryPoint) number--
  let expected = -1
  let epoch = -1
  for (const sealed of segments.slice(0, number)) {
    sealed.sealed = true
    sealed.cool()
  }
  for (; number < segments.length; number++) {
    const segment = segments[number]!
    const follows = expected < 0 || segment.baseOffset === expected
    const end: TailEnd = follows
      ? walk(segment, epoch, options)
      : { problem: `the segment before it ends at ${expected}`, position: 0, epoch }
    if (follows) expected = segment.endOffset
    epoch = end.epoch
    // Also where nothing lies above the recovery point: a life that died may have cut it without a sync.
    segment.unsynced = !options.cleanShutdown || segment.endOffset > options.recoveryPoint
    if (end.problem === null) continue
    if (expected < options.recoveryPoint || options.cleanShutdown)
      throw segment.corrupt(expected, end.position, end.problem)
    let bytes = 0
    if (follows) {
      bytes += segment.sizeBytes - end.position
      segment.cut(end.position)
    }
    for (const later of segments.splice(follows ? number + 1 : number)) {
      bytes += later.sizeBytes
      later.remove()
    }
    return { path: segments.at(-1)!.path, offset: expected, bytes, problem: end.problem }
  }
  if (expected < options.recoveryPoint) {
    const last = segments.at(-1)!
    throw last.corrupt(
      expected,
      last.sizeBytes,
      `the log ends there, but offsets below ${options.recoveryPoint} were on the disk`,
    )
  }
  return null
}

interface TailEnd {
  readonly problem: string | null
  readonly position: number
  readonly epoch: number
}

/** Walks one segment to its end or to the first batch that does not follow; leaves endOffset and indexes as far as it came. */
function walk(segment: Segment, lastEpoch: number, options: RecoveryOptions): TailEnd {
  const interval = options.indexIntervalBytes
  segment.loadIndexesBelow(options.recoveryPoint)
  segment.endOffset = segment.baseOffset
  let expected = segment.baseOffset
  let epoch = lastEpoch
  const { offsets } = segment
  let scanner = new BatchScanner(segment.file(), offsets.lastPosition, segment.sizeBytes)
  let indexed = offsets.count > 0
  if (indexed && (!scanner.next() || lastOffsetOf(scanner.buffer, scanner.at) !== offsets.lastOffset)) {
    segment.resetIndexes()
    scanner = new BatchScanner(segment.file(), 0, segment.sizeBytes)
    indexed = false
  }
  scanner.rewind()
  while (scanner.next()) {
    const { buffer, at, size, position } = scanner
    // The index entry says where this batch ends, so its beginning is taken from itself.
    if (indexed) segment.endOffset = baseOffsetOf(buffer, at)
    const baseOffset = baseOffsetOf(buffer, at)
    const batchEpoch = partitionLeaderEpochOf(buffer, at)
    // Where a batch lies decides, not what it says. A gap that ends at the recovery point is what compaction leaves.
    if (segment.endOffset < options.recoveryPoint && !(options.compacted && baseOffset === options.recoveryPoint)) {
      requireSynced(segment, buffer, at, position, options)
    } else {
      expected = Math.max(expected, options.recoveryPoint)
      const problem = tailProblem(buffer, at, expected, epoch)
      if (problem !== null) return { problem, position, epoch }
      if (batchEpoch >= options.leaderEpoch)
        throw segment.fromTheFuture(baseOffset, position, batchEpoch, options.leaderEpoch)
    }
    if (indexed) segment.accountIndexed(buffer, at, size)
    else segment.account(buffer, at, size, position, interval)
    indexed = false
    epoch = batchEpoch
    expected = segment.endOffset
  }
  return { problem: scanner.problem, position: scanner.position, epoch }
}

/** V1: a batch below the recovery point is whole and in its place, or the damage is reported: nothing of it is cut. */
function requireSynced(segment: Segment, buffer: Buffer, at: number, position: number, options: RecoveryOptions): void {
  const baseOffset = baseOffsetOf(buffer, at)
  if (!crcMatches(buffer, at)) throw segment.corrupt(segment.endOffset, position, 'its checksum does not match')
  const gap = gapProblem(baseOffset, segment.endOffset, options.compacted)
  const lastOffset = lastOffsetOf(buffer, at)
  if (gap !== null || lastOffset < baseOffset || lastOffset >= options.recoveryPoint)
    throw segment.corrupt(segment.endOffset, position, gap ?? `a batch there ends at offset ${lastOffset}`)
}

/** V2: why the log ends before this batch; null when it goes on. */
function tailProblem(buffer: Buffer, at: number, expected: number, lastEpoch: number): string | null {
  const baseOffset = baseOffsetOf(buffer, at)
  const epoch = partitionLeaderEpochOf(buffer, at)
  if (baseOffset !== expected) return misplaced(baseOffset, expected)
  if (epoch < lastEpoch) return `a batch there says leader epoch ${epoch}`
  if (!crcMatches(buffer, at)) return 'its checksum does not match'
  return lastOffsetOf(buffer, at) < baseOffset ? 'it has no offsets' : null
}

/** V3: the newest sound snapshot at or below `limit`; those above it are removed. */
function latestSnapshot(
  machine: Machine,
  directory: string,
  names: readonly string[],
  limit: number,
): { entries: readonly ProducerEntry[]; offset: number; offsets: readonly number[]; removed: boolean } {
  const { files } = machine
  const offsets = names.map((name) => offsetOfName(name, '.snapshot')).filter((offset) => offset !== null)
  let removed = false
  while (offsets.length > 0) {
    const offset = offsets.at(-1)!
    const path = segmentPath(directory, offset, '.snapshot')
    const entries = offset <= limit ? decodeSnapshot(files.read(path)) : null
    if (entries !== null) return { entries, offset, offsets, removed }
    files.remove(path)
    offsets.pop()
    removed = true
  }
  return { entries: [], offset: 0, offsets: [], removed }
}
