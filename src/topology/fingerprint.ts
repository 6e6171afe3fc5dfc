/**
 * One hash over what a topology is: nodes, edges, topics, serdes, stores. Two programs that draw the same plan, in whatever
 * order, have the same one; it is kept beside the state and compared at start (D16). Functions have no identity and take no part.
 */
import { createHash } from 'node:crypto'
import { unreachable } from '../base/assert.ts'
import type { StoreBuilder } from '../processor/store-builder.ts'
import type { RepartitionTopic, TopologyNode } from './node.ts'

export function fingerprintOf(
  nodes: ReadonlyMap<string, TopologyNode>,
  stores: ReadonlyMap<string, StoreBuilder>,
  repartitionTopics: ReadonlyMap<string, RepartitionTopic>,
): string {
  const parts = [
    ...[...nodes.values()].map((node) => ['node', node.name, ...factsOf(node), ...node.parents.toSorted()]),
    ...[...stores.values()].map((store) => ['store', store.name, store.fingerprint]),
    ...[...repartitionTopics.values()].map((topic) => ['repartition', topic.name, String(topic.partitions)]),
  ]
  const text = parts.map((part) => JSON.stringify(part)).sort()
  return createHash('sha256').update(text.join('\n')).digest('hex')
}

function factsOf(node: TopologyNode): string[] {
  switch (node.kind) {
    case 'source':
      return ['source', node.topics.toSorted().join(), node.keySerde.name, node.valueSerde.name]
    case 'processor':
      return ['processor', node.stores.join()]
    case 'sink':
      return ['sink', node.topic, node.keySerde.name, node.valueSerde.name]
    default:
      return unreachable(node)
  }
}
