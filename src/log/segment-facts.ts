import type { EntryDigest } from './entry-file.ts'

/** What a checkpoint knew of one segment. A digest is null when it was not known: then its file is not believed. */
export interface SegmentFacts {
  readonly baseOffset: number
  /** -1: it was still growing. */
  readonly endOffset: number
  /** Of its .log; -1 while it grew. */
  readonly sizeBytes: number
  /** Of its .txnindex, .index and .timeindex; of one that grew as it was then. */
  readonly aborted: EntryDigest | null
  readonly offsets: EntryDigest | null
  readonly times: EntryDigest | null
}
