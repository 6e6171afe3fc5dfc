/**
 * Heartbeat, versions 0–4.
 * Keeps a member's session alive and says whether a rebalance waits for it.
 * Left out: nothing.
 */
import { handler } from '../handler.ts'
import { codeOf } from '../kafka-answers.ts'

export const heartbeat = handler('Heartbeat', { min: 0, max: 4 }, (request, broker) => {
  return { throttleTimeMs: 0, errorCode: codeOf(broker.groups.heartbeat(request.groupId, request)) }
})
