/**
 * OffsetForLeaderEpoch (key 23), versions 2–4.
 * 3: replica id · 4: flexible
 */
import { api } from '../message.ts'
import { array, from, int16, int32, int64, string, struct } from '../schema.ts'

export const offsetForLeaderEpoch = api({
  key: 23,
  versions: [2, 4],
  pinned: 4,
  oldest: 2,
  flexible: 4,
  request: struct({
    replicaId: from('3+', int32, -2),
    topics: array(
      struct({
        topic: string,
        partitions: array(
          struct({
            partition: int32,
            currentLeaderEpoch: int32,
            leaderEpoch: int32,
          }),
        ),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: int32,
    topics: array(
      struct({
        topic: string,
        partitions: array(
          struct({
            errorCode: int16,
            partition: int32,
            leaderEpoch: int32,
            endOffset: int64,
          }),
        ),
      }),
    ),
  }),
})
