import { expect } from 'chai'
import { StreamError } from '../../src/base/errors.ts'
import type { DeclaredTopic } from '../../src/topology/node.ts'
import { TopologyBuilder } from '../../src/topology/topology-builder.ts'
import { anyStore, passing, plain } from './plan-parts.ts'

function declared(name: string, partitions: number | null, configs: { [name: string]: string } = {}): DeclaredTopic {
  return { name, partitions, configs }
}

function withSource(): TopologyBuilder {
  return new TopologyBuilder().addSource('in', { topics: ['A'], ...plain })
}

/** Expects TOPOLOGY_INVALID, and in its message all these words. */
function refused(act: () => unknown, ...words: string[]): void {
  let thrown: unknown
  try {
    act()
  } catch (error) {
    thrown = error
  }
  expect(StreamError.is(thrown, 'TOPOLOGY_INVALID'), String(thrown)).to.equal(true)
  for (const word of words) expect((thrown as Error).message).to.include(word)
}

describe('TopologyBuilder', () => {
  it('gives frozen nodes with their parents and children in the order of definition', () => {
    const topology = withSource()
      .addProcessor('b', passing, ['in'])
      .addProcessor('a', passing, ['in', 'b'])
      .addSink('out', { topic: 'O', ...plain }, ['a'])
      .build()
    expect([...topology.nodes.keys()]).to.deep.equal(['in', 'b', 'a', 'out'])
    expect(topology.nodes.get('in')!.children).to.deep.equal(['b', 'a'])
    expect(topology.nodes.get('a')!.parents).to.deep.equal(['in', 'b'])
    expect(topology.nodes.get('out')!.children).to.deep.equal([])
    for (const node of topology.nodes.values()) expect(Object.isFrozen(node)).to.equal(true)
  })

  it('lets a node name a parent that is added later', () => {
    const topology = new TopologyBuilder()
      .addSink('out', { topic: 'O', ...plain }, ['work'])
      .addProcessor('work', passing, ['in'])
      .addSource('in', { topics: ['A'], ...plain })
      .build()
    expect(topology.subTopologies[0]!.nodes.map((node) => node.name)).to.deep.equal(['in', 'work', 'out'])
  })

  it('adds and connects the stores that a supplier brings, sorted by name', () => {
    const shared = anyStore('shared')
    const topology = withSource()
      .addStore(anyStore('z'))
      .addProcessor('one', { ...passing, stores: [shared] }, ['in'], { stores: ['z'] })
      .addProcessor('two', { ...passing, stores: [shared] }, ['in'])
      .build()
    const one = topology.nodes.get('one')!
    expect(one.kind === 'processor' && one.stores).to.deep.equal(['shared', 'z'])
    expect(topology.stores.get('shared')).to.equal(shared)
  })

  it('keeps a plan as it was built when it is drawn on', () => {
    const builder = withSource()
    const before = builder.build()
    builder.addProcessor('later', passing, ['in'])
    expect(before.nodes.get('in')!.children).to.deep.equal([])
    expect(before.nodes.has('later')).to.equal(false)
  })

  it('keeps a store without a user in the plan and in no sub-topology, as Kafka Streams does', () => {
    const topology = withSource().addStore(anyStore('idle')).build()
    expect(topology.stores.has('idle')).to.equal(true)
    expect(topology.subTopologies[0]!.stores).to.deep.equal([])
  })

  it('merges what several places declare of one topic', () => {
    const topology = new TopologyBuilder()
      .addSource('in', { topics: [declared('A', null, { 'cleanup.policy': 'compact' })], ...plain })
      .addSink('out', { topic: declared('O', 3), ...plain }, ['in'])
      .addSink('again', { topic: declared('O', null), ...plain }, ['in'])
      .build()
    expect(topology.declaredTopics.get('A')).to.deep.equal(declared('A', null, { 'cleanup.policy': 'compact' }))
    expect(topology.declaredTopics.get('O')).to.deep.equal(declared('O', 3))
  })
})

