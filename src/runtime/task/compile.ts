import { assert } from '../../base/assert.ts'
import type { SourceNode, TopologyNode } from '../../topology/node.ts'
import { AsyncProcessorTaskNode } from './async-node.ts'
import type { RecordCollector } from './collector.ts'
import type { NodeHost } from './node-host.ts'
import { ProcessorTaskNode } from './processor-node.ts'
import { SinkTaskNode } from './sink-node.ts'
import { entryOf, type TaskNode } from './task-node.ts'

interface CompiledSource {
  readonly plan: SourceNode
  readonly entry: TaskNode
}

/** The nodes of a task, wired. `processors` are in topological order. */
export interface CompiledNodes {
  readonly sources: ReadonlyMap<string, CompiledSource>
  readonly processors: readonly ProcessorTaskNode[]
  /** Some node may return promises. */
  readonly isAsync: boolean
}

/** Makes a task's nodes from the plan's, parents before children, with fresh processors from their suppliers. */
export function compileNodes(
  plans: readonly TopologyNode[],
  host: NodeHost,
  collector: RecordCollector,
): CompiledNodes {
  const made = new Map<string, TaskNode>()
  const processors: ProcessorTaskNode[] = []
  for (const plan of plans) {
    if (plan.kind === 'sink') made.set(plan.name, new SinkTaskNode(plan, collector, host.failures))
    if (plan.kind !== 'processor') continue
    const isAsync = plan.supplier.async === true
    const node = isAsync ? new AsyncProcessorTaskNode(plan, host) : new ProcessorTaskNode(plan, host)
    processors.push(node)
    made.set(plan.name, node)
  }
  const childrenOf = (plan: TopologyNode): TaskNode[] =>
    plan.children.map((name) => {
      const child = made.get(name)
      assert(child !== undefined, 'a child is a processor or a sink of the same task')
      return child
    })
  const sources = new Map<string, CompiledSource>()
  for (const plan of plans) {
    const node = made.get(plan.name)
    if (plan.kind === 'source')
      sources.set(plan.name, { plan, entry: entryOf(plan.name, childrenOf(plan), host.order) })
    else if (node instanceof ProcessorTaskNode) node.connect(childrenOf(plan))
  }
  const isAsync = processors.some((node) => node instanceof AsyncProcessorTaskNode)
  return { sources, processors, isAsync }
}
