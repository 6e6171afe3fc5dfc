/**
 * A broker's error code as one of our errors: the code says what the caller should know, the message keeps Kafka's name.
 */
import { type ErrorCode, StreamError } from '../base/errors.ts'
import { codeToName, type KafkaError, kafkaErrors } from '../protocol/error-codes.ts'

const meanings: { readonly [name in KafkaError]?: readonly [code: ErrorCode, remedy: string] } = {
  PRODUCER_FENCED: ['PRODUCER_FENCED', 'another producer has this transactional id; start again with a new one'],
  INVALID_PRODUCER_EPOCH: ['PRODUCER_FENCED', 'another producer has this transactional id; start again with a new one'],
  INVALID_PRODUCER_ID_MAPPING: ['PRODUCER_FENCED', 'the broker knows another producer by this id; start again'],
  FENCED_INSTANCE_ID: ['INSTANCE_FENCED', 'another member has this group.instance.id; give each its own'],
  UNKNOWN_MEMBER_ID: ['MEMBER_UNKNOWN', 'the group went on without this member; it has to join again'],
  ILLEGAL_GENERATION: ['MEMBER_UNKNOWN', 'the group is in a later generation; the member has to join again'],
  REBALANCE_IN_PROGRESS: ['REBALANCE_IN_PROGRESS', 'poll, so that the member joins, then try again'],
  OUT_OF_ORDER_SEQUENCE_NUMBER: ['OUT_OF_ORDER_SEQUENCE', 'earlier records are missing; abort and write them again'],
  UNKNOWN_PRODUCER_ID: ['OUT_OF_ORDER_SEQUENCE', 'the broker forgot this producer; abort and write again'],
  UNKNOWN_TOPIC_OR_PARTITION: ['TOPIC_UNKNOWN', 'create the topic, or correct its name'],
  UNKNOWN_TOPIC_ID: ['TOPIC_UNKNOWN', 'the topic was deleted or made anew; look it up again'],
  TOPIC_ALREADY_EXISTS: ['TOPIC_EXISTS', 'use it as it is, or delete it first'],
  INVALID_TOPIC_EXCEPTION: ['TOPIC_INVALID', 'give it a valid name'],
  INVALID_PARTITIONS: ['TOPIC_INVALID', 'give it a valid number of partitions'],
  INVALID_REPLICATION_FACTOR: ['TOPIC_INVALID', 'ask for as many replicas as there are brokers'],
  INVALID_CONFIG: ['CONFIG_INVALID', 'correct the configuration'],
  MESSAGE_TOO_LARGE: ['RECORD_TOO_LARGE', "send smaller batches, or raise the topic's max.message.bytes"],
  RECORD_LIST_TOO_LARGE: ['RECORD_TOO_LARGE', "send smaller batches, or raise the topic's segment.bytes"],
  CORRUPT_MESSAGE: ['BATCH_CORRUPT', 'the batch was damaged on its way; check the machine'],
  INVALID_RECORD: ['INPUT_INVALID', 'the topic refuses the record; a compacted topic needs keys'],
  UNSUPPORTED_COMPRESSION_TYPE: ['COMPRESSION_UNSUPPORTED', 'use none or gzip'],
  OFFSET_OUT_OF_RANGE: ['LOG_OFFSET_OUT_OF_RANGE', 'seek to an offset that is there, or choose autoOffsetReset'],
  KAFKA_STORAGE_ERROR: [
    'LOG_OFFLINE',
    "the partition's files are damaged or its disk failed; the log's warning (Streams: the 'warning' event) names file and offset",
  ],
  UNSTABLE_OFFSET_COMMIT: ['OFFSETS_UNSTABLE', 'a transaction with offsets is still open; try again'],
  INVALID_TXN_STATE: ['TRANSACTION_STATE_INVALID', 'abort the transaction'],
  TRANSACTION_ABORTABLE: ['TRANSACTION_ABORTED', 'abort the transaction and do it again'],
  UNSUPPORTED_VERSION: ['PROTOCOL_UNSUPPORTED', 'use a newer broker'],
}

/** Another attempt of the same request may succeed (LOG_OFFLINE never: a failed disk stays failed). */
export function isRetriable(code: number): boolean {
  const name = codeToName(code)
  return kafkaErrors[name].retriable && name !== 'KAFKA_STORAGE_ERROR' && name !== 'CORRUPT_MESSAGE'
}

/** `what`: what was asked, as the beginning of a sentence. */
export function brokerError(code: number, what: string, detail: string | null = null): StreamError {
  const name = codeToName(code)
  const known = meanings[name]
  const said = detail === null || detail === '' ? '' : ` (${detail})`
  if (name === 'KAFKA_STORAGE_ERROR' && detail?.startsWith('DISK_FULL') === true) {
    return new StreamError('DISK_FULL', `${what}: ${name}${said}; free some space and try again`)
  }
  if (known !== undefined) return new StreamError(known[0], `${what}: ${name}${said}; ${known[1]}`)
  if (kafkaErrors[name].retriable) return new StreamError('BROKER_UNAVAILABLE', `${what}: ${name}${said}; try again`)
  return new StreamError('BROKER_ERROR', `${what}: ${name} (${code})${said}; look it up in Kafka's list of errors`)
}
