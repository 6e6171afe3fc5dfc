import type { JournalAccess } from './log-sync.ts'

/** What a topic's configuration means to one partition on disk. */
export interface LogConfig {
  /** A segment is rolled before it would grow beyond this. */
  readonly segmentBytes: number
  /** A segment is rolled when it was created (or opened) this long ago, by the wall clock. */
  readonly segmentMs: number
  /** Bytes of batches between two entries of the offset index. */
  readonly indexIntervalBytes: number
  readonly messageTimestampType: 'CreateTime' | 'LogAppendTime'
  readonly maxMessageBytes: number
  /** 'os': `sync` resolves at once and the operating system decides. Checkpoints and close still sync. */
  readonly flush: 'sync' | 'os'
  /** Every record must have a key. */
  readonly compacted: boolean
}

export interface AppendResult {
  readonly baseOffset: number
  readonly lastOffset: number
  /** -1 when records keep the time of their creation. */
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
  /** The batch was there already: nothing was written, the offsets are the first ones. */
  readonly duplicate: boolean
}

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export interface LogRead {
  /** Whole batches as they are on disk, or nothing. The first may begin below the offset asked for. */
  readonly records: Buffer
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  /** Transactions whose records among these must be left out; only for read_committed. */
  readonly abortedTransactions: readonly AbortedTransaction[]
}

export interface TimestampOffset {
  readonly offset: number
  readonly timestampMs: number
  readonly leaderEpoch: number
}

export interface EpochEnd {
  readonly leaderEpoch: number
  readonly endOffset: number
}

export interface PartitionLogOptions {
  readonly topic: string
  readonly partition: number
  readonly config: LogConfig
  /** Larger than in any life before. */
  readonly leaderEpoch: number
  /** Was the life before closed in order? */
  readonly cleanShutdown: boolean
  /** What the folder of all logs says of this one; null: nothing. */
  readonly recorded: LogCheckpoint | null
  /** Null: what is to be durable is synced in the partition's own files. */
  readonly journal: JournalAccess | null
}

/** What may be remembered of a partition: a restart reads again only from `recoveryPoint` on. */
export interface LogCheckpoint {
  /** Everything below it was synced. */
  readonly recoveryPoint: number
  /** Records below it were deleted. */
  readonly startOffset: number
}
