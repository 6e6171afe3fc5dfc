/**
 * OffsetCommit (key 8), versions 2–9.
 * 5: no retention · 6: leader epoch · 7: static members · 8: flexible · 9: the new group protocol
 */
import { api } from '../message.ts'
import { array, from, int16, int32, int64, nullable, string, struct } from '../schema.ts'

export const offsetCommit = api({
  key: 8,
  versions: [2, 9],
  pinned: 8,
  oldest: 7,
  flexible: 8,
  request: struct({
    groupId: string,
    generationIdOrMemberEpoch: int32,
    memberId: string,
    groupInstanceId: from('7+', nullable(string), null),
    retentionTimeMs: from('2-4', int64, -1),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            committedOffset: int64,
            committedLeaderEpoch: from('6+', int32, -1),
            committedMetadata: nullable(string),
          }),
        ),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: from('3+', int32, 0),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
          }),
        ),
      }),
    ),
  }),
})
