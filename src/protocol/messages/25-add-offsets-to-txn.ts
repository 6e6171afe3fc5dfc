/**
 * AddOffsetsToTxn (key 25), versions 0–4.
 * 2: PRODUCER_FENCED · 3: flexible · 4: transaction aborted
 */
import { api } from '../message.ts'
import { int16, int32, int64, string, struct } from '../schema.ts'

export const addOffsetsToTxn = api({
  key: 25,
  versions: [0, 4],
  pinned: 3,
  oldest: 0,
  flexible: 3,
  request: struct({
    transactionalId: string,
    producerId: int64,
    producerEpoch: int16,
    groupId: string,
  }),
  response: struct({
    throttleTimeMs: int32,
    errorCode: int16,
  }),
})
