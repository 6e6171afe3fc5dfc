/**
 * CreatePartitions (key 37), versions 0–3.
 * 2: flexible
 */
import { api } from '../message.ts'
import { array, boolean, int16, int32, nullable, string, struct } from '../schema.ts'

export const createPartitions = api({
  key: 37,
  versions: [0, 3],
  pinned: 3,
  oldest: 0,
  flexible: 2,
  request: struct({
    topics: array(
      struct({
        name: string,
        count: int32,
        assignments: nullable(
          array(
            struct({
              brokerIds: array(int32),
            }),
          ),
        ),
      }),
    ),
    timeoutMs: int32,
    validateOnly: boolean,
  }),
  response: struct({
    throttleTimeMs: int32,
    results: array(
      struct({
        name: string,
        errorCode: int16,
        errorMessage: nullable(string),
      }),
    ),
  }),
})
