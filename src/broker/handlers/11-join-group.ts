/**
 * JoinGroup, versions 0–9.
 * The classic protocol (groups/group.ts). From version 4 a new dynamic member is told its id first; from version 9 a
 * static leader that comes back is told to skip the assignment.
 * Left out: the reason (version 8), which is not kept.
 */

import type { ResponseOf } from '../../protocol/api.ts'
import { failedJoin, type JoinResult } from '../groups/member.ts'
import { handler } from '../handler.ts'
import { codeOf } from '../kafka-answers.ts'
import { textBytesMax } from '../record-text.ts'

export const joinGroup = handler('JoinGroup', { min: 0, max: 9 }, async (request, broker, context) => {
  const { groupId, memberId, groupInstanceId, sessionTimeoutMs, protocolType, protocols } = request
  const texts = [groupId, memberId, groupInstanceId ?? '', context.clientId, protocolType]
  // The records of a group hold texts of this size; a member id adds an instance id or client id and 37 characters.
  if ([...texts, ...protocols.map(({ name }) => name)].some((text) => Buffer.byteLength(text) > textBytesMax - 64)) {
    return message(failedJoin('INVALID_REQUEST', memberId), context.version)
  }
  const result = await broker.groups.join(groupId, {
    memberId,
    groupInstanceId,
    clientId: context.clientId,
    clientHost: '/127.0.0.1',
    sessionTimeoutMs,
    rebalanceTimeoutMs: request.rebalanceTimeoutMs < 0 ? sessionTimeoutMs : request.rebalanceTimeoutMs,
    protocolType,
    protocols,
    requireMemberId: context.version >= 4,
    supportsSkipAssignment: context.version >= 9,
  })
  return message(result, context.version)
})

function message({ error, protocolName, ...result }: JoinResult, version: number): ResponseOf<'JoinGroup'> {
  const named = protocolName ?? (version >= 7 ? null : '')
  return { throttleTimeMs: 0, errorCode: codeOf(error), protocolName: named, ...result }
}
