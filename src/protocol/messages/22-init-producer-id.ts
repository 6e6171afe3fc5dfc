/**
 * InitProducerId (key 22), versions 0–5.
 * 2: flexible · 3: epoch bump by the client · 4: PRODUCER_FENCED
 */
import { api } from '../message.ts'
import { from, int16, int32, int64, nullable, string, struct } from '../schema.ts'

export const initProducerId = api({
  key: 22,
  versions: [0, 5],
  pinned: 4,
  oldest: 3,
  flexible: 2,
  request: struct({
    transactionalId: nullable(string),
    transactionTimeoutMs: int32,
    producerId: from('3+', int64, -1),
    producerEpoch: from('3+', int16, -1),
  }),
  response: struct({
    throttleTimeMs: int32,
    errorCode: int16,
    producerId: int64,
    producerEpoch: int16,
  }),
})
