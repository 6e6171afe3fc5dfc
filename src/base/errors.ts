/**
 * What the world does wrong: one class, one catalogue of codes.
 *
 * Codes are promises, messages are not. A message says what happened and what to do; each code has a paragraph
 * in docs/errors.md (a test compares the two lists).
 */
export const errorCatalogue = {
  // the machine
  DISK_FAILED: { retriable: false },
  DISK_FULL: { retriable: true },
  CONFIG_INVALID: { retriable: false },
  CLOSED: { retriable: false },
  TIMED_OUT: { retriable: true },
  BUFFER_FULL: { retriable: true },
  // records and serdes
  BATCH_CORRUPT: { retriable: false },
  COMPRESSION_UNSUPPORTED: { retriable: false },
  SERDE_FAILED: { retriable: false },
  RECORD_TOO_LARGE: { retriable: false },
  // protocol and connections
  PROTOCOL_INVALID: { retriable: false },
  PROTOCOL_UNSUPPORTED: { retriable: false },
  NET_DISCONNECTED: { retriable: true },
  // the log
  LOG_CORRUPT: { retriable: false },
  LOG_OFFLINE: { retriable: false },
  LOG_OFFSET_OUT_OF_RANGE: { retriable: false },
  LOG_FORMAT_NEWER: { retriable: false },
  DATA_DIR_LOCKED: { retriable: true },
  // the broker's answers
  TOPIC_UNKNOWN: { retriable: true },
  TOPIC_EXISTS: { retriable: false },
  TOPIC_INVALID: { retriable: false },
  BROKER_ERROR: { retriable: false },
  BROKER_UNAVAILABLE: { retriable: true },
  OUT_OF_ORDER_SEQUENCE: { retriable: false },
  PRODUCER_FENCED: { retriable: false },
  INSTANCE_FENCED: { retriable: false },
  MEMBER_UNKNOWN: { retriable: false },
  REBALANCE_IN_PROGRESS: { retriable: true },
  TRANSACTION_ABORTED: { retriable: true },
  TRANSACTION_STATE_INVALID: { retriable: false },
  OFFSETS_UNSTABLE: { retriable: true },
  // topologies and applications
  TOPOLOGY_INVALID: { retriable: false },
  TOPICS_NOT_COPARTITIONED: { retriable: false },
  TOPIC_MISSING: { retriable: false },
  INTERNAL_TOPIC_INVALID: { retriable: false },
  PROMISE_IN_SYNC_STEP: { retriable: false },
  FORWARD_OUT_OF_SCOPE: { retriable: false },
  STATE_DIR_IN_USE: { retriable: true },
  STORE_UNKNOWN: { retriable: false },
  STORE_MISMATCH: { retriable: false },
  STORE_FORMAT_NEWER: { retriable: false },
  STORE_CORRUPT: { retriable: false },
  STORE_NOT_READY: { retriable: true },
  TASK_MIGRATED: { retriable: true },
  INPUT_OFFSETS_LOST: { retriable: false },
  RECORD_FAILED: { retriable: false },
  PROCESSOR_FAILED: { retriable: false },
  INPUT_INVALID: { retriable: false },
  TYPESCRIPT_UNSUPPORTED: { retriable: false },
} as const satisfies Record<string, { readonly retriable: boolean }>

export type ErrorCode = keyof typeof errorCatalogue

const brand = Symbol.for('millrace.StreamError')

/**
 * An error of the world. `code` is stable, `retriable` says whether trying again may help, `cause` is kept.
 *
 * @example
 * try { await app.close() } catch (error) {
 *   if (!StreamError.is(error, 'NET_DISCONNECTED')) throw error
 * }
 */
export class StreamError extends Error {
  override readonly name = 'StreamError'
  readonly code: ErrorCode
  readonly retriable: boolean

  constructor(code: ErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(`${code}: ${message}`, options)
    this.code = code
    this.retriable = errorCatalogue[code].retriable
    Object.defineProperty(this, brand, { value: true })
  }

  /** Is it a StreamError (of this code)? By brand, so that two copies of the package agree. */
  static is(error: unknown, code?: ErrorCode): error is StreamError {
    if (typeof error !== 'object' || error === null || !(brand in error)) return false
    return code === undefined || (error as { code?: unknown }).code === code
  }
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
