/**
 * The options of steps. Every step may be named (Kafka's `Named`) and may override the application's error policies.
 *
 * Serdes: `key` and `value` are those of the step's *result*. A step that makes new keys or values and is not given their serde
 * forgets it; a later step that writes them asks for it at compile time.
 */
import type { Serde } from '../src/base/serde.ts'
import type { ErrorPolicies } from '../src/processor/error-policy.ts'
import type { StateEngineSupplier } from '../src/processor/state-engine.ts'
import type { StoreBuilder } from '../src/processor/store-builder.ts'
import type { TimestampExtractor } from '../src/processor/timestamp-extractor.ts'
import type { Fits, SerdeFor } from './dsl-error.ts'

export interface StepOptions {
  /** The node's name; default: Kafka Streams' generated one. Letters, digits, '.', '_' and '-'. */
  readonly name?: string
  /** What happens to a record that this step cannot process. Default: the application's policy. */
  readonly onError?: ErrorPolicies
}

/** `KS` and `VS` are the types of the serdes that were given for `K` and `V`, undefined for none. */
export interface ValueOptions<V, VS> extends StepOptions {
  /** The serde of the result's values. Default: not known, where values are new. */
  readonly value?: VS & NoInfer<Fits<V>>
}

export interface KeyOptions<K, KS> extends StepOptions {
  /** The serde of the result's keys. Default: not known, where keys are new. */
  readonly key?: KS & NoInfer<Fits<K>>
}

export interface KeyValueOptions<K, KS, V, VS> extends KeyOptions<K, KS>, ValueOptions<V, VS> {}

export interface SourceStepOptions extends StepOptions {
  /** Which time a record has. Default: what the topic says, else the record's timestamp. */
  readonly timestamp?: TimestampExtractor
}

/** Which partition a record goes to, from 0; null: by the key. */
export type Partitioner<K, V> = (value: V, key: K, partitionCount: number) => number | null

export interface SinkStepOptions<K, V> extends StepOptions {
  /** Default: by the key's bytes; for windowed keys by those of the inner key. */
  readonly partitioner?: Partitioner<K, V>
  /** The topic is read above this step and records are meant to go round. Default false: such a cycle is refused. */
  readonly feedback?: boolean
}

export interface GroupOptions<K, KS, V, VS> extends KeyValueOptions<K, KS, V, VS> {
  /** Names the repartition topic, `<application id>-<name>-repartition`, and with `groupBy` the step. */
  readonly name?: string
}

export interface RepartitionOptions<K, KS, V, VS> extends KeyValueOptions<K, KS, V, VS> {
  /** Default: as many as the largest topic that flows into it. */
  readonly partitions?: number
}

export interface JoinOptions<K, KS, V, LS, R, RS> extends KeyValueOptions<K, KS, R, RS> {
  /** Names the join and the repartition topic where one is needed. */
  readonly name?: string
  /** The serde of the stream's values, where it does not know it and must be repartitioned. */
  readonly leftValue?: LS & NoInfer<Fits<V>>
}

/** `Async` is the type of the `async` that was given, undefined for none. */
export interface ProcessOptions<K, KS, V, VS, Async> extends ProcessValuesOptions<V, VS, Async>, KeyOptions<K, KS> {}

export interface ProcessValuesOptions<V, VS, Async> extends ValueOptions<V, VS> {
  /** Stores that it uses: names, or builders, which are added: `stores.keyValue({ … })` of `millrace/stores`. */
  readonly stores?: readonly (string | StoreBuilder)[]
  /** Its `process` and punctuators may return promises; they are awaited one at a time. Default: what the supplier says. */
  readonly async?: Async
}

export interface StoreOptions {
  /** Also names the changelog, `<application id>-<name>-changelog`. Default: generated. */
  readonly name?: string
  /** Default: `level()`, on disk. */
  readonly engine?: StateEngineSupplier
  /** Default true. Without a changelog, what is lost is lost. `configs` are topic configs in Kafka's names. */
  readonly changelog?: boolean | { readonly configs: { readonly [name: string]: string } }
}

/** A store's name, or more about it. */
export type StoreChoice = string | StoreOptions

/**
 * When a step that keeps a store tells its results: `'onCommit'` once per key and commit, `'everyUpdate'` at once.
 * State never depends on it.
 */
export type Emit = 'onCommit' | 'everyUpdate'

/** Of a step that folds groups into rows. */
export interface FoldOptions<K> extends StepOptions {
  /** The serde of the store's keys. Default: the grouping's. */
  readonly key?: SerdeFor<K>
  readonly store?: StoreChoice
  /** Default: 'onCommit'. */
  readonly emit?: Emit
}

export interface CountOptions<K> extends FoldOptions<K> {
  /** Default: `int64`. */
  readonly value?: SerdeFor<number>
}

export interface ReduceOptions<K, V, VS> extends FoldOptions<K> {
  /** Default: the stream's. */
  readonly value?: VS & NoInfer<Fits<V>>
}

/** `I` is what the initializer gives, `A` what the serde reads. */
export interface AggregateOptions<K, I, A> extends FoldOptions<K> {
  /** The serde of the aggregate. */
  readonly value: Serde<A> & NoInfer<Fits<I>>
}

export interface Retention {
  /** How long windows can be looked up, at least size + grace, which is the default. */
  readonly retentionMs?: number
}

export interface TableOptions<Store> extends SourceStepOptions {
  /** With a name the table is kept in a store that can be queried; otherwise only if a join needs it. */
  readonly store?: Store
  /** Default: 'onCommit'. A table that is kept nowhere tells each update. */
  readonly emit?: Emit
}

export interface TableStepOptions<Store, K, KS, V, VS> extends KeyValueOptions<K, KS, V, VS> {
  /** With a name the result is kept in a store of its own; otherwise it is computed when asked for. */
  readonly store?: Store
  /** Default: 'onCommit'. A result that is kept nowhere is told at each update. */
  readonly emit?: Emit
}
