/**
 * A topic: the one home of its types. Sources read it, sinks write it, applications feed it and test drivers look at it.
 */
import type { Serde } from '../src/base/serde.ts'
import type { TimestampExtractor } from '../src/processor/timestamp-extractor.ts'
import { checkName } from '../src/topology/naming.ts'
import type { DeclaredTopic } from '../src/topology/node.ts'
import type { SerdeFor } from './dsl-error.ts'
import { checkTopicOptions } from './plan/option-checks.ts'

export interface Topic<K, V> extends DeclaredTopic {
  readonly key: Serde<K>
  readonly value: Serde<V>
  readonly timestamp: TimestampExtractor | null
}

/** A topic that takes keys of `K` and values of `V`, and null for either: what a sink asks for. */
export interface SinkTopic<K, V> extends DeclaredTopic {
  readonly key: SerdeFor<K>
  readonly value: SerdeFor<V>
}

export interface TopicOptions<K, V> {
  /** Keys ↔ bytes. A record's key may be null all the same where nobody needs it. */
  readonly key: Serde<K>
  /**
   * Values ↔ bytes, never null: that is a tombstone and has no bytes. So `to` takes nulls for every topic, whatever its type says.
   * Where a stream reads a topic that has some, give a serde whose type includes null, so that callbacks see it in theirs.
   */
  readonly value: Serde<V>
  /** With a number the topic is created at start on the embedded log; without, it must exist. */
  readonly partitions?: number
  /** Topic configs in Kafka's names, for the creation. */
  readonly configs?: { readonly [name: string]: string }
  /** Which time a record has. Default: its timestamp; a negative one is an error. */
  readonly timestamp?: TimestampExtractor
}

/**
 * Declares a topic and its types. Throws TOPOLOGY_INVALID for a name that Kafka refuses or a partition count that is not a
 * positive whole number.
 *
 * @example
 * const orders = topic('orders', { key: string, value: json<Order>(), partitions: 4 })
 */
export function topic<K, V>(name: string, options: TopicOptions<K, V>): Topic<K, V> {
  checkName('topic', name)
  checkTopicOptions(name, options)
  return Object.freeze({
    name,
    key: options.key,
    value: options.value,
    partitions: options.partitions ?? null,
    configs: Object.freeze({ ...options.configs }),
    timestamp: options.timestamp ?? null,
  })
}
