/**
 * ListGroups (key 16), versions 0–5.
 * 3: flexible · 4: state filter · 5: type filter
 */
import { api } from '../message.ts'
import { array, from, int16, int32, string, struct } from '../schema.ts'

export const listGroups = api({
  key: 16,
  versions: [0, 5],
  pinned: 4,
  oldest: 0,
  flexible: 3,
  request: struct({
    statesFilter: from('4+', array(string), []),
    typesFilter: from('5+', array(string), []),
  }),
  response: struct({
    throttleTimeMs: from('1+', int32, 0),
    errorCode: int16,
    groups: array(
      struct({
        groupId: string,
        protocolType: string,
        groupState: from('4+', string, ''),
        groupType: from('5+', string, ''),
      }),
    ),
  }),
})
