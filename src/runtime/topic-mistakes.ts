/**
 * Uses of topics that are wrong, and only show when the application's id and its error policies are known.
 */
import { StreamError } from '../base/errors.ts'
import type { ErrorPolicies } from '../processor/error-policy.ts'
import { nextOf } from '../topology/cycles.ts'
import type { TopologyNode } from '../topology/node.ts'
import type { Topology } from '../topology/topology.ts'
import { changelogTopicName, repartitionTopicName } from './topic-plan.ts'

/** TOPOLOGY_INVALID, naming node and topic. */
export function refuseTopicMistakes(topology: Topology, applicationId: string, onError: ErrorPolicies): void {
  refuseOwnTopics(topology, applicationId)
  refuseDeadLetterLoops(topology, onError)
}

/** What the application keeps for itself is written by nobody else, and read through the step it belongs to; a changelog may be read. */
function refuseOwnTopics(topology: Topology, applicationId: string): void {
  const repartition = new Set([...topology.repartitionTopics.keys()].map((n) => repartitionTopicName(applicationId, n)))
  const changelogs = new Set<string>()
  for (const { name, changelog } of topology.stores.values()) {
    if (changelog !== null) changelogs.add(changelogTopicName(applicationId, name))
  }
  for (const node of topology.nodes.values()) {
    const topics = node.kind === 'source' ? node.topics : node.kind === 'sink' ? [node.topic] : []
    const taken = topics.find((topic) => repartition.has(topic) || (node.kind === 'sink' && changelogs.has(topic)))
    if (taken === undefined) continue
    const use = node.kind === 'source' ? 'reads' : 'writes to'
    throw new StreamError(
      'TOPOLOGY_INVALID',
      `${node.name} ${use} '${taken}', which the application '${applicationId}' keeps for itself; use another topic`,
    )
  }
}

/** Dead letters that come back to the step that could not take them would go round for ever. */
function refuseDeadLetterLoops(topology: Topology, onError: ErrorPolicies): void {
  for (const node of topology.nodes.values()) {
    const kind = node.kind === 'source' ? 'deserialize' : node.kind === 'sink' ? 'produce' : 'process'
    const policy = node.onError[kind] ?? onError[kind]
    if (typeof policy !== 'object') continue
    const { deadLetter } = policy
    for (const source of topology.nodes.values()) {
      if (source.kind !== 'source' || !source.topics.includes(deadLetter) || !leadsTo(topology, source, node)) continue
      throw new StreamError(
        'TOPOLOGY_INVALID',
        `the dead letters of ${node.name} go to '${deadLetter}', which ${source.name} reads and leads back to it: they would go round ` +
          `for ever; send them to another topic, or give ${node.name} another policy: onError: { ${kind}: … }`,
      )
    }
  }
}

/** Along the edges, and through repartition topics; a sink that writes elsewhere and leads back is meant to (cycles.ts). */
function leadsTo({ nodes, repartitionTopics }: Topology, from: TopologyNode, to: TopologyNode): boolean {
  const leavingSinks = new Set(nodes.keys())
  const seen = new Set<TopologyNode>([from])
  for (const node of seen) {
    if (node === to) return true
    for (const next of nextOf(node, nodes, repartitionTopics, leavingSinks)) seen.add(next)
  }
  return false
}
