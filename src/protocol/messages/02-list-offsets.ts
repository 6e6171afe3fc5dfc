/**
 * ListOffsets (key 2), versions 1–9.
 * 2: isolation level · 4: leader epoch · 6: flexible · 7: offset of the largest timestamp · 8, 9: tiered storage
 */
import { api } from '../message.ts'
import { array, from, int8, int16, int32, int64, string, struct } from '../schema.ts'

export const listOffsets = api({
  key: 2,
  versions: [1, 9],
  pinned: 7,
  oldest: 2,
  flexible: 6,
  request: struct({
    replicaId: int32,
    isolationLevel: from('2+', int8, 0),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            currentLeaderEpoch: from('4+', int32, -1),
            timestamp: int64,
          }),
        ),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: from('2+', int32, 0),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            timestamp: int64,
            offset: int64,
            leaderEpoch: from('4+', int32, -1),
          }),
        ),
      }),
    ),
  }),
})
