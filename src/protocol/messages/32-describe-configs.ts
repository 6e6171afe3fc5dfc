/**
 * DescribeConfigs (key 32), versions 1–4.
 * 1: synonyms · 3: documentation · 4: flexible
 */
import { api } from '../message.ts'
import { array, boolean, from, int8, int16, int32, nullable, string, struct } from '../schema.ts'

export const describeConfigs = api({
  key: 32,
  versions: [1, 4],
  pinned: 4,
  oldest: 1,
  flexible: 4,
  request: struct({
    resources: array(
      struct({
        resourceType: int8,
        resourceName: string,
        configurationKeys: nullable(array(string)),
      }),
    ),
    includeSynonyms: boolean,
    includeDocumentation: from('3+', boolean, false),
  }),
  response: struct({
    throttleTimeMs: int32,
    results: array(
      struct({
        errorCode: int16,
        errorMessage: nullable(string),
        resourceType: int8,
        resourceName: string,
        configs: array(
          struct({
            name: string,
            value: nullable(string),
            readOnly: boolean,
            configSource: int8,
            isSensitive: boolean,
            synonyms: array(
              struct({
                name: string,
                value: nullable(string),
                source: int8,
              }),
            ),
            configType: from('3+', int8, 0),
            documentation: from('3+', nullable(string), ''),
          }),
        ),
      }),
    ),
  }),
})
