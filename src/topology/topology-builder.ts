/**
 * Draws a topology node by node: Kafka Streams' `Topology` class. The DSL draws with it too.
 *
 * A node may name parents and stores that are added later; `build` looks at the whole. What is wrong is TOPOLOGY_INVALID, or
 * for a join TOPICS_NOT_COPARTITIONED; the message names the node and what to do about it.
 */
import { StreamError } from '../base/errors.ts'
import type { Serde } from '../base/serde.ts'
import type { ErrorPolicies } from '../processor/error-policy.ts'
import type { ProcessorSupplier } from '../processor/processor.ts'
import type { StoreBuilder } from '../processor/store-builder.ts'
import type { TimestampExtractor } from '../processor/timestamp-extractor.ts'
import { refuseUnequalJoins } from './copartition.ts'
import { refuseCycles } from './cycles.ts'
import { describeTopology } from './describe.ts'
import { fingerprintOf } from './fingerprint.ts'
import { checkName } from './naming.ts'
import type { CopartitionGroup, DeclaredTopic, RepartitionTopic, SinkPartitioner, TopologyNode } from './node.ts'
import {
  checkConnection,
  checkCopartition,
  checkDeclaration,
  checkParents,
  checkProcessor,
  checkRepartitionTopic,
  checkSink,
  checkSource,
  checkStore,
  freshEachTime,
} from './option-checks.ts'
import { splitTopology } from './sub-topologies.ts'
import type { Topology } from './topology.ts'

export interface SourceOptions<K, V> {
  /** At least one. A repartition topic stands here by its plain name. */
  readonly topics: readonly (string | DeclaredTopic)[]
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<V>
  /** Default: the record's own timestamp. */
  readonly timestampExtractor?: TimestampExtractor | null
  /** Where to begin without a committed offset. Default: 'earliest'. */
  readonly autoOffsetReset?: 'earliest' | 'latest' | null
  /** Overrides those of the application. */
  readonly onError?: ErrorPolicies
}

export interface ProcessorOptions {
  /** Names of stores it uses, over those its supplier brings. */
  readonly stores?: readonly string[]
  /** Overrides those of the application. */
  readonly onError?: ErrorPolicies
}

export interface SinkOptions<K, V> {
  readonly topic: string | DeclaredTopic
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<V>
  /** Default: by the key's bytes. */
  readonly partitioner?: SinkPartitioner | null
  /** The topic is read by a source above this sink, and that is meant: records go round. Default: false, and such a cycle is refused. */
  readonly feedback?: boolean
  /** Overrides those of the application. */
  readonly onError?: ErrorPolicies
}

type NodeDraft = TopologyNode extends infer N ? (N extends TopologyNode ? Omit<N, 'children'> : never) : never

const noParents: readonly string[] = Object.freeze([])
const noPolicies: ErrorPolicies = Object.freeze({})

export class TopologyBuilder {
  readonly #nodes = new Map<string, NodeDraft>()
  readonly #stores = new Map<string, StoreBuilder>()
  /** Names of stores by the processor that uses them. */
  readonly #used = new Map<string, Set<string>>()
  readonly #declaredTopics = new Map<string, DeclaredTopic>()
  readonly #repartitionTopics = new Map<string, RepartitionTopic>()
  readonly #copartitionGroups: CopartitionGroup[] = []
  readonly #sourceOfTopic = new Map<string, string>()
  readonly #feedbackSinks = new Set<string>()

