/**
 * InitProducerId, versions 0–5.
 * Without a transactional id: a fresh producer id. With one: its producer id with the next epoch, durable; whoever had
 * the last epoch is fenced, and the transaction it left open is aborted before the answer.
 * Left out: two-phase commit (version 6).
 */
import { handler } from '../handler.ts'
import { codeOf } from '../kafka-answers.ts'
import { fencedSince } from '../producer-fencing.ts'

export const initProducerId = handler('InitProducerId', { min: 0, max: 5 }, async (request, broker, context) => {
  const { transactionalId, transactionTimeoutMs, producerId, producerEpoch } = request
  const expected = producerId >= 0 && producerEpoch >= 0 ? { producerId, producerEpoch } : null
  const { error, ...result } = await broker.transactions.init(transactionalId, transactionTimeoutMs, expected)
  return { throttleTimeMs: 0, errorCode: codeOf(fencedSince(4, context.version, error)), ...result }
})
