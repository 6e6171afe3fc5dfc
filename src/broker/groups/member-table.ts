import { assert } from '../../base/assert.ts'
import type { KafkaError } from '../../protocol/error-codes.ts'
import type { Member } from './member.ts'

/**
 * The members of a group, in the order they came.
 *
 * Law
 *  G3  an instance id belongs to one member id at a time
 */
export class MemberTable {
  readonly #members = new Map<string, Member>()
  /** instance id → member id */
  readonly #instances = new Map<string, string>()

  get size(): number {
    return this.#members.size
  }

  [Symbol.iterator](): IterableIterator<Member> {
    return this.#members.values()
  }

  all(): Member[] {
    return [...this.#members.values()]
  }

  /** The member, which is known to be one. */
  get(memberId: string): Member {
    const member = this.#members.get(memberId)
    assert(member !== undefined, 'who acts as a member is one')
    return member
  }

  find(memberId: string | null): Member | undefined {
    return memberId === null ? undefined : this.#members.get(memberId)
  }

  /** The member id that has this instance id. */
  idOfInstance(groupInstanceId: string | null): string | undefined {
    return groupInstanceId === null ? undefined : this.#instances.get(groupInstanceId)
  }

  add(member: Member): void {
    assert(!this.#members.has(member.memberId), 'a member joins a group once')
    this.#members.set(member.memberId, member)
    if (member.groupInstanceId !== null) this.#instances.set(member.groupInstanceId, member.memberId)
  }

  remove(member: Member): void {
    this.#members.delete(member.memberId)
    const instance = member.groupInstanceId
    if (instance !== null && this.#instances.get(instance) === member.memberId) this.#instances.delete(instance)
  }

  longestRebalanceMs(): number {
    let longest = 0
    for (const member of this) longest = Math.max(longest, member.rebalanceTimeoutMs)
    return longest
  }

  /** Is this one of the members, and not one whose instance id was taken over? */
  check(memberId: string, groupInstanceId: string | null): KafkaError {
    if (groupInstanceId !== null) {
      const known = this.#instances.get(groupInstanceId)
      if (known === undefined) return 'UNKNOWN_MEMBER_ID'
      if (known !== memberId) return 'FENCED_INSTANCE_ID'
    }
    return this.#members.has(memberId) ? 'NONE' : 'UNKNOWN_MEMBER_ID'
  }
}
