import type { Clock } from '../../base/clock.ts'
import type { Cancellable, PunctuationType, Punctuator } from '../../processor/processor.ts'
import type { DropCounter } from './drops.ts'
import type { FailureHandler } from './failures.ts'
import type { TaskMoment } from './moment.ts'
import type { ProcessorTaskNode } from './processor-node.ts'

/** What a node asks of its task. */
export interface NodeHost {
  readonly applicationId: string
  readonly taskId: string
  readonly clock: Clock
  readonly moment: TaskMoment
  readonly failures: FailureHandler
  readonly drops: DropCounter
  /** No async node has anything left to do. */
  readonly isIdle: boolean
  schedule(node: ProcessorTaskNode, intervalMs: number, type: PunctuationType, punctuator: Punctuator): Cancellable
  requestCommit(): void
}
