/** What callers without types may get wrong with an admin. */
import {
  aBoolean,
  aName,
  checkOptions,
  configTexts,
  type OptionCheck,
  type OptionChecks,
  oneOf,
} from '../../base/option-checks.ts'
import { aClock, anInteger, millisecondsFrom, requireArgument } from '../argument-checks.ts'
import type { AdminOptions, NewTopic } from './admin.ts'

export const adminChecks = {
  clientId: aName,
  requestTimeoutMs: millisecondsFrom(1),
  topicLookupTimeoutMs: millisecondsFrom(0),
  clock: aClock,
} satisfies OptionChecks<AdminOptions>

// How many there can be says the broker.
const newTopicChecks = {
  name: aName,
  partitions: anInteger,
  replicationFactor: anInteger,
  configs: configTexts,
} satisfies OptionChecks<NewTopic>

export const creationChecks = { ifNotExists: aBoolean }
export const deletionChecks = { ifExists: aBoolean }
export const listingChecks = { isolation: oneOf('readCommitted', 'readUncommitted') }
export const committedChecks = { requireStable: aBoolean }

const newTopics: OptionCheck = (value) => {
  const isTopic = (each: unknown): boolean => typeof each === 'object' && aName(Object(each).name) === null
  return Array.isArray(value) && value.every(isTopic) ? null : "a list of topics: [{ name: 'orders', partitions: 4 }]"
}

/** INPUT_INVALID; what belongs to one topic is CONFIG_INVALID. */
export function requireNewTopics(topics: readonly NewTopic[]): void {
  requireArgument('createTopics', topics, newTopics)
  for (const topic of topics) checkOptions(`the topic '${topic.name}'`, topic, newTopicChecks)
}

/** Null goes back to the default. */
export function checkAlteredConfigs(topic: string, configs: Readonly<Record<string, string | null>>): void {
  const texts =
    typeof configs === 'object' && configs !== null && !Array.isArray(configs)
      ? Object.fromEntries(Object.entries(configs).filter(([, value]) => value !== null))
      : configs
  checkOptions(`the topic '${topic}'`, { configs: texts }, { configs: configTexts })
}

export const aSpec: OptionCheck = (value) => {
  if (value === 'earliest' || value === 'latest' || Number.isSafeInteger(value)) return null
  return "'earliest', 'latest', or a time in whole milliseconds"
}
