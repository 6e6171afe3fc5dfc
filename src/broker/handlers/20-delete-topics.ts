/**
 * DeleteTopics, versions 1–6.
 * By name or (version 6) by id. When it is answered the topic is gone for good: its folders, and the offsets committed
 * into it.
 * Left out: the time-out, which is not needed.
 */
import { zeroUuid } from '../../protocol/schema.ts'
import { type BrokerRooms, handler } from '../handler.ts'
import { codeOf, type Refusal, refused } from '../kafka-answers.ts'
import { isInternalTopic } from '../topics/topic-name.ts'

interface Named {
  readonly name: string | null
  readonly topicId: string
}

export const deleteTopics = handler('DeleteTopics', { min: 1, max: 6 }, async (request, broker, context) => {
  const named: readonly Named[] =
    context.version >= 6 ? request.topics : request.topicNames.map((name) => ({ name, topicId: zeroUuid }))
  const responses = await Promise.all(
    named.map(async (asked) => {
      const { name, topicId, refusal } = await remove(broker, asked)
      return { name, topicId, errorCode: codeOf(refusal.error), errorMessage: refusal.message }
    }),
  )
  return { throttleTimeMs: 0, responses }
})

async function remove(broker: BrokerRooms, asked: Named): Promise<Named & { readonly refusal: Refusal }> {
  const { name, topicId } = asked
  const byId = topicId !== zeroUuid
  if (byId === (name !== null)) {
    return { name, topicId, refusal: refused('INVALID_REQUEST', 'name a topic by its name or by its id') }
  }
  const topic = byId ? broker.topics.getById(topicId) : broker.topics.get(name!)
  if (topic === undefined) {
    const error = byId ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'
    return { name, topicId, refusal: refused(error, `there is no topic ${name ?? topicId}`) }
  }
  const known = { name: topic.name, topicId: topic.id }
  if (isInternalTopic(topic.name)) {
    return { ...known, refusal: refused('INVALID_TOPIC_EXCEPTION', `${topic.name} belongs to the broker`) }
  }
  return { ...known, refusal: await broker.topics.delete(topic) }
}
