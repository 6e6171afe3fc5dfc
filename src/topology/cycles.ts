/**
 * A plan is a graph without cycles. A way round leads along edges, or out through a sink and in again by a source of the
 * same topic. The second is sometimes meant (a retry topic): the sink that says `feedback` is left out, unless the topic is
 * the topology's own.
 */
import { StreamError } from '../base/errors.ts'
import type { RepartitionTopic, SinkNode, TopologyNode } from './node.ts'

/** Throws TOPOLOGY_INVALID naming the nodes of a cycle, if there is one. */
export function refuseCycles(
  nodes: ReadonlyMap<string, TopologyNode>,
  repartitionTopics: ReadonlyMap<string, RepartitionTopic>,
  feedbackSinks: ReadonlySet<string>,
): void {
  const cycle = findCycle(nodes, (node) => nextOf(node, nodes, repartitionTopics, feedbackSinks))
  if (cycle === null) return
  const way = [...cycle, cycle[0]!].map((node) => node.name).join(' → ')
  // A repartition topic is the topology's own: the user can change nothing there.
  const sink = cycle.find((node): node is SinkNode => node.kind === 'sink' && !repartitionTopics.has(node.topic))
  throw new StreamError(
    'TOPOLOGY_INVALID',
    sink === undefined
      ? `the nodes ${way} form a cycle; take one of these edges out, a record would go round for ever`
      : `the nodes ${way} form a cycle through the topic '${sink.topic}'; write to another topic, ` +
          `or give the sink '${sink.name}' { feedback: true } if records are meant to come back`,
  )
}

/** Where a record of the node may go next. Sinks of `feedbackSinks` lead nowhere, unless into a repartition topic. */
export function nextOf(
  node: TopologyNode,
  nodes: ReadonlyMap<string, TopologyNode>,
  repartitionTopics: ReadonlyMap<string, RepartitionTopic>,
  feedbackSinks: ReadonlySet<string>,
): TopologyNode[] {
  if (node.kind !== 'sink') return node.children.map((child) => nodes.get(child)!)
  if (feedbackSinks.has(node.name) && !repartitionTopics.has(node.topic)) return []
  return [...nodes.values()].filter((other) => other.kind === 'source' && other.topics.includes(node.topic))
}

/** The nodes of some cycle, in its direction, beginning with the one defined first; null if there is none. */
function findCycle(
  nodes: ReadonlyMap<string, TopologyNode>,
  nextNodes: (node: TopologyNode) => TopologyNode[],
): TopologyNode[] | null {
  const done = new Set<TopologyNode>()
  const way: TopologyNode[] = []
  const visit = (node: TopologyNode): TopologyNode[] | null => {
    if (done.has(node)) return null
    const at = way.indexOf(node)
    if (at >= 0) return way.slice(at)
    way.push(node)
    for (const next of nextNodes(node)) {
      const cycle = visit(next)
      if (cycle !== null) return cycle
    }
    way.pop()
    done.add(node)
    return null
  }
  for (const node of nodes.values()) {
    const cycle = visit(node)
    if (cycle !== null) return cycle
  }
  return null
}
