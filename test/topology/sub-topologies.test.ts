import { expect } from 'chai'
import fc from 'fast-check'
import { json, string } from '../../src/serdes/index.ts'
import type { Topology } from '../../src/topology/topology.ts'
import { TopologyBuilder } from '../../src/topology/topology-builder.ts'
import { anyStore, passing, plain } from './plan-parts.ts'

/** A random plan: per node its parents (numbers of earlier nodes; none: a source) and its stores. */
const plans = fc.array(
  fc.record({
    parents: fc.uniqueArray(fc.nat(20), { maxLength: 3 }),
    stores: fc.uniqueArray(fc.nat(4), { maxLength: 2 }),
  }),
  { minLength: 1, maxLength: 20 },
)

function draw(plan: readonly { parents: number[]; stores: number[] }[]): Topology {
  const builder = new TopologyBuilder()
  for (let store = 0; store <= 4; store++) builder.addStore(anyStore(`s${store}`))
  for (const [index, { parents, stores }] of plan.entries()) {
    const above = [...new Set(parents.filter((parent) => parent < index).map((parent) => `n${parent}`))]
    if (above.length === 0) builder.addSource(`n${index}`, { topics: [`t${index}`], ...plain })
    else builder.addProcessor(`n${index}`, passing, above, { stores: stores.map((store) => `s${store}`) })
  }
  return builder.build()
}

/** The naive answer: spread the smallest number along edges and shared stores until nothing changes. */
function groupsOf({ nodes }: Topology): Map<string, string> {
  const names = [...nodes.keys()]
  const group = new Map(names.map((name) => [name, name]))
  const linked = (left: string, right: string): boolean => {
    const [a, b] = [nodes.get(left)!, nodes.get(right)!]
    if (a.parents.includes(right) || b.parents.includes(left)) return true
    return a.kind === 'processor' && b.kind === 'processor' && a.stores.some((store) => b.stores.includes(store))
  }
  for (let changed = true; changed; ) {
    changed = false
    for (const left of names) {
      for (const right of names) {
        const first = group.get(left)!
        if (!linked(left, right) || names.indexOf(first) >= names.indexOf(group.get(right)!)) continue
        group.set(right, first)
        changed = true
      }
    }
  }
  return group
}

describe('sub-topologies', () => {
  it('hold what edges and stores connect, and nothing else, numbered by their first nodes', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const topology = draw(plan)
        const group = groupsOf(topology)
        const firsts = [...new Set(group.values())]
        for (const { id, nodes } of topology.subTopologies) {
          for (const node of nodes) expect(firsts.indexOf(group.get(node.name)!)).to.equal(id)
        }
        expect(topology.subTopologies).to.have.length(firsts.length)
        expect(topology.subTopologies.flatMap((sub) => sub.nodes)).to.have.length(topology.nodes.size)
      }),
    )
  })

  it('have every node after its parents', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        for (const { nodes } of draw(plan).subTopologies) {
          const seen = new Set<string>()
          for (const node of nodes) {
            for (const parent of node.parents) expect(seen.has(parent)).to.equal(true)
            seen.add(node.name)
          }
        }
      }),
    )
  })

  it('have the stores and topics of their nodes', () => {
    const topology = new TopologyBuilder()
      .addStore(anyStore('s'))
      .addSource('a', { topics: ['A', 'R'], ...plain })
      .addSource('b', { topics: ['B'], ...plain })
      .addSource('c', { topics: ['C'], ...plain })
      .addProcessor('left', passing, ['a'], { stores: ['s'] })
      .addProcessor('right', passing, ['c'], { stores: ['s'] })
      .build()
    expect(topology.subTopologies.map(({ sourceTopics }) => sourceTopics)).to.deep.equal([['A', 'R', 'C'], ['B']])
    expect(topology.subTopologies.map(({ stores }) => stores.map((store) => store.name))).to.deep.equal([['s'], []])
  })
})

describe('fingerprint', () => {
  const plan = (change: 'none' | 'order' | 'store' | 'edge' | 'serde'): string => {
    const builder = new TopologyBuilder()
    if (change === 'order') builder.addSource('b', { topics: ['B'], ...plain })
    builder.addSource('a', { topics: ['A'], ...plain })
    if (change !== 'order') builder.addSource('b', { topics: ['B'], ...plain })
    builder.addStore(anyStore('s', change === 'store' ? 'other' : 'same'))
    builder.addProcessor('work', passing, change === 'edge' ? ['a'] : ['a', 'b'], { stores: ['s'] })
    const valueSerde = change === 'serde' ? json() : string
    return builder.addSink('out', { topic: 'O', keySerde: plain.keySerde, valueSerde }, ['work']).build().fingerprint
  }

  it('is the same for the same plan, in whatever order it is drawn', () => {
    expect(plan('none')).to.equal(plan('order'))
  })

  it('differs when a store, an edge or a serde does', () => {
    expect(new Set([plan('none'), plan('store'), plan('edge'), plan('serde')]).size).to.equal(4)
  })
})
