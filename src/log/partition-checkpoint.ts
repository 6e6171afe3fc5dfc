import { dirname, join } from 'node:path'
import { ByteReader, ByteWriter } from '../base/bytes.ts'
import { crc32c } from '../base/crc.ts'
import { StreamError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { replaceFile } from './checkpoint-file.ts'
import type { EntryDigest } from './entry-file.ts'
import type { EpochStart } from './leader-epochs.ts'
import type { LogCheckpoint } from './log-config.ts'
import type { SegmentFacts } from './segment-facts.ts'

const fileName = 'segment-checkpoint'
const version = 1
const bodyAt = 4
const headBytes = bodyAt + 2 + 16
const epochBytes = 12
const segmentBytes = 48

/** What a checkpoint knew of a partition. */
export interface PartitionCheckpoint extends LogCheckpoint {
  readonly epochs: readonly EpochStart[]
  readonly segments: readonly SegmentFacts[]
}

/**
 * The segment-checkpoint of a partition: what was on the disk, and what the files that are derived must hold. Kafka has no
 * such file and ignores it; Kafka's own say part of it too, without a checksum. Written by each checkpoint, after all it
 * speaks of was synced and before Kafka's recovery-point-offset-checkpoint and log-start-offset-checkpoint are:
 *
 *   crc uint32 of all that follows, version int16, recovery point int64, log start int64, then
 *   count int32 and per leader epoch: epoch int32, its first offset int64, then
 *   count int32 and per segment: base offset, end offset (-1: it grows), bytes of its .log (-1: it grows) int64, and of its
 *   .txnindex, .index and .timeindex each: entries int32 (-1: unknown), crc uint32 of them
 *
 * Laws
 *  C1  of the aborted transactions that ended below the recovery point none is missing from a digest
 *  C2  it is never needed: without it, or when it is damaged, Kafka's files and the batches say the same, at the price of
 *      a walk
 *  C3  Kafka's files never say more than it does
 */
export class PartitionCheckpointFile {
  readonly path: string
  readonly #files: Files

  constructor(files: Files, directory: string) {
    this.#files = files
    this.path = join(directory, fileName)
  }

  /** Null when the file is not there or damaged (C2). Throws LOG_FORMAT_NEWER. */
  load(): PartitionCheckpoint | null {
    if (!this.#files.exists(this.path)) return null
    const bytes = this.#files.read(this.path)
    if (bytes.length < headBytes || bytes.readUInt32BE(0) !== crc32c(bytes, bodyAt, bytes.length)) return null
    const from = new ByteReader(bytes, bodyAt)
    const found = from.int16()
    if (found > version) {
      throw new StreamError(
        'LOG_FORMAT_NEWER',
        `${this.path} has format ${found}, this version knows up to ${version}; use a newer millrace`,
      )
    }
    return found < version ? null : decode(from)
  }

  /** Durable when it resolves. */
  save(content: Buffer): Promise<void> {
    return replaceFile(this.#files, this.path, content)
  }

  /**
   * C3: what is known of the partition, from this file and from Kafka's; null when nothing is. LOG_CORRUPT when Kafka's
   * files say that more was synced, or deleted: one of them is damaged, or this one is an old copy.
   */
  agreed(saved: PartitionCheckpoint | null, recorded: LogCheckpoint | null): LogCheckpoint | null {
    if (saved === null || recorded === null) return saved ?? recorded
    this.#require('recovery-point', recorded.recoveryPoint, saved.recoveryPoint)
    this.#require('log-start', recorded.startOffset, saved.startOffset)
    return saved
  }

  #require(what: 'recovery-point' | 'log-start', recorded: number, saved: number): void {
    if (recorded <= saved) return
    throw new StreamError(
      'LOG_CORRUPT',
      `${join(dirname(dirname(this.path)), `${what}-offset-checkpoint`)} has offset ${recorded} for this partition, ` +
        `${this.path} has ${saved} and is never the older one: if the partition comes from a copy, restore the whole data ` +
        `folder from it; else write ${saved} into the first file`,
    )
  }
}

export function encodePartitionCheckpoint(checkpoint: PartitionCheckpoint): Buffer {
  const { recoveryPoint, startOffset, epochs, segments } = checkpoint
  const into = new ByteWriter(headBytes + 8 + epochs.length * epochBytes + segments.length * segmentBytes)
  into.uint32(0)
  into.int16(version)
  into.int64(recoveryPoint)
  into.int64(startOffset)
  into.int32(epochs.length)
  for (const start of epochs) {
    into.int32(start.epoch)
    into.int64(start.startOffset)
  }
  into.int32(segments.length)
  for (const { baseOffset, endOffset, sizeBytes, aborted, offsets, times } of segments) {
    into.int64(baseOffset)
    into.int64(endOffset)
    into.int64(sizeBytes)
    for (const digest of [aborted, offsets, times]) {
      into.int32(digest?.count ?? -1)
      into.uint32(digest?.crc ?? 0)
    }
  }
  const bytes = into.copy()
  bytes.writeUInt32BE(crc32c(bytes, bodyAt, bytes.length), 0)
  return bytes
}

function decode(from: ByteReader): PartitionCheckpoint {
  const recoveryPoint = from.int64()
  const startOffset = from.int64()
  const epochs: EpochStart[] = []
  for (let left = from.int32(); left > 0; left--) epochs.push({ epoch: from.int32(), startOffset: from.int64() })
  const segments: SegmentFacts[] = []
  for (let left = from.int32(); left > 0; left--) {
    segments.push({
      baseOffset: from.int64(),
      endOffset: from.int64(),
      sizeBytes: from.int64(),
      aborted: decodeDigest(from),
      offsets: decodeDigest(from),
      times: decodeDigest(from),
    })
  }
  return { recoveryPoint, startOffset, epochs, segments }
}

function decodeDigest(from: ByteReader): EntryDigest | null {
  const count = from.int32()
  const crc = from.int32() >>> 0
  return count < 0 ? null : { count, crc }
}