describe('TopologyBuilder refuses', () => {
  it('two nodes of one name', () => {
    refused(() => withSource().addProcessor('in', passing, ['in']), "two nodes named 'in'", 'another name')
  })

  it('a parent that there is not', () => {
    refused(() => withSource().addProcessor('work', passing, ['inn']).build(), "'work'", "'inn'", 'add it')
  })

  it('a sink as parent', () => {
    const builder = withSource().addSink('out', { topic: 'O', ...plain }, ['in'])
    refused(() => builder.addProcessor('work', passing, ['out']).build(), "'work'", "sink 'out'")
  })

  it('a node without parents, or with one twice', () => {
    refused(() => withSource().addProcessor('work', passing, []), "'work'", 'no parent')
    refused(() => withSource().addSink('out', { topic: 'O', ...plain }, ['in', 'in']), "'out'", 'twice')
  })

  it('a cycle of processors, naming the way round', () => {
    const builder = withSource()
      .addProcessor('first', passing, ['in', 'third'])
      .addProcessor('second', passing, ['first'])
      .addProcessor('third', passing, ['second'])
    refused(() => builder.build(), 'first → second → third → first', 'cycle', 'take one of these edges out')
  })

  it('a node that is its own parent', () => {
    refused(() => withSource().addProcessor('self', passing, ['self']).build(), 'self → self', 'cycle')
  })

  it('a topic that flows back into its own source, unless the sink says that it is meant', () => {
    const draw = (feedback: boolean): TopologyBuilder =>
      withSource()
        .addProcessor('work', passing, ['in'])
        .addSink('again', { topic: 'A', ...plain, feedback }, ['work'])
    refused(() => draw(false).build(), 'in → work → again → in', "topic 'A'", 'feedback: true')
    expect(draw(true).build().nodes.size).to.equal(3)
  })

  it('a cycle through two topics', () => {
    const builder = withSource()
      .addSink('to-b', { topic: 'B', ...plain }, ['in'])
      .addSource('from-b', { topics: ['B'], ...plain })
      .addSink('to-a', { topic: 'A', ...plain }, ['from-b'])
    refused(() => builder.build(), 'in → to-b → from-b → to-a → in')
  })

  it('a cycle through a repartition topic in any case', () => {
    const builder = new TopologyBuilder()
      .addRepartitionTopic({ name: 'r', partitions: 1 })
      .addSource('in', { topics: ['r'], ...plain })
      .addSink('out', { topic: 'r', ...plain, feedback: true }, ['in'])
    refused(() => builder.build(), 'in → out → in', 'take one of these edges out')
  })

  it('a cycle through a repartition topic and one that the user can change, naming that one', () => {
    const builder = withSource()
      .addRepartitionTopic({ name: 'r', partitions: 1 })
      .addSink('to-r', { topic: 'r', ...plain }, ['in'])
      .addSource('from-r', { topics: ['r'], ...plain })
      .addSink('to-a', { topic: 'A', ...plain }, ['from-r'])
    refused(() => builder.build(), 'in → to-r → from-r → to-a → in', "give the sink 'to-a' { feedback: true }")
  })

  it('no topic between two sub-topologies: that is no cycle', () => {
    const topology = withSource()
      .addSink('to-b', { topic: 'B', ...plain }, ['in'])
      .addSource('from-b', { topics: ['B'], ...plain })
      .build()
    expect(topology.subTopologies).to.have.length(2)
  })

  it('a topic that two sources read, or one twice', () => {
    refused(() => withSource().addSource('other', { topics: ['A'], ...plain }), "'A'", "'other'", "'in'", 'one source')
    refused(() => new TopologyBuilder().addSource('in', { topics: ['A', 'A'], ...plain }), "'A'", 'twice')
  })

  it('a source without topics', () => {
    refused(() => new TopologyBuilder().addSource('in', { topics: [], ...plain }), "'in'", 'at least one')
  })

  it('two stores of one name', () => {
    refused(() => withSource().addStore(anyStore('s')).addStore(anyStore('s')), "two stores named 's'")
  })

  it('a store that there is not', () => {
    refused(
      () =>
        withSource()
          .addProcessor('work', passing, ['in'], { stores: ['s'] })
          .build(),
      "'work'",
      "'s'",
      'addStore',
    )
  })

  it('a store connected to what is no processor', () => {
    refused(() => withSource().addStore(anyStore('s'), ['nobody']).build(), "'s'", "'nobody'")
    refused(() => withSource().addStore(anyStore('s'), ['in']).build(), "'s'", "source 'in'")
  })

  it('two repartition topics of one name, and a count that is none', () => {
    const builder = withSource().addRepartitionTopic({ name: 'r', partitions: null })
    refused(() => builder.addRepartitionTopic({ name: 'r', partitions: 2 }), "'r'")
    refused(
      () => builder.addRepartitionTopic({ name: 'q', partitions: 0 }),
      "partitions of the repartition topic 'q' is 0",
    )
  })

  it('declarations of one topic that differ', () => {
    const builder = new TopologyBuilder().addSource('in', { topics: [declared('A', 2, { x: '1' })], ...plain })
    const sink = (topic: DeclaredTopic) => () => builder.addSink('out', { topic, ...plain }, ['in'])
    refused(sink(declared('A', 3)), "'A'", '2 and with 3')
    refused(sink(declared('A', 2, { x: '2' })), "'A'", 'x 1 and 2')
    refused(sink(declared('B', 1.5)), "'B'", '1.5')
  })

  it('co-partitioning of what is no source', () => {
    refused(() => withSource().copartition('join', ['in', 'nothing']).build(), "'join'", "'nothing'")
  })

  it('names that could not be part of a topic name', () => {
    for (const name of ['', '.', '..', 'a b', 'a/b', 'ä', 'x'.repeat(250)]) {
      refused(() => withSource().addProcessor(name, passing, ['in']), 'node name')
      refused(() => withSource().addStore(anyStore(name)), 'store name')
      refused(() => withSource().addSink('out', { topic: name, ...plain }, ['in']), 'topic name')
    }
    expect(() => withSource().addProcessor('x'.repeat(249), passing, ['in'])).to.not.throw()
    expect(() => withSource().addProcessor('A-z_0.9', passing, ['in'])).to.not.throw()
  })
})
