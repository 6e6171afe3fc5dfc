/**
 * SyncGroup, versions 0–5.
 * The leader brings the assignments; every member waits for its own.
 * Left out: nothing.
 */
import { handler } from '../handler.ts'
import { codeOf } from '../kafka-answers.ts'

export const syncGroup = handler('SyncGroup', { min: 0, max: 5 }, async (request, broker) => {
  const { error, ...result } = await broker.groups.sync(request.groupId, request)
  return { throttleTimeMs: 0, errorCode: codeOf(error), ...result }
})
