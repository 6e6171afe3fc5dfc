/**
 * LeaveGroup, versions 0–5.
 * One member (up to version 2) or several; a static member may be named by its instance id alone.
 * Left out: the reason (version 5), which is not kept.
 */
import { handler } from '../handler.ts'
import { codeOf } from '../kafka-answers.ts'

export const leaveGroup = handler('LeaveGroup', { min: 0, max: 5 }, (request, broker, context) => {
  const { groupId } = request
  if (!broker.groups.available) {
    return { throttleTimeMs: 0, errorCode: codeOf('COORDINATOR_NOT_AVAILABLE'), members: [] }
  }
  if (context.version <= 2) {
    return { throttleTimeMs: 0, errorCode: codeOf(broker.groups.leave(groupId, request.memberId, null)), members: [] }
  }
  const members = request.members.map(({ memberId, groupInstanceId }) => {
    const errorCode = codeOf(broker.groups.leave(groupId, memberId, groupInstanceId))
    return { memberId, groupInstanceId, errorCode }
  })
  return { throttleTimeMs: 0, errorCode: 0, members }
})
