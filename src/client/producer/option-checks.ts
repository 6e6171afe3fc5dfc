/** What callers without types may get wrong with a producer. */
import { StreamError } from '../../base/errors.ts'
import { areHeaders, headersWanted } from '../../base/headers.ts'
import { aName, type OptionCheck, type OptionChecks, oneOf, shown, wholeFrom } from '../../base/option-checks.ts'
import { aClock, anInteger, millisecondsFrom } from '../argument-checks.ts'
import type { ProducerOptions, RecordToSend } from './producer.ts'
import type { GroupMember } from './transactions.ts'

export const producerChecks = {
  clientId: aName,
  transactionalId: aName,
  transactionTimeoutMs: millisecondsFrom(1),
  acks: (value) => (value === 'all' || value === 1 || value === 0 ? null : "'all', 1 or 0"),
  lingerMs: millisecondsFrom(0),
  batchBytes: wholeFrom(1),
  bufferBytes: wholeFrom(1),
  compression: oneOf('none', 'gzip'),
  deliveryTimeoutMs: millisecondsFrom(1),
  topicLookupTimeoutMs: millisecondsFrom(0),
  requestTimeoutMs: millisecondsFrom(1),
  clock: aClock,
} satisfies OptionChecks<ProducerOptions>

const recordParts: { readonly [name in keyof Required<RecordToSend>]: true } = {
  topic: true,
  partition: true,
  key: true,
  value: true,
  timestampMs: true,
  headers: true,
}
// What a consumer read may be sent on as it is: where it stood says nothing then.
const recordFields: ReadonlySet<string> = new Set([...Object.keys(recordParts), 'offset'])

/** INPUT_INVALID unless it is a record that can be laid down. */
export function requireRecord(record: RecordToSend): void {
  if (typeof record !== 'object' || record === null) {
    throw invalid(`send was given ${shown(record)}; give it a record: { topic, key, value }`)
  }
  const { topic, partition, key, value, timestampMs, headers } = record
  if (typeof topic !== 'string' || topic === '') throw invalid(`a record has the topic ${shown(topic)}; give its name`)
  for (const name in record) {
    if (recordFields.has(name)) continue
    const there = Object.keys(recordParts).join(', ')
    throw invalid(`a record for ${topic} has a field '${name}', which records do not have; there are: ${there}`)
  }
  if (!isWritable(key)) throw unwritable(topic, 'key', key)
  if (!isWritable(value)) throw unwritable(topic, 'value', value)
  // Whole and safe: anything else could not be laid down (D7). A negative time is Kafka's 'none'.
  if (timestampMs !== undefined && !Number.isSafeInteger(timestampMs)) {
    throw invalid(`a record for ${topic} has the timestamp ${shown(timestampMs)}; give whole milliseconds`)
  }
  if (partition !== undefined && partition !== null && !Number.isInteger(partition)) {
    throw invalid(`a record for ${topic} has the partition ${shown(partition)}; give a whole number, or leave it out`)
  }
  if (headers !== undefined && !areHeaders(headers)) {
    throw invalid(`a record for ${topic} has the headers ${shown(headers)}; give ${headersWanted}`)
  }
}

function isWritable(value: unknown): boolean {
  return typeof value === 'string' || value === null || value === undefined || value instanceof Uint8Array
}

function unwritable(topic: string, part: 'key' | 'value', given: unknown): StreamError {
  return invalid(`a record for ${topic} has the ${part} ${shown(given)}; give a Buffer, a text, or null`)
}

export const aMember: OptionCheck = (value) => {
  const { memberId, generationId, groupInstanceId } = Object(value) as { readonly [name in keyof GroupMember]: unknown }
  const isMember =
    typeof memberId === 'string' &&
    anInteger(generationId) === null &&
    (groupInstanceId === null || typeof groupInstanceId === 'string')
  return isMember ? null : 'a member, as groupMetadata() of a consumer tells it'
}

function invalid(what: string): StreamError {
  return new StreamError('INPUT_INVALID', what)
}
