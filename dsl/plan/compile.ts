/**
 * Plan → topology: node for node in the order in which Kafka Streams writes its graph, which decides the order of children, and so
 * the order in which records go out.
 */
import { unreachable } from '../../src/base/assert.ts'
import { StreamError } from '../../src/base/errors.ts'
import type { StoreBuilder } from '../../src/processor/store-builder.ts'
import type { Topology } from '../../src/topology/topology.ts'
import { TopologyBuilder } from '../../src/topology/topology-builder.ts'
import { repartitionFilter } from '../operators/repartition-filter.ts'
import { storedTableSource, tableSource } from '../operators/table-source.ts'
import type { PlanNode, PlanSource, RepartitionNode, TableSourceNode } from './node.ts'
import type { Plan } from './plan.ts'
import { Wiring } from './wiring.ts'

export function compile(plan: Plan): Topology {
  const wiring = new Wiring(plan)
  const builder = new TopologyBuilder()
  const stores = new Set<string>()
  for (const node of inWritingOrder(plan, wiring)) {
    for (const { name } of storesOf(node, wiring)) stores.add(name)
    refuseLateStores(node, stores)
    write(node, wiring, builder)
  }
  return builder.build()
}

/** The stores that come with a node. */
function storesOf(node: PlanNode, wiring: Wiring): readonly StoreBuilder[] {
  switch (node.kind) {
    case 'store':
      return [node.builder]
    case 'aggregate':
      return [node.store]
    case 'tableStep':
      return node.store === null ? [] : [node.store]
    case 'tableSource':
      return wiring.isKept(node) ? [node.store] : []
    case 'step':
      return node.supplier.stores ?? []
    default:
      return []
  }
}

/** Which of two steps that share a store is the first would be left to chance: Kafka Streams wants the store first, too. */
function refuseLateStores(node: PlanNode, stores: ReadonlySet<string>): void {
  if (node.kind !== 'step') return
  const late = node.stores.find((name) => !stores.has(name))
  if (late === undefined) return
  const what = `the step '${node.name}' uses the store '${late}', which is not there when the step is added; add the store before it, with addStore or by an earlier step`
  throw new StreamError('TOPOLOGY_INVALID', what)
}

/**
 * Breadth first from the sources, always the step that was attached first (or again last) of those reached, once all its parents
 * are written.
 */
function inWritingOrder(plan: Plan, wiring: Wiring): Set<PlanNode> {
  const attachedAt = new Map<PlanNode, number>()
  for (const [index, node] of plan.attached.entries()) attachedAt.set(node, index)
  const nodes = [...attachedAt.keys()].filter((node) => wiring.standIn(node) === node)
  const reached = nodes.filter((node) => node.parents.length === 0)
  const written = new Set<PlanNode>()
  while (reached.length > 0) {
    reached.sort((left, right) => attachedAt.get(left)! - attachedAt.get(right)!)
    const node = reached.shift()!
    written.add(node)
    for (const child of nodes) {
      if (reached.includes(child) || written.has(child) || child.parents.length === 0) continue
      if (child.parents.every((parent) => written.has(wiring.standIn(parent)))) reached.push(child)
    }
  }
  return written
}

function write(node: PlanNode, wiring: Wiring, to: TopologyBuilder): void {
  const { name, onError } = node
  const parents = parentNames(node, wiring)
  switch (node.kind) {
    case 'streamSource': {
      const { keySerde, valueSerde, timestamp } = node
      const topics = wiring.topicsOf(node)
      to.addSource(name, { topics, keySerde, valueSerde, timestampExtractor: timestamp, onError })
      return
    }
    case 'tableSource':
      writeTableSource(node, wiring, to)
      return
    case 'aggregate':
      to.addProcessor(name, node.supplier(wiring.tellsOldValues(node)), parents, { onError })
      to.addStore(node.store, [name])
      to.copartition(name, sourceNames(node.copartitioned, wiring), 'fold')
      return
    case 'tableStep':
      to.addProcessor(name, node.supplier(wiring.tellsOldValues(node)), parents, { onError })
      if (node.store !== null) to.addStore(node.store, [name])
      return
    case 'step':
      to.addProcessor(name, node.supplier, parents, { stores: node.stores, onError })
      return
    case 'join':
      to.addProcessor(name, node.supplier, parents, { stores: [node.storeName], onError })
      to.copartition(name, sourceNames(node.copartitioned, wiring), 'join')
      return
    case 'repartition':
      writeRepartition(node, parents, wiring, to)
      return
    case 'sink': {
      const { topic, keySerde, valueSerde, partitioner, feedback } = node
      to.addSink(name, { topic, keySerde, valueSerde, partitioner, feedback, onError }, parents)
      return
    }
    case 'store':
      to.addStore(node.builder)
      return
    default:
      unreachable(node)
  }
}

/**
 * Where a source stands in for another, Kafka Streams takes that one from the parents and adds this one at their end, source by
 * source in the order they were drawn.
 */
function parentNames({ parents }: PlanNode, wiring: Wiring): string[] {
  const own = parents.filter((parent) => wiring.standIn(parent) === parent)
  const standIns = wiring.replacedAmong(parents).map((parent) => wiring.standIn(parent))
  return [...new Set([...own, ...standIns].map(({ name }) => name))]
}

function writeTableSource(node: TableSourceNode, wiring: Wiring, to: TopologyBuilder): void {
  const { name, sourceName, keySerde, valueSerde, onError, store } = node
  to.addSource(sourceName, { topics: [node.topic], keySerde, valueSerde, timestampExtractor: node.timestamp, onError })
  if (!wiring.isKept(node)) {
    to.addProcessor(name, tableSource(), [sourceName], { onError })
    return
  }
  to.addProcessor(name, storedTableSource(store.name, node.emit, wiring.tellsOldValues(node)), [sourceName], {
    onError,
  })
  to.addStore(store, [name])
}

function writeRepartition(node: RepartitionNode, parents: string[], wiring: Wiring, to: TopologyBuilder): void {
  const { name, filterName, sinkName, topic, keySerde, valueSerde, onError } = node
  to.addRepartitionTopic(topic)
  to.addProcessor(filterName, repartitionFilter(wiring.acceptsNullKeys(node)), parents, { onError })
  to.addSink(sinkName, { topic: topic.name, keySerde, valueSerde, onError }, [filterName])
  to.addSource(name, { topics: [topic.name], keySerde, valueSerde, onError })
}

function sourceNames(sources: readonly PlanSource[], wiring: Wiring): string[] {
  return [...new Set(sources.map((source) => sourceNameOf(wiring.standIn(source))))]
}

/** A table's source stands before the node that records come out of. */
function sourceNameOf(node: PlanNode): string {
  return node.kind === 'tableSource' ? node.sourceName : node.name
}
