import type { Record } from '../../processor/record.ts'

/** A compiled node: what a record is handed to. Children are called directly, in the order they were connected. */
export interface TaskNode {
  readonly name: string
  process(record: Record<unknown, unknown>): void
}

/** Where records of a source enter: hands them to its children. */
class SourceTaskNode implements TaskNode {
  readonly name: string
  readonly #children: readonly TaskNode[]

  constructor(name: string, children: readonly TaskNode[]) {
    this.name = name
    this.#children = children
  }

  process(record: Record<unknown, unknown>): void {
    const children = this.#children
    for (let index = 0; index < children.length; index++) children[index]!.process(record)
  }
}

/** The source's only child, called without a stop in between. */
export function entryOf(name: string, children: readonly TaskNode[]): TaskNode {
  return children.length === 1 ? children[0]! : new SourceTaskNode(name, children)
}
