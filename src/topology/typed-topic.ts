/** What a topic with its types is to those who cannot name the type: callers without types give anything. */
import { isSerde } from '../base/option-checks.ts'

/** Has it a name and both serdes, as what `topic(…)` makes? */
export function isTypedTopic(given: unknown): boolean {
  if (typeof given !== 'object' || given === null) return false
  const { name, key, value } = given as { readonly [name: string]: unknown }
  return typeof name === 'string' && isSerde(key) && isSerde(value)
}
