import { TopologyBuilder } from '../../src/topology/topology-builder.ts'
import { anyStore, passing, plain } from './plan-parts.ts'

interface ParsedNode {
  readonly kind: string
  readonly name: string
  readonly list: readonly string[]
  readonly parents: string[]
}

/**
 * Draws the graph that a description shows again and describes it. The text does not say in which order nodes were defined
 * and parents connected, so several orders are tried; gives all their descriptions. Null for what the builder has not (patterns, global stores, …).
 */
export function describeAgain(lines: readonly string[]): Set<string> | null {
  if (lines.some((line) => /global|topics: [^[]|extractor class/i.test(line))) return null
  const groups = parse(lines)
  const joints = groups.flat().filter((node) => node.parents.length > 1)
  const found = new Set<string>()
  for (let choice = 0; choice < 2 ** Math.min(joints.length, 5); choice++) {
    for (const [index, { parents }] of joints.entries()) {
      const direction = ((choice >> index) & 1) === 0 ? 1 : -1
      parents.sort((left, right) => direction * (numberIn(left) - numberIn(right)))
    }
    const byNumber = groups.map((group) => group.toSorted((left, right) => numberIn(left.name) - numberIn(right.name)))
    for (const order of [byNumber, groups]) found.add(draw(order.flat()).build().describe())
  }
  return found
}

function numberIn(name: string): number {
  return Number(/\d{10}/.exec(name)?.[0] ?? 0)
}

function parse(lines: readonly string[]): ParsedNode[][] {
  const groups: ParsedNode[][] = []
  for (const line of lines) {
    if (/^ +Sub-topology: \d+$/.test(line)) groups.push([])
    const head = /^ +(Source|Processor|Sink): (\S+) \((?:topics: \[(.*)\]|stores: \[(.*)\]|topic: (.*))\)$/.exec(line)
    if (head !== null) {
      const list = (head[3] ?? head[4] ?? head[5] ?? '').split(', ').filter((item) => item !== '')
      groups.at(-1)!.push({ kind: head[1]!, name: head[2]!, list, parents: [] })
    }
    const parents = /^ +<-- (.*)$/.exec(line)
    if (parents !== null && parents[1] !== 'none')
      groups
        .at(-1)!
        .at(-1)!
        .parents.push(...parents[1]!.split(', '))
  }
  return groups
}

function draw(nodes: readonly ParsedNode[]): TopologyBuilder {
  const builder = new TopologyBuilder()
  const stores = new Set<string>()
  for (const { kind, name, list, parents } of nodes) {
    if (kind === 'Source') builder.addSource(name, { topics: list, ...plain })
    else if (kind === 'Sink') builder.addSink(name, { topic: list[0]!, ...plain }, parents)
    else builder.addProcessor(name, passing, parents, { stores: list })
    if (kind === 'Processor') for (const store of list) stores.add(store)
  }
  for (const store of stores) builder.addStore(anyStore(store))
  return builder
}
