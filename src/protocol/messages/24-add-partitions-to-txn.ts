/**
 * AddPartitionsToTxn (key 24), versions 0–3.
 * 2: PRODUCER_FENCED · 3: flexible
 */
import { api } from '../message.ts'
import { array, int16, int32, int64, string, struct } from '../schema.ts'

export const addPartitionsToTxn = api({
  key: 24,
  versions: [0, 3],
  pinned: 3,
  oldest: 0,
  flexible: 3,
  request: struct({
    v3AndBelowTransactionalId: string,
    v3AndBelowProducerId: int64,
    v3AndBelowProducerEpoch: int16,
    v3AndBelowTopics: array(
      struct({
        name: string,
        partitions: array(int32),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: int32,
    resultsByTopicV3AndBelow: array(
      struct({
        name: string,
        resultsByPartition: array(
          struct({
            partitionIndex: int32,
            partitionErrorCode: int16,
          }),
        ),
      }),
    ),
  }),
})
