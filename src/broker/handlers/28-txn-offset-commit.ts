/**
 * TxnOffsetCommit, versions 0–4.
 * Offsets join the producer's transaction; they count once it commits. From version 3 the member and its generation are
 * checked, which stops a consumer that lost its partitions (KIP-447).
 * Left out: version 5, which belongs to the second transaction protocol.
 */
import { flatOffsets, groupedErrors } from '../groups/offset-messages.ts'
import { handler } from '../handler.ts'
import { codeOf } from '../kafka-answers.ts'
import { offsetsTopic } from '../topics/topic-name.ts'

export const txnOffsetCommit = handler('TxnOffsetCommit', { min: 0, max: 4 }, (request, broker) => {
  const { producerId, producerEpoch, groupId } = request
  const offsets = flatOffsets(request.topics)
  const refusal = broker.transactions.verify(producerId, producerEpoch, offsetsTopic, 0)
  const errors =
    refusal === 'NONE'
      ? broker.groups.commitInTransaction(groupId, request, { producerId, producerEpoch }, offsets)
      : offsets.map(() => refusal)
  return { throttleTimeMs: 0, topics: groupedErrors(request.topics, errors.map(codeOf)) }
})
