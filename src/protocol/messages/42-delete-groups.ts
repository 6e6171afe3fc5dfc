/**
 * DeleteGroups (key 42), versions 0–2.
 * 2: flexible
 */
import { api } from '../message.ts'
import { array, int16, int32, string, struct } from '../schema.ts'

export const deleteGroups = api({
  key: 42,
  versions: [0, 2],
  pinned: 2,
  oldest: 0,
  flexible: 2,
  request: struct({
    groupsNames: array(string),
  }),
  response: struct({
    throttleTimeMs: int32,
    results: array(
      struct({
        groupId: string,
        errorCode: int16,
      }),
    ),
  }),
})
