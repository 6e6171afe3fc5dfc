import { join } from 'node:path'
import { ByteReader, ByteWriter } from '../base/bytes.ts'
import { crc32c } from '../base/crc.ts'
import { StreamError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { replaceFile } from './checkpoint-file.ts'
import type { AbortedDigest } from './transaction-index.ts'

const fileName = 'segment-checkpoint'
const version = 0
const crcAt = 2
const bodyAt = 6
const entryBytes = 32

/** What a checkpoint knew of one segment. */
export interface SegmentFacts {
  readonly baseOffset: number
  /** -1: it was still growing. */
  readonly endOffset: number
  /** Of its .log; -1 while it grew. */
  readonly sizeBytes: number
  /** Null: not known, so its .txnindex is not believed. */
  readonly aborted: AbortedDigest | null
}

/**
 * The segment-checkpoint of a partition: which .log files there must be, how long, and what their .txnindex must hold.
 * Kafka has no such file and ignores it. Written when a checkpoint has something new to say, before the recovery point
 * of that checkpoint is recorded and after all it speaks of was synced:
 *
 *   version int16, crc uint32 of all that follows, then count int32 and per segment: base offset int64, end offset
 *   int64, bytes int64, aborted transactions int32 (-1: unknown), crc uint32 of their entries
 *
 * Laws
 *  C1  of the aborted transactions that ended below the recorded recovery point none is missing from a digest
 *  C2  it is never needed: without it, or when it is damaged, the batches say the same, at the price of a walk
 */
export class SegmentFactsFile {
  readonly #files: Files
  readonly #path: string
  #saved: Buffer | null = null

  constructor(files: Files, directory: string) {
    this.#files = files
    this.#path = join(directory, fileName)
  }

  /** By base offset; nothing when the file is not there or damaged (C2). Throws LOG_FORMAT_NEWER. */
  load(): Map<number, SegmentFacts> {
    const known = new Map<number, SegmentFacts>()
    if (!this.#files.exists(this.#path)) return known
    const bytes = this.#files.read(this.#path)
    if (bytes.length < bodyAt + 4 || bytes.readUInt32BE(crcAt) !== crc32c(bytes, bodyAt, bytes.length)) return known
    if (bytes.readInt16BE(0) > version) {
      throw new StreamError(
        'LOG_FORMAT_NEWER',
        `${this.#path} has format ${bytes.readInt16BE(0)}, this version knows up to ${version}; use a newer millrace`,
      )
    }
    const from = new ByteReader(bytes, bodyAt)
    for (let left = from.int32(); left > 0; left--) {
      const facts = { baseOffset: from.int64(), endOffset: from.int64(), sizeBytes: from.int64() }
      const count = from.int32()
      const crc = from.int32() >>> 0
      known.set(facts.baseOffset, { ...facts, aborted: count < 0 ? null : { count, crc } })
    }
    this.#saved = bytes
    return known
  }

  /** Durable when it resolves. */
  async save(bytes: Buffer): Promise<void> {
    if (this.#saved?.equals(bytes)) return
    await replaceFile(this.#files, this.#path, bytes)
    this.#saved = bytes
  }
}

export function encodeSegmentFacts(segments: readonly SegmentFacts[]): Buffer {
  const into = new ByteWriter(bodyAt + 4 + segments.length * entryBytes)
  into.int16(version)
  into.uint32(0)
  into.int32(segments.length)
  for (const { baseOffset, endOffset, sizeBytes, aborted } of segments) {
    into.int64(baseOffset)
    into.int64(endOffset)
    into.int64(sizeBytes)
    into.int32(aborted?.count ?? -1)
    into.uint32(aborted?.crc ?? 0)
  }
  const bytes = into.copy()
  bytes.writeUInt32BE(crc32c(bytes, bodyAt, bytes.length), crcAt)
  return bytes
}
