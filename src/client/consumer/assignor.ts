/**
 * Who reads what: a group's leader asks the assignor that all members have in common.
 */
import { assert } from '../../base/assert.ts'
import type { TopicPartition } from '../topic-partition.ts'

export interface SubscribedMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly topics: readonly string[]
  /** What the member's own assignor said of it. */
  readonly userData: Buffer | null
  /** What the member still holds; empty in an eager rebalance. */
  readonly ownedPartitions: readonly TopicPartition[]
}

export interface MemberAssignment {
  readonly partitions: readonly TopicPartition[]
  /** Handed to the member's own assignor. */
  readonly userData: Buffer | null
}

export interface TopicCounts {
  /** How many partitions a topic has; 0: it does not exist. */
  partitionsOf(topic: string): number
}

export interface Assignor {
  /** The name that members compare. */
  readonly name: string
  /** What this member tells the leader, at each rebalance. */
  subscriptionUserData?(topics: readonly string[]): Buffer | null
  /** On the leader: an assignment for each member, by its id. */
  assign(members: readonly SubscribedMember[], topics: TopicCounts): Map<string, MemberAssignment>
  /** What this member got, before its partitions are assigned. */
  onAssignment?(partitions: readonly TopicPartition[], userData: Buffer | null): void
}

/**
 * Kafka's range assignor: topic by topic, members in order (static ones by their instance id, then by member id) get
 * runs of partitions whose lengths differ by at most one. Partitions of equal number go to the same member where all
 * subscribe alike.
 */
export class RangeAssignor implements Assignor {
  readonly name = 'range'

  assign(members: readonly SubscribedMember[], topics: TopicCounts): Map<string, MemberAssignment> {
    const ordered = [...members].sort(byIdentity)
    const assigned = new Map<string, TopicPartition[]>(ordered.map((member) => [member.memberId, []]))
    for (const topic of [...new Set(members.flatMap((member) => member.topics))].sort()) {
      const subscribed = ordered.filter((member) => member.topics.includes(topic))
      const count = topics.partitionsOf(topic)
      const share = Math.floor(count / subscribed.length)
      const larger = count % subscribed.length
      let next = 0
      for (const [index, member] of subscribed.entries()) {
        const end = next + share + (index < larger ? 1 : 0)
        for (; next < end; next++) assigned.get(member.memberId)!.push({ topic, partition: next })
      }
      assert(next === count, 'each partition has a reader')
    }
    return new Map([...assigned].map(([memberId, partitions]) => [memberId, { partitions, userData: null }]))
  }
}

function byIdentity(left: SubscribedMember, right: SubscribedMember): number {
  if (left.groupInstanceId !== null && right.groupInstanceId !== null) {
    return compare(left.groupInstanceId, right.groupInstanceId)
  }
  if (left.groupInstanceId !== null) return -1
  if (right.groupInstanceId !== null) return 1
  return compare(left.memberId, right.memberId)
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
