/**
 * The steps of a plan: frozen data, one per step that was written, each knowing its parents. A plan runs nothing; what depends on
 * steps drawn later (is this table's store needed? are old values?) is decided when it is compiled.
 */
import type { Serde } from '../../src/base/serde.ts'
import type { ErrorPolicies } from '../../src/processor/error-policy.ts'
import type { ProcessorSupplier } from '../../src/processor/processor.ts'
import type { StoreBuilder } from '../../src/processor/store-builder.ts'
import type { TimestampExtractor } from '../../src/processor/timestamp-extractor.ts'
import type { DeclaredTopic, RepartitionTopic, SinkPartitioner } from '../../src/topology/node.ts'
import type { Emit } from '../options.ts'

export type PlanNode = StreamSourceNode | TableNode | StepNode | JoinNode | RepartitionNode | SinkNode | StoreNode

/** Where records of a sub-topology come from. */
export type PlanSource = StreamSourceNode | TableSourceNode | RepartitionNode

/** The steps whose result is a table. */
export type TableNode = TableSourceNode | AggregateNode | TableStepNode

export type AnySupplier = ProcessorSupplier<unknown, unknown, unknown, unknown>

interface Base {
  /** The name of the node that records come out of. */
  readonly name: string
  readonly parents: readonly PlanNode[]
  readonly onError: ErrorPolicies
}

export interface StreamSourceNode extends Base {
  readonly kind: 'streamSource'
  readonly topics: readonly DeclaredTopic[]
  readonly keySerde: Serde<unknown>
  readonly valueSerde: Serde<unknown>
  readonly timestamp: TimestampExtractor | null
}

export interface TableSourceNode extends Base {
  readonly kind: 'tableSource'
  readonly sourceName: string
  readonly topic: DeclaredTopic
  readonly keySerde: Serde<unknown>
  readonly valueSerde: Serde<unknown>
  readonly timestamp: TimestampExtractor | null
  readonly store: StoreBuilder
  /** Is the store kept in any case? If not, only if a join reads it. */
  readonly kept: boolean
  readonly emit: Emit
}

/** A grouped stream made a table. */
interface AggregateNode extends Base {
  readonly kind: 'aggregate'
  /** What flows into it without a repartition: one key must come from one partition number, or one row would be kept twice. */
  readonly copartitioned: readonly PlanSource[]
  readonly store: StoreBuilder
  readonly supplier: (oldValues: boolean) => AnySupplier
}

/** A table filtered or mapped. */
interface TableStepNode extends Base {
  readonly kind: 'tableStep'
  readonly table: TableNode
  readonly filters: boolean
  readonly store: StoreBuilder | null
  readonly supplier: (oldValues: boolean) => AnySupplier
}

/** A step from records to records, and a table's way to a stream. */
export interface StepNode extends Base {
  readonly kind: 'step'
  readonly supplier: AnySupplier
  /** Names of the stores it uses, over those its supplier brings. */
  readonly stores: readonly string[]
}

interface JoinNode extends Base {
  readonly kind: 'join'
  readonly copartitioned: readonly PlanSource[]
  readonly supplier: AnySupplier
  readonly table: TableNode
  /** The store that rows are looked up in. */
  readonly storeName: string
  /** A left join tells records without a key, so a repartition before it must not leave them out. */
  readonly acceptsNullKeys: boolean
}

/** A topic between two sub-topologies: filter, sink and source. Named after its source. */
export interface RepartitionNode extends Base {
  readonly kind: 'repartition'
  readonly filterName: string
  readonly sinkName: string
  readonly topic: RepartitionTopic
  readonly keySerde: Serde<unknown>
  readonly valueSerde: Serde<unknown>
}

interface SinkNode extends Base {
  readonly kind: 'sink'
  readonly topic: DeclaredTopic
  readonly keySerde: Serde<unknown>
  readonly valueSerde: Serde<unknown>
  readonly partitioner: SinkPartitioner | null
  readonly feedback: boolean
}

/** A store that steps connect to by name. */
interface StoreNode extends Base {
  readonly kind: 'store'
  readonly builder: StoreBuilder
}
