import type { Record } from '../../processor/record.ts'
import type { SinkNode } from '../../topology/node.ts'
import type { RecordCollector, SinkWriter } from './collector.ts'
import type { FailureHandler } from './failures.ts'
import type { TaskNode } from './task-node.ts'

/** The end of a path: a record goes to its topic. What cannot be written goes where `onError.produce` says. */
export class SinkTaskNode implements TaskNode {
  readonly name: string
  readonly #node: SinkNode
  readonly #writer: SinkWriter
  readonly #failures: FailureHandler

  constructor(node: SinkNode, collector: RecordCollector, failures: FailureHandler) {
    this.name = node.name
    this.#node = node
    this.#writer = collector.sink(node)
    this.#failures = failures
  }

  process(record: Record<unknown, unknown>): void {
    try {
      this.#writer.send(record)
    } catch (error) {
      this.#failures.handle('produce', this.name, this.#node.onError, error, record)
    }
  }
}
