/**
 * Heartbeat (key 12), versions 0–4.
 * 3: static members · 4: flexible
 */
import { api } from '../message.ts'
import { from, int16, int32, nullable, string, struct } from '../schema.ts'

export const heartbeat = api({
  key: 12,
  versions: [0, 4],
  pinned: 4,
  oldest: 3,
  flexible: 4,
  request: struct({
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: from('3+', nullable(string), null),
  }),
  response: struct({
    throttleTimeMs: from('1+', int32, 0),
    errorCode: int16,
  }),
})
