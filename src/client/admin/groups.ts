/** Groups, seen from outside. */
import { brokerError, isRetriable } from '../broker-error.ts'
import type { Caller } from '../caller.ts'
import { decodeAssignment, decodeSubscription } from '../consumer/group-messages.ts'
import type { TopicPartition } from '../topic-partition.ts'

export interface GroupListing {
  readonly groupId: string
  readonly protocolType: string
}

export interface GroupMemberDescription {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  /** Empty while the group rebalances, and in groups that are not of consumers. */
  readonly topics: readonly string[]
  readonly partitions: readonly TopicPartition[]
}

export interface GroupDescription {
  readonly groupId: string
  /** Kafka's words: Empty, PreparingRebalance, CompletingRebalance, Stable, Dead. */
  readonly state: string
  /** The assignor all members have in common; '' when there is none. */
  readonly protocol: string
  readonly members: readonly GroupMemberDescription[]
}

export async function listGroups(caller: Caller): Promise<GroupListing[]> {
  const response = await caller.call(
    'ListGroups',
    { statesFilter: [], typesFilter: [] },
    { codeOf: (answer) => answer.errorCode, what: 'list groups' },
  )
  return response.groups.map(({ groupId, protocolType }) => ({ groupId, protocolType }))
}

export async function describeGroups(caller: Caller, groupIds: readonly string[]): Promise<GroupDescription[]> {
  const response = await caller.call(
    'DescribeGroups',
    { groups: groupIds, includeAuthorizedOperations: false },
    {
      codeOf: (answer) => answer.groups.map((group) => group.errorCode).find((code) => isRetriable(code)) ?? 0,
      what: `describe groups ${groupIds.join(', ')}`,
    },
  )
  const described = new Map<string, GroupDescription>()
  for (const { groupId, groupState, protocolType, protocolData, members, errorCode } of response.groups) {
    if (errorCode !== 0) throw brokerError(errorCode, `describe group ${groupId}`)
    described.set(groupId, {
      groupId,
      state: groupState,
      protocol: protocolData,
      members: members.map(({ memberId, groupInstanceId, clientId, memberMetadata, memberAssignment }) => {
        const known = protocolType === 'consumer' && memberMetadata.length > 0
        const topics = known ? decodeSubscription(memberMetadata).topics : []
        const partitions = known ? decodeAssignment(memberAssignment).partitions : []
        return { memberId, groupInstanceId, clientId, topics, partitions }
      }),
    })
  }
  return groupIds.map((groupId) => described.get(groupId) ?? { groupId, state: 'Dead', protocol: '', members: [] })
}
