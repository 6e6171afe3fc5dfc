import { AssertionError } from '../../base/assert.ts'
import { type ErrorCode, messageOf, StreamError } from '../../base/errors.ts'
import type { Header, Headers } from '../../base/serde.ts'
import type { ErrorPolicies, ErrorPolicy } from '../../processor/error-policy.ts'
import type { RecordCollector } from './collector.ts'
import type { DropCounter } from './drops.ts'
import type { TaskMoment } from './moment.ts'

export type FailureKind = keyof ErrorPolicies

/**
 * What stores, context and producer say to a callback about the machine or the topology: no policy may skip it. Any other
 * error, whatever its code, is the callback's own, and the record's.
 */
const taskCodes: ReadonlySet<ErrorCode> = new Set([
  'BUFFER_FULL',
  'CLOSED',
  'CONFIG_INVALID',
  'DISK_FAILED',
  'DISK_FULL',
  'FORWARD_OUT_OF_SCOPE',
  'PROMISE_IN_SYNC_STEP',
  'STORE_CORRUPT',
  'STORE_FORMAT_NEWER',
  'TOPIC_MISSING',
  'TOPOLOGY_INVALID',
])

/** What a store says about a row that cannot be written. */
const rowCodes: ReadonlySet<ErrorCode> = new Set(['RECORD_TOO_LARGE', 'SERDE_FAILED'])

/** What the failing node was given: a dead letter has its time and headers, and the bytes of the source record. */
export interface FailedRecord {
  readonly timestamp: number
  readonly headers: Headers
}

/**
 * What happens to a record that cannot be processed (KIP-1033, KIP-1034).
 *
 * Laws
 *  F1  an error is wrapped and decided once, at the node it came from; nodes above let it pass
 *  F2  an assertion, and an error that is not the record's own, ends the task whatever the policy
 *  F3  what is left out is counted once
 */
export class FailureHandler {
  readonly #defaults: ErrorPolicies
  readonly #moment: TaskMoment
  readonly #collector: RecordCollector
  readonly #drops: DropCounter
  #final: { readonly error: unknown } | null = null

  constructor(defaults: ErrorPolicies, moment: TaskMoment, collector: RecordCollector, drops: DropCounter) {
    this.#defaults = defaults
    this.#moment = moment
    this.#collector = collector
    this.#drops = drops
  }

  /** A user's callback may have caught what was meant to end the task: asked after each record. */
  throwIfEnded(): void {
    if (this.#final !== null) throw this.#final.error
  }

  /** Returns when the record may be left out, else throws. */
  handle(kind: FailureKind, node: string, overrides: ErrorPolicies, error: unknown, record: FailedRecord): void {
    this.throwIfEnded()
    if (!this.isRecordError(error)) throw this.end(error)
    const policy: ErrorPolicy = overrides[kind] ?? this.#defaults[kind] ?? 'fail'
    const place = this.#moment.place()
    if (policy === 'fail') throw this.end(recordFailed(kind, node, place, error))
    this.#drops.count(node, `${kind}-error`, place, messageOf(error))
    if (policy !== 'skip') this.#deadLetter(policy.deadLetter, error, record)
  }

  /** A processor's own flush failed: it has lost its place among what it held back, so no policy can go on. */
  flushFailed(node: string, error: unknown): unknown {
    if (this.#final !== null || !this.isRecordError(error)) return this.end(error)
    const what = `${node} could not flush: ${messageOf(error)}; correct the processor`
    return this.end(new StreamError('RECORD_FAILED', what, { cause: error }))
  }

  /**
   * Step 1b failed. What the library's stores say of a row, and what they are told by machine and producer, stays as it is; anything
   * else comes from a store of the user's own, whatever its code: a fresh start does not help against it.
   */
  storeFailed(store: string, error: unknown): unknown {
    const ofRow = StreamError.is(error) && rowCodes.has(error.code)
    if (this.#final !== null || ofRow || !this.isRecordError(error)) return this.end(error)
    const what = `the store ${store} could not be committed: ${messageOf(error)}; correct the store`
    return this.end(new StreamError('PROCESSOR_FAILED', what, { cause: error }))
  }

  /** This error ends the task (F1): remembered, so that nobody above takes it for the record's own. */
  end(error: unknown): unknown {
    this.#final ??= { error }
    return this.#final.error
  }

  /** F2. The producer's refusal is that of its transaction, whatever was to be written. */
  isRecordError(error: unknown): boolean {
    if (AssertionError.is(error)) return false
    return !StreamError.is(error) || (error !== this.#collector.refusal && !taskCodes.has(error.code))
  }

  #deadLetter(topic: string, error: unknown, record: FailedRecord): void {
    const queue = this.#moment.hasSource ? this.#moment.queue : null
    const headers = [...record.headers, ...causeHeaders(error, queue)]
    const key = queue === null ? null : queue.rawKey()
    const value = queue === null ? null : queue.rawValue()
    try {
      this.#collector.sendRaw(topic, null, record.timestamp, key, value, headers)
    } catch (failure) {
      throw this.end(failure)
    }
  }
}

const remedies = {
  deserialize: 'correct the serdes of the source, or say what to do with such records: onError.deserialize',
  process: 'correct the callback, or say what to do with such records: onError.process',
  produce: 'correct the serdes of the sink, or say what to do with such records: onError.produce',
} as const

function recordFailed(kind: FailureKind, node: string, place: string, cause: unknown): StreamError {
  const what = `${node} could not ${kind} the record ${place}: ${messageOf(cause)}; ${remedies[kind]}`
  return new StreamError('RECORD_FAILED', what, { cause })
}

interface Source {
  readonly topic: string
  readonly partition: number
  readonly takenOffset: number
}

/** Kafka Streams' headers of a dead letter, in its order (golden `errors/*`). */
function causeHeaders(error: unknown, source: Source | null): Header[] {
  const name = error instanceof Error ? error.name : typeof error
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  return [
    textHeader('exception', name),
    textHeader('message', messageOf(error)),
    textHeader('stacktrace', stack),
    textHeader('topic', source === null ? null : source.topic),
    textHeader('partition', String(source === null ? -1 : source.partition)),
    textHeader('offset', String(source === null ? -1 : source.takenOffset)),
  ]
}

function textHeader(name: string, text: string | null): Header {
  return { key: `__streams.errors.${name}`, value: text === null ? null : Buffer.from(text) }
}
