import { StreamError } from '../base/errors.ts'
import type { StoreBuilder } from '../processor/store-builder.ts'
import type { CopartitionGroup, DeclaredTopic, RepartitionTopic, SubTopology, TopologyNode } from './node.ts'

/** The finished, frozen plan of an application. */
export interface Topology {
  /** In the order of definition. */
  readonly nodes: ReadonlyMap<string, TopologyNode>
  readonly stores: ReadonlyMap<string, StoreBuilder>
  readonly subTopologies: readonly SubTopology[]
  readonly declaredTopics: ReadonlyMap<string, DeclaredTopic>
  readonly repartitionTopics: ReadonlyMap<string, RepartitionTopic>
  readonly copartitionGroups: readonly CopartitionGroup[]
  /** Kafka Streams' `Topology.describe().toString()`, to the byte. */
  describe(): string
  /** Nodes, edges, stores and serdes in one hash: compared at start. */
  readonly fingerprint: string
}

/** For callers without types: TOPOLOGY_INVALID unless it is one. */
export function requireTopology(topology: Topology): void {
  if (Array.isArray(topology?.subTopologies)) return
  throw new StreamError('TOPOLOGY_INVALID', 'what is to be started is no topology; give what builder.build() returns')
}
