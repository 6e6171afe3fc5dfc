import type { Clock } from '../base/clock.ts'
import { nameOf, type TopicPartition } from '../client/topic-partition.ts'
import type { Cluster } from './cluster.ts'
import type { TopicPlan } from './topic-plan.ts'

const lookMs = 50

/** Wakes whoever waits for the next commit of this instance. */
export class CommitBell {
  readonly #waiting = new Set<() => void>()

  ring(): void {
    for (const wake of [...this.#waiting]) wake()
  }

  /** Resolves at the next commit, or after `timeoutMs`: others may have committed. */
  wait(clock: Clock, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel()
        this.#waiting.delete(done)
        resolve()
      }
      const timer = clock.timer(timeoutMs, done, true)
      this.#waiting.add(done)
    })
  }
}

/**
 * Waits until everything that is in the input topics now is processed and committed, and so is everything it led to in the
 * application's own topics: once through the inputs for each sub-topology, since no path is longer.
 */
export async function drain(
  plan: TopicPlan,
  cluster: Cluster,
  clock: Clock,
  bell: CommitBell,
  signal: AbortSignal,
): Promise<void> {
  const partitions = inputPartitions(plan)
  for (let round = 0; round < plan.topology.subTopologies.length && !signal.aborted; round++) {
    const targets = await cluster.endOffsets(partitions)
    const starts = await cluster.startOffsets(partitions)
    for (const [name, start] of starts) if (targets.get(name) === start) targets.delete(name)
    while (targets.size > 0 && !signal.aborted) {
      const committed = await cluster.committedOffsets(plan.applicationId)
      for (const [name, target] of targets) if ((committed.get(name) ?? -1) >= target) targets.delete(name)
      if (targets.size > 0) await bell.wait(clock, lookMs)
    }
  }
}

function inputPartitions(plan: TopicPlan): TopicPartition[] {
  const found = new Map<string, TopicPartition>()
  for (const task of plan.taskIds) {
    for (const { topic, partition } of plan.inputsOf(task))
      found.set(nameOf({ topic, partition }), { topic, partition })
  }
  return [...found.values()]
}
