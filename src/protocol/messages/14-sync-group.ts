/**
 * SyncGroup (key 14), versions 0–5.
 * 3: static members · 4: flexible · 5: protocol type and name
 */
import { api } from '../message.ts'
import { array, bytes, from, int16, int32, nullable, string, struct } from '../schema.ts'

export const syncGroup = api({
  key: 14,
  versions: [0, 5],
  pinned: 5,
  oldest: 3,
  flexible: 4,
  request: struct({
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: from('3+', nullable(string), null),
    protocolType: from('5+', nullable(string), null),
    protocolName: from('5+', nullable(string), null),
    assignments: array(
      struct({
        memberId: string,
        assignment: bytes,
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: from('1+', int32, 0),
    errorCode: int16,
    protocolType: from('5+', nullable(string), null),
    protocolName: from('5+', nullable(string), null),
    assignment: bytes,
  }),
})
