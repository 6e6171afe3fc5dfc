import { assert } from '../base/assert.ts'
import { StreamError } from '../base/errors.ts'
import type { SubTopology } from '../topology/node.ts'
import type { Topology } from '../topology/topology.ts'
import type { TaskId } from './task/task-id.ts'

/** One partition a task reads, and the source node that reads it. */
export interface PlannedInput {
  readonly topic: string
  readonly partition: number
  readonly source: string
}

export function repartitionTopicName(applicationId: string, plainName: string): string {
  return `${applicationId}-${plainName}`
}

export function changelogTopicName(applicationId: string, storeName: string): string {
  return `${applicationId}-${storeName}-changelog`
}

/**
 * Where a topology meets topics: real names, partition counts, and from these the tasks. The same on every instance.
 *
 * Laws
 *  O1  a sub-topology has as many tasks as the largest of its source topics has partitions
 *  O2  task p reads partition p of each source topic that has one
 */
export class TopicPlan {
  readonly topology: Topology
  readonly applicationId: string
  readonly taskIds: readonly TaskId[]
  /** By real name, of topics that are written: the largest batch each takes. */
  readonly messageBytesMax = new Map<string, number>()
  readonly #counts: ReadonlyMap<string, number>

  /** `counts`: partitions by real name, of all topics that are read or written. */
  constructor(topology: Topology, applicationId: string, counts: ReadonlyMap<string, number>) {
    this.topology = topology
    this.applicationId = applicationId
    this.#counts = counts
    this.taskIds = topology.subTopologies.flatMap((subTopology) =>
      Array.from({ length: this.taskCount(subTopology) }, (_, partition) => ({
        subTopology: subTopology.id,
        partition,
      })),
    )
  }

  realName(plainName: string): string {
    const internal = this.topology.repartitionTopics.has(plainName)
    return internal ? repartitionTopicName(this.applicationId, plainName) : plainName
  }

  /** TOPIC_MISSING when it was not there at the start. */
  partitionsOf(realName: string): number {
    const count = this.#counts.get(realName)
    if (count !== undefined) return count
    throw new StreamError('TOPIC_MISSING', `the topic ${realName} does not exist; create it and start again`)
  }

  /** The changelog of a store; null: it has none. */
  changelogOf(storeName: string): string | null {
    const builder = this.topology.stores.get(storeName)
    assert(builder !== undefined, 'a store of the topology')
    return builder.changelog === null ? null : changelogTopicName(this.applicationId, storeName)
  }

  subTopology(id: number): SubTopology {
    const found = this.topology.subTopologies[id]
    assert(found !== undefined && found.id === id, 'sub-topologies are numbered in order')
    return found
  }

  /** O1. */
  taskCount(subTopology: SubTopology): number {
    return Math.max(...subTopology.sourceTopics.map((name) => this.partitionsOf(this.realName(name))))
  }

  /** O2. */
  inputsOf(task: TaskId): PlannedInput[] {
    const inputs: PlannedInput[] = []
    for (const node of this.subTopology(task.subTopology).nodes) {
      if (node.kind !== 'source') continue
      for (const name of node.topics) {
        const topic = this.realName(name)
        if (task.partition < this.partitionsOf(topic))
          inputs.push({ topic, partition: task.partition, source: node.name })
      }
    }
    return inputs
  }

  /** All topics that are read, by real name. */
  get sourceTopics(): string[] {
    const names = this.topology.subTopologies.flatMap(({ sourceTopics }) => sourceTopics)
    return [...new Set(names.map((name) => this.realName(name)))]
  }

  isRepartitionTopic(realName: string): boolean {
    for (const name of this.topology.repartitionTopics.keys()) if (this.realName(name) === realName) return true
    return false
  }
}
