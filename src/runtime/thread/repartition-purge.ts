import { nameOf, type TopicPartition } from '../../client/topic-partition.ts'
import type { ActiveTask } from '../active-task.ts'
import type { ThreadServices } from './services.ts'

/**
 * Removes from repartition topics what is done with.
 *
 * Law
 *  U1  only below offsets whose transaction is known committed
 */
export class RepartitionPurge {
  readonly #services: ThreadServices
  /** By `topic-partition`: below it everything is removed. */
  readonly #purgedTo = new Map<string, number>()
  #lastMs: number
  #running: Promise<void> | null = null

  constructor(services: ThreadServices) {
    this.#services = services
    this.#lastMs = services.config.machine.clock.monotonic()
  }

  /** Resolves when no purge is under way. */
  get ended(): Promise<void> {
    return this.#running ?? Promise.resolve()
  }

  /** Called after each commit; works in the background, once an interval. */
  maybe(tasks: readonly ActiveTask[]): void {
    const { config, plan, cluster, events } = this.#services
    const nowMs = config.machine.clock.monotonic()
    if (this.#running !== null || nowMs - this.#lastMs < config.repartitionPurgeIntervalMs) return
    this.#lastMs = nowMs
    const offsets: (TopicPartition & { readonly offset: number })[] = []
    for (const active of tasks) {
      for (const { topic, partition } of active.task.group.queues) {
        const offset = active.committedOffset({ topic, partition })
        if (!plan.isRepartitionTopic(topic) || offset === null) continue
        if (offset > (this.#purgedTo.get(nameOf({ topic, partition })) ?? 0)) offsets.push({ topic, partition, offset })
      }
    }
    if (offsets.length === 0) return
    this.#running = cluster
      .deleteRecords(offsets)
      .then(
        () => {
          for (const each of offsets) this.#purgedTo.set(nameOf(each), each.offset)
        },
        (error: unknown) => events.warning(`repartition topics were not purged: ${String(error)}`),
      )
      .finally(() => {
        this.#running = null
      })
  }
}
