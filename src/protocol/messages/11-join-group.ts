/**
 * JoinGroup (key 11), versions 0–9.
 * 4: member id required · 5: static members · 6: flexible · 7: protocol type · 8: reason · 9: skipAssignment
 */
import { api } from '../message.ts'
import { array, boolean, bytes, from, int16, int32, nullable, string, struct } from '../schema.ts'

export const joinGroup = api({
  key: 11,
  versions: [0, 9],
  pinned: 9,
  oldest: 5,
  flexible: 6,
  request: struct({
    groupId: string,
    sessionTimeoutMs: int32,
    rebalanceTimeoutMs: from('1+', int32, -1),
    memberId: string,
    groupInstanceId: from('5+', nullable(string), null),
    protocolType: string,
    protocols: array(
      struct({
        name: string,
        metadata: bytes,
      }),
    ),
    reason: from('8+', nullable(string), null),
  }),
  response: struct({
    throttleTimeMs: from('2+', int32, 0),
    errorCode: int16,
    generationId: int32,
    protocolType: from('7+', nullable(string), null),
    protocolName: nullable(string, '7+', ''),
    leader: string,
    skipAssignment: from('9+', boolean, false),
    memberId: string,
    members: array(
      struct({
        memberId: string,
        groupInstanceId: from('5+', nullable(string), null),
        metadata: bytes,
      }),
    ),
  }),
})
