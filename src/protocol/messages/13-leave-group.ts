/**
 * LeaveGroup (key 13), versions 0–5.
 * 3: several members, static members · 4: flexible · 5: reason
 */
import { api } from '../message.ts'
import { array, from, int16, int32, nullable, string, struct } from '../schema.ts'

export const leaveGroup = api({
  key: 13,
  versions: [0, 5],
  pinned: 5,
  oldest: 3,
  flexible: 4,
  request: struct({
    groupId: string,
    memberId: from('0-2', string, ''),
    members: from(
      '3+',
      array(
        struct({
          memberId: string,
          groupInstanceId: nullable(string),
          reason: from('5+', nullable(string), null),
        }),
      ),
      [],
    ),
  }),
  response: struct({
    throttleTimeMs: from('1+', int32, 0),
    errorCode: int16,
    members: from(
      '3+',
      array(
        struct({
          memberId: string,
          groupInstanceId: nullable(string),
          errorCode: int16,
        }),
      ),
      [],
    ),
  }),
})
