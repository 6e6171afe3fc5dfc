/**
 * DescribeGroups (key 15), versions 0–5.
 * 3: authorized operations · 4: static members · 5: flexible
 */
import { api } from '../message.ts'
import { array, boolean, bytes, from, int16, int32, nullable, string, struct } from '../schema.ts'

export const describeGroups = api({
  key: 15,
  versions: [0, 5],
  pinned: 5,
  oldest: 4,
  flexible: 5,
  request: struct({
    groups: array(string),
    includeAuthorizedOperations: from('3+', boolean, false),
  }),
  response: struct({
    throttleTimeMs: from('1+', int32, 0),
    groups: array(
      struct({
        errorCode: int16,
        groupId: string,
        groupState: string,
        protocolType: string,
        protocolData: string,
        members: array(
          struct({
            memberId: string,
            groupInstanceId: from('4+', nullable(string), null),
            clientId: string,
            clientHost: string,
            memberMetadata: bytes,
            memberAssignment: bytes,
          }),
        ),
        authorizedOperations: from('3+', int32, -2147483648),
      }),
    ),
  }),
})
