/**
 * The text of `Topology.describe()`, as Kafka Streams writes it, to the byte.
 *
 *  - Nodes of a sub-topology stand by size, larger first, then by name; a node's size is the number of ways down from it.
 *  - Its successors and predecessors stand by the sizes they had when they were connected, in Java's order of connecting.
 *  - Topics and stores stand in the order of a Java HashSet.
 */
import { unreachable } from '../base/assert.ts'
import { hashSetOrder, JavaTreeSet } from './java-order.ts'
import type { SubTopology, TopologyNode } from './node.ts'

export function describeTopology(subTopologies: readonly SubTopology[]): string {
  return `Topologies:\n ${subTopologies.map(describeSubTopology).join('')}`
}

interface Described {
  readonly node: TopologyNode
  readonly predecessors: JavaTreeSet<Described>
  readonly successors: JavaTreeSet<Described>
  size: number
}

function describeSubTopology({ id, nodes }: SubTopology): string {
  const byName = new Map<string, Described>()
  for (const node of nodes) {
    byName.set(node.name, {
      node,
      predecessors: new JavaTreeSet(bySizeThenName),
      successors: new JavaTreeSet(bySizeThenName),
      size: 1,
    })
  }
  for (const name of hashSetOrder([...byName.keys()])) connect(byName.get(name)!, byName)
  const lines = [...byName.values()].sort(bySizeThenName).map((described) => `    ${describeNode(described)}\n`)
  return `  Sub-topology: ${id}\n${lines.join('')}\n`
}

function connect(described: Described, byName: ReadonlyMap<string, Described>): void {
  for (const parent of described.node.parents) {
    const predecessor = byName.get(parent)!
    described.predecessors.add(predecessor)
    predecessor.successors.add(described)
    enlarge(predecessor, described.size)
  }
}

function enlarge(described: Described, by: number): void {
  described.size += by
  for (const predecessor of described.predecessors) enlarge(predecessor, by)
}

function bySizeThenName(left: Described, right: Described): number {
  if (left.size !== right.size) return right.size - left.size
  const [leftName, rightName] = [left.node.name, right.node.name]
  return leftName < rightName ? -1 : leftName > rightName ? 1 : 0
}

function describeNode({ node, predecessors, successors }: Described): string {
  const down = `\n      --> ${namesOf(successors)}`
  const up = `\n      <-- ${namesOf(predecessors)}`
  switch (node.kind) {
    case 'source':
      return `Source: ${node.name} (topics: [${hashSetOrder(node.topics, true).join(', ')}])${down}`
    case 'processor':
      return `Processor: ${node.name} (stores: [${hashSetOrder(node.stores, true).join(', ')}])${down}${up}`
    case 'sink':
      return `Sink: ${node.name} (topic: ${node.topic})${up}`
    default:
      return unreachable(node)
  }
}

function namesOf(nodes: JavaTreeSet<Described>): string {
  const names = [...nodes].map((described) => described.node.name)
  return names.length === 0 ? 'none' : names.join(', ')
}
