/**
 * Kafka's error codes as the broker answers them.
 */
import { type ErrorCode, messageOf, StreamError } from '../base/errors.ts'
import { type KafkaError, kafkaErrors } from '../protocol/error-codes.ts'

export function codeOf(error: KafkaError): number {
  return kafkaErrors[error].code
}

const storage: KafkaError = 'KAFKA_STORAGE_ERROR'

const byStreamError: Partial<Record<ErrorCode, KafkaError>> = {
  DISK_FAILED: storage,
  DISK_FULL: storage,
  LOG_CORRUPT: storage,
  LOG_OFFLINE: storage,
  LOG_FORMAT_NEWER: storage,
  CLOSED: 'NOT_LEADER_OR_FOLLOWER',
  BATCH_CORRUPT: 'CORRUPT_MESSAGE',
  INPUT_INVALID: 'INVALID_RECORD',
  COMPRESSION_UNSUPPORTED: 'UNSUPPORTED_COMPRESSION_TYPE',
  RECORD_TOO_LARGE: 'MESSAGE_TOO_LARGE',
  LOG_OFFSET_OUT_OF_RANGE: 'OFFSET_OUT_OF_RANGE',
  OUT_OF_ORDER_SEQUENCE: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
  PRODUCER_FENCED: 'INVALID_PRODUCER_EPOCH',
  TRANSACTION_STATE_INVALID: 'INVALID_TXN_STATE',
  TOPIC_UNKNOWN: 'UNKNOWN_TOPIC_OR_PARTITION',
  TOPIC_EXISTS: 'TOPIC_ALREADY_EXISTS',
  TOPIC_INVALID: 'INVALID_TOPIC_EXCEPTION',
  CONFIG_INVALID: 'INVALID_CONFIG',
}

/** What a client is told when the log refused. What is no StreamError is our own mistake and goes on up. */
export function answerTo(error: unknown): KafkaError {
  if (!StreamError.is(error)) throw error
  return byStreamError[error.code] ?? 'UNKNOWN_SERVER_ERROR'
}

/** A refusal with Kafka's name for it and a sentence for the client's log. */
export interface Refusal {
  readonly error: KafkaError
  readonly message: string | null
}

export const accepted: Refusal = Object.freeze({ error: 'NONE', message: null })

export function refused(error: KafkaError, message: string): Refusal {
  return { error, message }
}

export function refusedBy(error: unknown): Refusal {
  return { error: answerTo(error), message: messageOf(error) }
}
