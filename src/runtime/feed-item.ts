/** What users put into a topic, through `app.feed` or a test driver: bare values, or records. */
import { messageOf, StreamError } from '../base/errors.ts'
import { areHeaders, headersWanted } from '../base/headers.ts'
import { shown } from '../base/option-checks.ts'
import type { Headers, Serde } from '../base/serde.ts'
import { isTypedTopic } from '../topology/typed-topic.ts'

/** A topic as it is fed: what `topic(…)` makes. */
export interface FeedTopic<K, V> {
  readonly name: string
  readonly key: Serde<K>
  readonly value: Serde<V>
}

/** A record to feed. */
export interface FeedRecord<K, V> {
  /** Default: null, which may go to any partition. */
  readonly key?: K | null
  /** null is a tombstone. */
  readonly value: V | null
  /** Milliseconds since 1970, at least 0. Default: now; in a test driver, its clock. */
  readonly timestampMs?: number
  /** Default: none. */
  readonly headers?: Headers
}

/** A value that nobody can take for a record: one that has a field `value` itself is written `{ value: { value: 5 } }`. */
export type BareValue<V> = V extends object ? ('value' extends keyof V ? never : V) : V

export type FeedItem<K, V> = BareValue<V> | FeedRecord<K, V>

const recordFields: ReadonlySet<string> = new Set(['key', 'value', 'timestampMs', 'headers'])

/** An item with a field `value`, and no field that a record does not have, is a record; anything else is a value. */
export function recordOf<K, V>(item: FeedItem<K, V>): FeedRecord<K, V> {
  return isRecord(item) ? item : { value: item }
}

function isRecord<K, V>(item: FeedItem<K, V>): item is FeedRecord<K, V> {
  if (typeof item !== 'object' || item === null || !('value' in item)) return false
  return Object.keys(item).every((name) => recordFields.has(name))
}

/** INPUT_INVALID unless time and headers are such. */
export function checkRecord(topicName: string, timestampMs: number, headers: Headers): void {
  if (!Number.isSafeInteger(timestampMs) || timestampMs < 0) {
    throw invalid(topicName, `was given the timestamp ${shown(timestampMs)}; give whole milliseconds from 0 on`)
  }
  if (!areHeaders(headers)) {
    throw invalid(topicName, `was given the headers ${shown(headers)}; give ${headersWanted}`)
  }
}

/** INPUT_INVALID unless it has a name and serdes. */
export function requireFeedTopic(taker: string, topic: unknown): void {
  if (isTypedTopic(topic)) return
  throw invalid(taker, `was given ${shown(topic)} as its topic; give what topic('name', { key: …, value: … }) returns`)
}

/** INPUT_INVALID unless it can be gone through, and is no text, which would be taken apart into characters. */
export function requireItems(topicName: string, items: unknown): void {
  const isIterable =
    typeof items === 'object' && items !== null && (Symbol.asyncIterator in items || Symbol.iterator in items)
  if (!isIterable) throw invalid(topicName, `was given ${shown(items)}; give an iterable of values or records`)
}

/** A failure of a topic's serde, with the topic and what it could not write. */
export function unwritable(topicName: string, part: 'key' | 'value', thing: unknown, cause: unknown): StreamError {
  const reason = messageOf(cause).replace(/^SERDE_FAILED: /, '')
  return new StreamError('SERDE_FAILED', `topic '${topicName}', ${part} ${shown(thing)}: ${reason}`, { cause })
}

export function invalid(taker: string, what: string): StreamError {
  return new StreamError('INPUT_INVALID', `${taker} ${what}`)
}
