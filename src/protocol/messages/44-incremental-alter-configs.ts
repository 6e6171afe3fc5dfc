/**
 * IncrementalAlterConfigs (key 44), versions 0–1.
 * 1: flexible
 */
import { api } from '../message.ts'
import { array, boolean, int8, int16, int32, nullable, string, struct } from '../schema.ts'

export const incrementalAlterConfigs = api({
  key: 44,
  versions: [0, 1],
  pinned: 1,
  oldest: 0,
  flexible: 1,
  request: struct({
    resources: array(
      struct({
        resourceType: int8,
        resourceName: string,
        configs: array(
          struct({
            name: string,
            configOperation: int8,
            value: nullable(string),
          }),
        ),
      }),
    ),
    validateOnly: boolean,
  }),
  response: struct({
    throttleTimeMs: int32,
    responses: array(
      struct({
        errorCode: int16,
        errorMessage: nullable(string),
        resourceType: int8,
        resourceName: string,
      }),
    ),
  }),
})
