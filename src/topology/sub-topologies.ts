/**
 * Which nodes run together: those connected by an edge or by a store that both use.
 *
 * Laws
 *  T1  every node is in exactly one sub-topology
 *  T2  they are numbered from 0 in the order in which their first nodes were defined: task ids are Kafka Streams' (D8)
 *  T3  within one, a node stands after its parents; where that leaves a choice, in the order of definition
 */
import { assert } from '../base/assert.ts'
import type { StoreBuilder } from '../processor/store-builder.ts'
import type { SubTopology, TopologyNode } from './node.ts'

export function splitTopology(
  nodes: ReadonlyMap<string, TopologyNode>,
  stores: ReadonlyMap<string, StoreBuilder>,
): SubTopology[] {
  const groups = new Map<string, TopologyNode[]>()
  const rootOf = uniteNodes(nodes)
  for (const name of nodes.keys()) groups.set(rootOf(name), [])
  for (const node of inTopologicalOrder(nodes)) groups.get(rootOf(node.name))!.push(node)
  assert(
    [...groups.values()].every((group) => group.some((node) => node.kind === 'source')),
    'T1: every node has a source above it',
  )
  return [...groups.values()].map((group, id) => makeSubTopology(id, group, stores))
}

function makeSubTopology(id: number, nodes: TopologyNode[], stores: ReadonlyMap<string, StoreBuilder>): SubTopology {
  const used = new Set(nodes.flatMap((node) => (node.kind === 'processor' ? node.stores : [])))
  return Object.freeze({
    id,
    nodes: Object.freeze(nodes),
    stores: Object.freeze([...stores.values()].filter((store) => used.has(store.name))),
    sourceTopics: Object.freeze(nodes.flatMap((node) => (node.kind === 'source' ? node.topics : []))),
  })
}

/** Unites nodes along edges and stores; answers which node stands for the group of a node. */
function uniteNodes(nodes: ReadonlyMap<string, TopologyNode>): (name: string) => string {
  const above = new Map<string, string>()
  const rootOf = (name: string): string => {
    let root = name
    for (let next = above.get(root); next !== undefined; next = above.get(root)) root = next
    if (root !== name) above.set(name, root)
    return root
  }
  const unite = (left: string, right: string): void => {
    const [leftRoot, rightRoot] = [rootOf(left), rootOf(right)]
    if (leftRoot !== rightRoot) above.set(leftRoot, rightRoot)
  }
  const userOf = new Map<string, string>()
  for (const node of nodes.values()) {
    for (const parent of node.parents) unite(node.name, parent)
    if (node.kind !== 'processor') continue
    for (const store of node.stores) {
      const user = userOf.get(store)
      if (user === undefined) userOf.set(store, node.name)
      else unite(node.name, user)
    }
  }
  return rootOf
}

/** T3. The nodes form no cycle: the builder has checked. */
function inTopologicalOrder(nodes: ReadonlyMap<string, TopologyNode>): TopologyNode[] {
  const ordered = new Set<TopologyNode>()
  const visit = (node: TopologyNode): void => {
    if (ordered.has(node)) return
    for (const parent of node.parents) visit(nodes.get(parent)!)
    ordered.add(node)
  }
  for (const node of nodes.values()) visit(node)
  return [...ordered]
}