  /** A node that reads topics. A topic has one source; several steps may start from it. */
  addSource<K, V>(name: string, options: SourceOptions<K, V>): this {
    this.#checkNewNode(name)
    checkSource(name, options)
    if (options.topics.length === 0) throw invalid(`the source '${name}' has no topics; give it at least one`)
    const topics = options.topics.map((topic) => this.#declare(name, topic))
    for (const topic of topics) {
      const other = this.#sourceOfTopic.get(topic)
      if (other === name) throw invalid(`the source '${name}' names the topic '${topic}' twice; name it once`)
      if (other !== undefined) {
        throw invalid(
          `the topic '${topic}' of the source '${name}' is read by the source '${other}'; start both steps from one source`,
        )
      }
      this.#sourceOfTopic.set(topic, name)
    }
    this.#nodes.set(name, {
      kind: 'source',
      name,
      parents: noParents,
      topics: Object.freeze(topics),
      keySerde: options.keySerde,
      valueSerde: options.valueSerde,
      timestampExtractor: options.timestampExtractor ?? null,
      autoOffsetReset: options.autoOffsetReset ?? null,
      onError: options.onError ?? noPolicies,
    })
    return this
  }

  /** A node that works on the records of its parents. Stores that the supplier brings are added and connected. */
  addProcessor<KIn, VIn, KOut, VOut>(
    name: string,
    supplier: ProcessorSupplier<KIn, VIn, KOut, VOut>,
    parents: readonly string[],
    options: ProcessorOptions = {},
  ): this {
    this.#checkNewNode(name)
    checkProcessor(name, supplier, options)
    checkParents('processor', name, parents)
    this.#nodes.set(name, {
      kind: 'processor',
      name,
      parents: Object.freeze([...parents]),
      supplier: freshEachTime(name, supplier),
      stores: noParents,
      onError: options.onError ?? noPolicies,
    })
    for (const store of options.stores ?? []) this.connectStore(store, [name])
    for (const store of supplier.stores ?? []) this.addStore(store, [name])
    return this
  }

  /** A node that writes the records of its parents to a topic. */
  addSink<K, V>(name: string, options: SinkOptions<K, V>, parents: readonly string[]): this {
    this.#checkNewNode(name)
    checkSink(name, options)
    checkParents('sink', name, parents)
    if (options.feedback === true) this.#feedbackSinks.add(name)
    this.#nodes.set(name, {
      kind: 'sink',
      name,
      parents: Object.freeze([...parents]),
      topic: this.#declare(name, options.topic),
      keySerde: options.keySerde,
      valueSerde: options.valueSerde,
      partitioner: options.partitioner ?? null,
      onError: options.onError ?? noPolicies,
    })
    return this
  }

  /** A store, and the processors that use it. The same builder may be added again; another of the same name may not. */
  addStore(builder: StoreBuilder, processors: readonly string[] = []): this {
    checkStore('addStore', builder)
    checkName('store', builder.name)
    const other = this.#stores.get(builder.name)
    if (other !== undefined && other !== builder) {
      throw invalid(
        `there are two stores named '${builder.name}'; give one of them another name, or add the same builder twice to share it`,
      )
    }
    this.#stores.set(builder.name, builder)
    return this.connectStore(builder.name, processors)
  }

  /** Lets processors use a store: they will run in one task. */
  connectStore(storeName: string, processors: readonly string[]): this {
    checkName('store', storeName)
    checkConnection(storeName, processors)
    for (const processor of processors) {
      const used = this.#used.get(processor)
      if (used === undefined) this.#used.set(processor, new Set([storeName]))
      else used.add(storeName)
    }
    return this
  }

  /** A topic that the topology makes for itself; sinks and sources name it as they name any other. */
  addRepartitionTopic(topic: RepartitionTopic): this {
    checkRepartitionTopic(topic)
    checkName('topic', topic.name)
    if (this.#repartitionTopics.has(topic.name)) {
      throw invalid(
        `there are two repartition topics named '${topic.name}'; name one of the steps that make them differently`,
      )
    }
    this.#repartitionTopics.set(topic.name, Object.freeze({ ...topic }))
    return this
  }

  /**
   * The sources whose topics must have equally many partitions, because `node` brings their records together: to join them, or
   * to fold them. Unequal numbers are refused at start (TOPICS_NOT_COPARTITIONED); where a join has only repartition topics, and
   * all were given a number, by `build`. Default: a join.
   */
  copartition(node: string, sources: readonly string[], kind: CopartitionGroup['kind'] = 'join'): this {
    checkName('node', node)
    checkCopartition(node, sources, kind)
    this.#copartitionGroups.push(Object.freeze({ node, kind, sources: Object.freeze([...sources]) }))
    return this
  }

  /** The finished plan. The builder may be drawn on further; what was built does not change. */
  build(): Topology {
    this.#checkReferences()
    const nodes = this.#finishNodes()
    const stores = new Map(this.#stores)
    const repartitionTopics = new Map(this.#repartitionTopics)
    const copartitionGroups = Object.freeze([...this.#copartitionGroups])
    refuseUnequalJoins(copartitionGroups, nodes, repartitionTopics)
    refuseCycles(nodes, repartitionTopics, this.#feedbackSinks)
    const subTopologies = Object.freeze(splitTopology(nodes, stores))
    return Object.freeze({
      nodes,
      stores,
      subTopologies,
      declaredTopics: new Map(this.#declaredTopics),
      repartitionTopics,
      copartitionGroups,
      describe: () => describeTopology(subTopologies),
      fingerprint: fingerprintOf(nodes, stores, repartitionTopics),
    })
  }

  #checkNewNode(name: string): void {
    checkName('node', name)
    if (this.#nodes.has(name)) throw invalid(`there are two nodes named '${name}'; give one of them another name`)
  }

  #declare(node: string, topic: string | DeclaredTopic): string {
    if (typeof topic !== 'string') checkDeclaration(node, topic)
    const name = typeof topic === 'string' ? topic : topic.name
    checkName('topic', name)
    if (typeof topic !== 'string')
      this.#declaredTopics.set(name, mergeDeclarations(this.#declaredTopics.get(name), topic))
    return name
  }

  #checkReferences(): void {
    for (const node of this.#nodes.values()) {
      for (const parent of node.parents) {
        const found = this.#nodes.get(parent)
        if (found === undefined)
          throw invalid(
            `the node '${node.name}' has the parent '${parent}', which there is not; add it, or name another`,
          )
        if (found.kind === 'sink')
          throw invalid(`the node '${node.name}' has the sink '${parent}' as parent; a sink is an end, name another`)
      }
    }
    for (const [processor, stores] of this.#used) {
      const kind = this.#nodes.get(processor)?.kind
      for (const store of stores) {
        if (kind === undefined)
          throw invalid(`the store '${store}' is connected to '${processor}', which there is not; add that processor`)
        if (kind !== 'processor')
          throw invalid(`the store '${store}' is connected to the ${kind} '${processor}'; connect it to a processor`)
        if (!this.#stores.has(store))
          throw invalid(
            `the processor '${processor}' uses the store '${store}', which there is not; add it with addStore`,
          )
      }
    }
    for (const { node, sources } of this.#copartitionGroups) {
      for (const source of sources) {
        if (this.#nodes.get(source)?.kind !== 'source')
          throw invalid(`'${node}' wants '${source}' co-partitioned, which is no source; name sources`)
      }
    }
  }

  #finishNodes(): Map<string, TopologyNode> {
    const children = new Map<string, string[]>()
    for (const name of this.#nodes.keys()) children.set(name, [])
    for (const node of this.#nodes.values()) {
      for (const parent of node.parents) children.get(parent)!.push(node.name)
    }
    const finished = new Map<string, TopologyNode>()
    for (const draft of this.#nodes.values()) {
      const node = { ...draft, children: Object.freeze(children.get(draft.name)!) }
      if (node.kind === 'processor') node.stores = Object.freeze([...(this.#used.get(node.name) ?? [])].sort())
      finished.set(node.name, Object.freeze(node))
    }
    return finished
  }
}

function invalid(message: string): StreamError {
  return new StreamError('TOPOLOGY_INVALID', message)
}

/** One topic may be declared at several places; what they say must not differ. */
export function mergeDeclarations(before: DeclaredTopic | undefined, topic: DeclaredTopic): DeclaredTopic {
  if (before === undefined)
    return Object.freeze({ name: topic.name, partitions: topic.partitions, configs: topic.configs })
  if (before.partitions !== null && topic.partitions !== null && before.partitions !== topic.partitions) {
    throw invalid(
      `the topic '${topic.name}' is declared with ${before.partitions} and with ${topic.partitions} partitions; declare it once`,
    )
  }
  for (const [config, value] of Object.entries(topic.configs)) {
    const earlier = before.configs[config]
    if (earlier !== undefined && earlier !== value) {
      throw invalid(`the topic '${topic.name}' is declared with ${config} ${earlier} and ${value}; declare it once`)
    }
  }
  const configs = Object.freeze({ ...before.configs, ...topic.configs })
  return Object.freeze({ name: topic.name, partitions: before.partitions ?? topic.partitions, configs })
}
