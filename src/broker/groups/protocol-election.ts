import { assert } from '../../base/assert.ts'
import type { Member, MemberProtocol } from './member.ts'

/** Does one of these protocols suit all members? */
export function supportsOneOf(members: readonly Member[], protocols: readonly MemberProtocol[]): boolean {
  return protocols.some(({ name }) => members.every((member) => speaks(member, name)))
}

/** Each member votes for the first protocol of its list that all have; most votes win, then the older member's choice. */
export function electProtocol(members: readonly Member[]): string {
  const votes = new Map<string, number>()
  for (const member of members) {
    const choice = member.protocols.find(({ name }) => members.every((other) => speaks(other, name)))
    assert(choice !== undefined, 'the members of a group have a protocol in common')
    votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1)
  }
  let winner: string | null = null
  for (const [name, count] of votes) if (winner === null || count > votes.get(winner)!) winner = name
  assert(winner !== null, 'a group with members elects a protocol')
  return winner
}

function speaks(member: Member, name: string): boolean {
  return member.protocols.some((protocol) => protocol.name === name)
}
