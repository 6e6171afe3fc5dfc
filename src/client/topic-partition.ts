/** One partition of one topic. */
export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** For messages and for maps: a topic's name holds no `@`, and its partition follows the last `-`. */
export function nameOf(at: TopicPartition): string {
  return `${at.topic}-${at.partition}`
}

/** Groups by topic, in order of first appearance. */
export function byTopic<T extends TopicPartition>(items: Iterable<T>): Map<string, T[]> {
  const topics = new Map<string, T[]>()
  for (const item of items) {
    const list = topics.get(item.topic)
    if (list === undefined) topics.set(item.topic, [item])
    else list.push(item)
  }
  return topics
}
