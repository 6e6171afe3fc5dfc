/**
 * AddOffsetsToTxn, versions 0–4.
 * The partition that keeps the group's offsets joins the producer's transaction.
 * Left out: nothing.
 */
import { handler } from '../handler.ts'
import { codeOf } from '../kafka-answers.ts'
import { fencedSince } from '../producer-fencing.ts'
import { offsetsTopic } from '../topics/topic-name.ts'

export const addOffsetsToTxn = handler('AddOffsetsToTxn', { min: 0, max: 4 }, async (request, broker, context) => {
  if (request.groupId === '') return { throttleTimeMs: 0, errorCode: codeOf('INVALID_GROUP_ID') }
  const error = await broker.transactions.addPartitions(request, [{ topic: offsetsTopic, partition: 0 }])
  return { throttleTimeMs: 0, errorCode: codeOf(fencedSince(2, context.version, error)) }
})
