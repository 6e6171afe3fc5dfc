/**
 * What a plan decides late, by looking at all its steps in the order they were drawn, as Kafka Streams does while they are drawn:
 *
 *  - a table that was not named is kept in its store if a join reads it;
 *  - a filter of a table asks the table for old values, where that has them at that moment;
 *  - two streams of the same topics share one source, and must say the same of it;
 *  - a repartition with a left join behind it lets null keys through.
 */
import { StreamError } from '../../src/base/errors.ts'
import type { ErrorPolicies, ErrorPolicy } from '../../src/processor/error-policy.ts'
import type { DeclaredTopic } from '../../src/topology/node.ts'
import { checkDeclaration } from '../../src/topology/option-checks.ts'
import { mergeDeclarations } from '../../src/topology/topology-builder.ts'
import type { PlanNode, RepartitionNode, StreamSourceNode, TableNode, TableSourceNode } from './node.ts'
import type { Plan } from './plan.ts'

export class Wiring {
  readonly #kept = new Set<TableSourceNode>()
  readonly #oldValues = new Set<TableNode>()
  readonly #sharedSources = new Map<PlanNode, StreamSourceNode>()
  /** What all that share a source declare of its topics. */
  readonly #topics = new Map<StreamSourceNode, readonly DeclaredTopic[]>()
  readonly #nullKeys = new Set<RepartitionNode>()

  constructor(plan: Plan) {
    const sources = new Map<string, StreamSourceNode>()
    for (const node of new Set(plan.attached)) {
      if (node.kind === 'tableSource' && node.kept) this.#kept.add(node)
      else if (node.kind === 'tableStep' && node.filters && this.#askForOldValues(node.table)) this.#oldValues.add(node)
      else if (node.kind === 'streamSource') this.#shareSource(node, sources)
      else if (node.kind === 'join') {
        const base = storeOwnerOf(node.table)
        if (base.kind === 'tableSource') this.#kept.add(base)
        if (node.acceptsNullKeys) this.#letNullKeysThrough(node)
      }
    }
  }

  isKept(table: TableSourceNode): boolean {
    return this.#kept.has(table)
  }

  tellsOldValues(table: TableNode): boolean {
    return this.#oldValues.has(table)
  }

  acceptsNullKeys(repartition: RepartitionNode): boolean {
    return this.#nullKeys.has(repartition)
  }

  /** The node that stands for this one in the topology. */
  standIn(node: PlanNode): PlanNode {
    return this.#sharedSources.get(node) ?? node
  }

  /** Those for which another one stands, in the order they were drawn. */
  replacedAmong(nodes: readonly PlanNode[]): PlanNode[] {
    return [...this.#sharedSources.keys()].filter((node) => nodes.includes(node))
  }

  /** The topics of a source, with what those say of them that it stands in for. */
  topicsOf(source: StreamSourceNode): readonly DeclaredTopic[] {
    return this.#topics.get(source) ?? source.topics
  }

  /** Can this table tell old values? If so it will. */
  #askForOldValues(table: TableNode): boolean {
    if (this.#oldValues.has(table)) return true
    if (table.kind === 'tableSource' && !this.#kept.has(table)) return false
    if (table.kind === 'tableStep' && table.store === null && !this.#askForOldValues(table.table)) return false
    this.#oldValues.add(table)
    return true
  }

  #shareSource(node: StreamSourceNode, sources: Map<string, StreamSourceNode>): void {
    const topics = JSON.stringify(node.topics.map((topic) => topic.name).sort())
    const first = sources.get(topics)
    if (first === undefined) {
      sources.set(topics, node)
      return
    }
    const same =
      first.keySerde.name === node.keySerde.name &&
      first.valueSerde.name === node.valueSerde.name &&
      first.timestamp === node.timestamp &&
      policyKinds.every((kind) => isSamePolicy(first.onError[kind], node.onError[kind]))
    if (!same) {
      throw new StreamError(
        'TOPOLOGY_INVALID',
        `the sources '${first.name}' and '${node.name}' read ${topics} with other serdes, timestamps or onError; read it once and branch from there`,
      )
    }
    for (const topic of [...first.topics, ...node.topics]) checkDeclaration(node.name, topic)
    const told = new Map(node.topics.map((topic) => [topic.name, topic]))
    const merged = this.topicsOf(first).map((topic) => mergeDeclarations(topic, told.get(topic.name)!))
    this.#topics.set(first, merged)
    this.#sharedSources.set(node, first)
  }

  /** Upwards from a left join: all repartitions above it, also those that its records never come through directly. */
  #letNullKeysThrough(node: PlanNode): void {
    for (const parent of node.parents) {
      if (parent.kind === 'repartition') this.#nullKeys.add(parent)
      this.#letNullKeysThrough(parent)
    }
  }
}

const policyKinds = ['deserialize', 'process', 'produce'] as const satisfies (keyof ErrorPolicies)[]

function isSamePolicy(left: ErrorPolicy | undefined, right: ErrorPolicy | undefined): boolean {
  if (left === right) return true
  return typeof left === 'object' && typeof right === 'object' && left?.deadLetter === right?.deadLetter
}

/** The table in whose store the rows of this one are looked up. */
function storeOwnerOf(table: TableNode): TableNode {
  return table.kind === 'tableStep' && table.store === null ? storeOwnerOf(table.table) : table
}
