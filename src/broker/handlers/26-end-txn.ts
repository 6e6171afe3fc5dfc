/**
 * EndTxn, versions 0–4.
 * Commit: answered when all the transaction covers, and the decision, are on the disk. Abort: answered when its markers
 * are in. A transaction whose partitions cannot be synced is TRANSACTION_ABORTABLE and stays open.
 * Left out: version 5, which belongs to the second transaction protocol.
 */
import { handler } from '../handler.ts'
import { codeOf } from '../kafka-answers.ts'
import { fencedSince } from '../producer-fencing.ts'

export const endTxn = handler('EndTxn', { min: 0, max: 4 }, async (request, broker, context) => {
  const error = await broker.transactions.endTransaction(request, request.committed)
  return { throttleTimeMs: 0, errorCode: codeOf(fencedSince(2, context.version, error)) }
})
