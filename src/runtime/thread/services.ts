import type { Connection } from '../../client/index.ts'
import type { Cluster } from '../cluster.ts'
import type { ResolvedConfig } from '../config.ts'
import type { MetricRegistry } from '../metrics.ts'
import type { RestoreProgress } from '../restore.ts'
import type { StateDirectory } from '../state-dir.ts'
import type { DroppedRecord } from '../task/drops.ts'
import type { TopicPlan } from '../topic-plan.ts'

/** What an instance gives its thread. */
export interface ThreadServices {
  readonly config: ResolvedConfig
  readonly plan: TopicPlan
  readonly cluster: Cluster
  readonly stateDirectory: StateDirectory
  readonly metrics: MetricRegistry
  /** A connection for one client; who asks closes it. */
  connect(clientId: string): Connection
  readonly events: ThreadEvents
}

export interface ThreadEvents {
  /** Assigned tasks all run. */
  running(): void
  /** Tasks are being revoked, restored, or made anew. */
  rebalancing(): void
  /** Committed offsets or state of an earlier run were found. */
  resumed(): void
  restore(progress: RestoreProgress): void
  dropped(record: DroppedRecord): void
  /** Something went wrong and was handled: what, for the log. */
  warning(message: string): void
  /** A commit is done, and visible to queries. */
  committed(): void
}
