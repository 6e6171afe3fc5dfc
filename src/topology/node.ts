import type { Serde } from '../base/serde.ts'
import type { ErrorPolicies } from '../processor/error-policy.ts'
import type { ProcessorSupplier } from '../processor/processor.ts'
import type { StoreBuilder } from '../processor/store-builder.ts'
import type { TimestampExtractor } from '../processor/timestamp-extractor.ts'

/** The plan's nodes: plain frozen data. A node's `parents` and `children` are names, in the order they were connected. */
export type TopologyNode = SourceNode | ProcessorNode | SinkNode

interface NodeBase {
  readonly name: string
  readonly parents: readonly string[]
  readonly children: readonly string[]
  readonly onError: ErrorPolicies
}

export interface SourceNode extends NodeBase {
  readonly kind: 'source'
  /** Internal (repartition) topics stand here without the application's prefix, as `describe` shows them. */
  readonly topics: readonly string[]
  readonly keySerde: Serde<unknown>
  readonly valueSerde: Serde<unknown>
  readonly timestampExtractor: TimestampExtractor | null
  readonly autoOffsetReset: 'earliest' | 'latest' | null
}

export interface ProcessorNode extends NodeBase {
  readonly kind: 'processor'
  readonly supplier: ProcessorSupplier<unknown, unknown, unknown, unknown>
  /** Names of the stores it may use, sorted. */
  readonly stores: readonly string[]
}

export interface SinkNode extends NodeBase {
  readonly kind: 'sink'
  readonly topic: string
  readonly keySerde: Serde<unknown>
  readonly valueSerde: Serde<unknown>
  readonly partitioner: SinkPartitioner | null
}

/** Which partition a record goes to; null or undefined: by the key's bytes (murmur2), or any for a null key. */
export type SinkPartitioner = (key: unknown, value: unknown, partitionCount: number, topic: string) => number | null

/** A topic the topology makes for itself. */
export interface RepartitionTopic {
  /** Without the application's prefix. */
  readonly name: string
  /** null: as many as the largest of what flows into it. */
  readonly partitions: number | null
}

/** A topic the user declared with `topic(…)`; `partitions` asks for creation on the embedded log. */
export interface DeclaredTopic {
  readonly name: string
  readonly partitions: number | null
  readonly configs: { readonly [name: string]: string }
}

/** Sources that must have equal partition counts, and why: the node that brings them together. */
export interface CopartitionGroup {
  readonly node: string
  /** A join's records look up rows of equal keys; a fold keeps one row a key. A join is looked at earlier: copartition.ts, rule 3. */
  readonly kind: 'join' | 'fold'
  readonly sources: readonly string[]
}

/** What one task runs: connected nodes, in topological order. */
export interface SubTopology {
  readonly id: number
  readonly nodes: readonly TopologyNode[]
  readonly stores: readonly StoreBuilder[]
  /** Topics its sources read, repartition topics among them (without prefix). */
  readonly sourceTopics: readonly string[]
}
