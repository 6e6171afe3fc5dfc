import type { Record } from '../../processor/record.ts'
import type { TaskOrder } from './task-order.ts'

/** A compiled node: what a record is handed to. Children are called directly, in the order they were connected. */
export interface TaskNode {
  readonly name: string
  process(record: Record<unknown, unknown>): void
}

/** To a child, or to those that wait while an async node is at work. */
export function handOver(order: TaskOrder, child: TaskNode, record: Record<unknown, unknown>): void {
  if (order.free) child.process(record)
  else order.hold(child, record)
}

/** Where records of a source enter: hands them to its children. */
class SourceTaskNode implements TaskNode {
  readonly name: string
  readonly #children: readonly TaskNode[]
  readonly #order: TaskOrder

  constructor(name: string, children: readonly TaskNode[], order: TaskOrder) {
    this.name = name
    this.#children = children
    this.#order = order
  }

  process(record: Record<unknown, unknown>): void {
    const children = this.#children
    for (let index = 0; index < children.length; index++) handOver(this.#order, children[index]!, record)
  }
}

/** The source's only child, called without a stop in between. */
export function entryOf(name: string, children: readonly TaskNode[], order: TaskOrder): TaskNode {
  return children.length === 1 ? children[0]! : new SourceTaskNode(name, children, order)
}
