import type { OpenStore } from './state/task-state.ts'

/** Why a store is rebuilt from the beginning of its changelog. A killed process is none of them. */
export type RebuildReason =
  /** The folder is new, or was lost. */
  | 'no-local-state'
  /** Its engine keeps nothing between runs. */
  | 'not-persistent'
  /** The changelog is another topic of the same name. */
  | 'changelog-recreated'
  /** The changelog ends before what the store has, or went on from an earlier point. */
  | 'changelog-diverged'
  /** Deletes may have been compacted away since the store was last written (delete.retention.ms). */
  | 'away-too-long'

/** A changelog partition as the log knows it at the start of a restore. */
export interface ChangelogFacts {
  readonly topicId: string
  readonly startOffset: number
  /** Read uncommitted: a transaction that is still open must be waited for (KAFKA-10167). */
  readonly endOffset: number
  /** Where the leader epoch of the stored position ended; null: not asked, or unknown to the log. */
  readonly storedEpochEnd: number | null
  readonly deleteRetentionMs: number
}

export interface RestorePlan {
  /** The first offset to read. */
  readonly from: number
  /** Read until the position is here. */
  readonly to: number
  /** null: only the tail is replayed. */
  readonly reason: RebuildReason | null
}

/**
 * From where a store is restored. Pure: what is on the disk against what the log says.
 *
 * Laws
 *  RP1  a stored position is used unless one of the reasons says why not
 *  RP2  a rebuild starts at the changelog's first offset, with the store's rows removed
 */
export function planRestore(
  { persistent, position }: Pick<OpenStore, 'persistent' | 'position'>,
  changelog: ChangelogFacts,
  writtenMs: number,
  nowMs: number,
): RestorePlan {
  const to = changelog.endOffset
  const rebuild = (reason: RebuildReason): RestorePlan => ({ from: changelog.startOffset, to, reason })
  if (!persistent) return rebuild('not-persistent')
  if (position === null) return rebuild('no-local-state')
  if (position.topicId !== changelog.topicId) return rebuild('changelog-recreated')
  if (position.offset > to) return rebuild('changelog-diverged')
  if (changelog.storedEpochEnd !== null && changelog.storedEpochEnd < position.offset)
    return rebuild('changelog-diverged')
  if (nowMs - writtenMs > changelog.deleteRetentionMs) return rebuild('away-too-long')
  return { from: Math.max(position.offset, changelog.startOffset), to, reason: null }
}
