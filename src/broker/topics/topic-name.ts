/** Which names a topic may have: Kafka's rules, since a name is also part of a folder's name. */
const topicNameCharsMax = 249

const legal = /^[a-zA-Z0-9._-]+$/

export const offsetsTopic = '__consumer_offsets'
export const transactionsTopic = '__transaction_state'

export function isInternalTopic(name: string): boolean {
  return name === offsetsTopic || name === transactionsTopic
}

/** What is wrong with the name, or null. */
export function topicNameProblem(name: string): string | null {
  if (name === '') return 'a topic name cannot be empty'
  if (name === '.' || name === '..') return `a topic cannot be named "${name}"`
  if (name.length > topicNameCharsMax) {
    return `a topic name has at most ${topicNameCharsMax} characters, this one has ${name.length}`
  }
  if (!legal.test(name)) return `topic name "${name}" may only hold ASCII letters, digits, '.', '_' and '-'`
  return null
}

/** Names that differ only in '.' and '_' would share one metric name: Kafka refuses the second. */
export function collisionKey(name: string): string {
  return name.replaceAll('.', '_')
}
