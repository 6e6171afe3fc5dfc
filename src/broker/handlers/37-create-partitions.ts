/**
 * CreatePartitions, versions 0–3.
 * A topic can only grow. Keys then go to other partitions than before: the client's decision.
 * Left out: replicas, the time-out.
 */
import { handler, node } from '../handler.ts'
import { codeOf, refused } from '../kafka-answers.ts'
import { isInternalTopic } from '../topics/topic-name.ts'

export const createPartitions = handler('CreatePartitions', { min: 0, max: 3 }, async (request, broker) => {
  const results = request.topics.map(async ({ name, count, assignments }) => {
    const elsewhere = assignments?.some(({ brokerIds }) => brokerIds.length !== 1 || brokerIds[0] !== node.nodeId)
    const { error, message } = isInternalTopic(name)
      ? refused('INVALID_TOPIC_EXCEPTION', `${name} belongs to the broker`)
      : elsewhere === true
        ? refused('INVALID_REPLICA_ASSIGNMENT', `${name}: each partition lies on node ${node.nodeId} alone`)
        : await broker.topics.grow(name, count, request.validateOnly)
    return { name, errorCode: codeOf(error), errorMessage: message }
  })
  return { throttleTimeMs: 0, results: await Promise.all(results) }
})
