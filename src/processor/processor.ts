import type { Record, RecordMetadata } from './record.ts'
import type { StoreBuilder } from './store-builder.ts'

/**
 * A step of a topology. One instance per task, made by its supplier; the runtime calls `init` once, then `process` for
 * each record, `flush` at each commit (step 1a, in topological order), and `close`.
 *
 * An ordinary processor is synchronous: a promise from it is PROMISE_IN_SYNC_STEP. One whose supplier says `async: true`
 * (it scans a store) may return a promise; it is awaited one record at a time and drained before a commit.
 */
export interface Processor<KIn, VIn, KOut, VOut> {
  init?(context: ProcessorContext<KOut, VOut>): void
  process(record: Record<KIn, VIn>): void | Promise<void>
  /** Sends downstream what it has held back since the last commit. */
  flush?(): void
  close?(): void
}

export interface ProcessorSupplier<KIn, VIn, KOut, VOut> {
  /** A fresh instance at each call. */
  get(): Processor<KIn, VIn, KOut, VOut>
  /** Stores that come with it: added to the topology and connected. */
  readonly stores?: readonly StoreBuilder[]
  /** Its `process` and punctuators may return promises. Default false. */
  readonly async?: boolean
}

/** 'streamTime' follows the largest timestamp the task has taken up, 'wallClock' the machine's clock. */
export type PunctuationType = 'streamTime' | 'wallClock'

export type Punctuator = (timestampMs: number) => void | Promise<void>

export interface Cancellable {
  cancel(): void
}

/** What a processor may ask of its task. Kafka Streams' ProcessorContext. */
export interface ProcessorContext<KOut, VOut> {
  readonly applicationId: string
  /** `<sub-topology>_<partition>`. */
  readonly taskId: string
  readonly nodeName: string
  /**
   * Sends a record to all children, or to the child node of that name; a name that is no child is an error. In `init`, `process`,
   * `flush` and punctuators, until they return, or until what they promised settles; else FORWARD_OUT_OF_SCOPE.
   */
  forward(record: Record<KOut, VOut>, childName?: string): void
  /** A store that is connected to this processor; STORE_UNKNOWN otherwise. Typed by the caller. */
  store<S>(name: string): S
  /**
   * Calls `punctuator` every `intervalMs`, positive, after KIP-138: on stream time for the first time at the first
   * record, then at multiples of the interval, once however many were passed; on the wall clock first after one interval.
   */
  schedule(intervalMs: number, type: PunctuationType, punctuator: Punctuator): Cancellable
  /** Where the current record came from; in a punctuator the last record's. */
  recordMetadata(): RecordMetadata | null
  /** The largest timestamp the task has taken up so far; -1 before the first record. */
  currentStreamTimeMs(): number
  currentSystemTimeMs(): number
  /** Asks for a commit soon. */
  requestCommit(): void
  /** Counts a record that was left out on purpose (null key, late, …): Kafka's dropped-records-total. */
  recordDropped(reason: string): void
  /**
   * This operator's stream time from the last commit, -1 at first; `saveStreamTime` makes the runtime keep it: it travels in
   * the offset-commit metadata under the node's name, merged by maximum, so that late stays late after a restart.
   */
  savedStreamTimeMs(): number
  saveStreamTime(timestampMs: number): void
}
