/**
 * DescribeGroups, versions 0–5.
 * A group that is not known is Dead.
 * Left out: authorized operations.
 */
import type { ResponseOf } from '../../protocol/api.ts'
import type { Group } from '../groups/group.ts'
import { noBytes } from '../groups/member.ts'
import { handler } from '../handler.ts'
import { codeOf } from '../kafka-answers.ts'
import { operationsUnknown } from './03-metadata.ts'

type Answer = ResponseOf<'DescribeGroups'>['groups'][number]

export const describeGroups = handler('DescribeGroups', { min: 0, max: 5 }, (request, broker) => ({
  throttleTimeMs: 0,
  groups: request.groups.map((groupId) => described(groupId, broker.groups.find(groupId), broker.groups.available)),
}))

function described(groupId: string, group: Group | undefined, available: boolean): Answer {
  const authorizedOperations = operationsUnknown
  const none = { groupId, protocolType: '', protocolData: '', members: [], authorizedOperations }
  if (!available) return { ...none, errorCode: codeOf('COORDINATOR_NOT_AVAILABLE'), groupState: '' }
  if (group === undefined) return { ...none, errorCode: 0, groupState: 'Dead' }
  const settled = group.state === 'Stable'
  const protocol = settled ? (group.protocolName ?? '') : ''
  return {
    errorCode: 0,
    groupId,
    groupState: group.state,
    protocolType: group.protocolType ?? '',
    protocolData: protocol,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: settled ? member.metadataFor(protocol) : noBytes,
      memberAssignment: settled ? member.assignment : noBytes,
    })),
    authorizedOperations,
  }
}
