/**
 * DeleteTopics (key 20), versions 1–6.
 * 4: flexible · 5: messages · 6: topic ids
 */
import { api } from '../message.ts'
import { array, from, int16, int32, nullable, string, struct, uuid, zeroUuid } from '../schema.ts'

export const deleteTopics = api({
  key: 20,
  versions: [1, 6],
  pinned: 6,
  oldest: 1,
  flexible: 4,
  request: struct({
    topics: from(
      '6+',
      array(
        struct({
          name: nullable(string),
          topicId: uuid,
        }),
      ),
      [],
    ),
    topicNames: from('1-5', array(string), []),
    timeoutMs: int32,
  }),
  response: struct({
    throttleTimeMs: int32,
    responses: array(
      struct({
        name: nullable(string, '6+'),
        topicId: from('6+', uuid, zeroUuid),
        errorCode: int16,
        errorMessage: from('5+', nullable(string), null),
      }),
    ),
  }),
})
