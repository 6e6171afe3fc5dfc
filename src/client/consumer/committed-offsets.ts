/**
 * A group's committed offsets: read and written.
 */
import { StreamError } from '../../base/errors.ts'
import type { RequestOf } from '../../protocol/api.ts'
import { brokerError, isRetriable } from '../broker-error.ts'
import type { Caller } from '../caller.ts'
import { Coordinator } from '../coordinator.ts'
import type { GroupMember, OffsetToCommit } from '../producer/transactions.ts'
import { byTopic, nameOf, type TopicPartition } from '../topic-partition.ts'

export interface CommittedOffset {
  readonly offset: number
  /** -1: unknown. */
  readonly leaderEpoch: number
  readonly metadata: string
}

export interface CommittedPartition extends TopicPartition {
  /** Null: none is committed. */
  readonly committed: CommittedOffset | null
}

export class CommittedOffsets {
  readonly #groupId: string
  readonly #coordinator: Coordinator

  constructor(caller: Caller, groupId: string) {
    this.#groupId = groupId
    this.#coordinator = new Coordinator(caller, 'group', groupId)
  }

  /**
   * With `requireStable`, waits until no open transaction holds offsets of these partitions: OFFSETS_UNSTABLE after
   * `timeoutMs`. `partitions` null: all the group has.
   */
  async fetch(
    partitions: readonly TopicPartition[] | null,
    requireStable: boolean,
    timeoutMs: number,
  ): Promise<CommittedPartition[]> {
    const topics =
      partitions === null
        ? null
        : [...byTopic(partitions)].map(([name, list]) => ({
            name,
            partitionIndexes: list.map((each) => each.partition),
          }))
    const groups = [{ groupId: this.#groupId, memberId: null, memberEpoch: -1, topics }]
    try {
      const response = await this.#coordinator.call(
        'OffsetFetch',
        { groupId: this.#groupId, topics, groups, requireStable },
        {
          codeOf: (answer) => {
            const group = answer.groups[0] ?? answer
            const codes = group.topics.flatMap((topic) => topic.partitions.map((each) => each.errorCode))
            return [group.errorCode, ...codes].find((code) => code !== 0) ?? 0
          },
          timeoutMs,
          what: `read the offsets of group ${this.#groupId}`,
        },
      )
      return (response.groups[0] ?? response).topics.flatMap(({ name, partitions: list }) =>
        list.map(({ partitionIndex, committedOffset, committedLeaderEpoch, metadata }) => ({
          topic: name,
          partition: partitionIndex,
          committed:
            committedOffset < 0
              ? null
              : { offset: committedOffset, leaderEpoch: committedLeaderEpoch, metadata: metadata ?? '' },
        })),
      )
    } catch (error) {
      // What is unstable is the news, not that the time is over.
      if (StreamError.is(error, 'TIMED_OUT') && StreamError.is(error.cause, 'OFFSETS_UNSTABLE')) throw error.cause
      throw error
    }
  }

  /** All or an error; the error names the first partition that was refused. */
  async commit(offsets: readonly OffsetToCommit[], member: GroupMember): Promise<void> {
    if (offsets.length === 0) return
    const response = await this.#coordinator.call('OffsetCommit', this.#body(offsets, member), {
      codeOf: (answer) => {
        const codes = answer.topics.flatMap((topic) => topic.partitions.map((each) => each.errorCode))
        return codes.find((code) => code !== 0 && isRetriable(code)) ?? 0
      },
      what: `commit offsets of group ${this.#groupId}`,
    })
    for (const { name, partitions } of response.topics) {
      for (const { partitionIndex, errorCode } of partitions) {
        if (errorCode === 0) continue
        const at = nameOf({ topic: name, partition: partitionIndex })
        throw brokerError(errorCode, `commit the offset of ${at} in group ${this.#groupId}`)
      }
    }
  }

  #body(
    offsets: readonly OffsetToCommit[],
    { generationId, memberId, groupInstanceId }: GroupMember,
  ): RequestOf<'OffsetCommit'> {
    return {
      groupId: this.#groupId,
      generationIdOrMemberEpoch: generationId,
      memberId,
      groupInstanceId,
      retentionTimeMs: -1,
      topics: [...byTopic(offsets)].map(([name, list]) => ({
        name,
        partitions: list.map(({ partition, offset, leaderEpoch, metadata }) => ({
          partitionIndex: partition,
          committedOffset: offset,
          committedLeaderEpoch: leaderEpoch,
          committedMetadata: metadata,
        })),
      })),
    }
  }
}
