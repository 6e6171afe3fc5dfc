import type { Clock } from '../../base/clock.ts'
import type { Cancellable, PunctuationType, Punctuator } from '../../processor/processor.ts'
import type { DropCounter } from './drops.ts'
import type { FailureHandler } from './failures.ts'
import type { TaskMoment } from './moment.ts'
import type { ProcessorTaskNode } from './processor-node.ts'
import type { TaskOrder } from './task-order.ts'

/** What a node asks of its task. */
export interface NodeHost {
  readonly applicationId: string
  readonly taskId: string
  readonly clock: Clock
  readonly moment: TaskMoment
  readonly failures: FailureHandler
  readonly drops: DropCounter
  readonly order: TaskOrder
  schedule(node: ProcessorTaskNode, intervalMs: number, type: PunctuationType, punctuator: Punctuator): Cancellable
  requestCommit(): void
}
