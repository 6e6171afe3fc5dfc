/**
 * TxnOffsetCommit (key 28), versions 0–4.
 * 2: leader epoch · 3: flexible, generation and member · 4: transaction aborted
 */
import { api } from '../message.ts'
import { array, from, int16, int32, int64, nullable, string, struct } from '../schema.ts'

export const txnOffsetCommit = api({
  key: 28,
  versions: [0, 4],
  pinned: 3,
  oldest: 3,
  flexible: 3,
  request: struct({
    transactionalId: string,
    groupId: string,
    producerId: int64,
    producerEpoch: int16,
    generationId: from('3+', int32, -1),
    memberId: from('3+', string, ''),
    groupInstanceId: from('3+', nullable(string), null),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            committedOffset: int64,
            committedLeaderEpoch: from('2+', int32, -1),
            committedMetadata: nullable(string),
          }),
        ),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: int32,
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
