import { expect } from 'chai'
import { StreamError } from '../../src/base/errors.ts'
import { resolvePartitions } from '../../src/topology/copartition.ts'
import { TopologyBuilder } from '../../src/topology/topology-builder.ts'
import { passing, plain } from './plan-parts.ts'

/** source → sink of a repartition topic → source of it */
function repartition(
  builder: TopologyBuilder,
  from: string,
  name: string,
  partitions: number | null = null,
): TopologyBuilder {
  return builder
    .addRepartitionTopic({ name, partitions })
    .addSink(`${name}-sink`, { topic: name, ...plain }, [from])
    .addSource(`${name}-source`, { topics: [name], ...plain })
}

function sources(...topics: string[]): TopologyBuilder {
  const builder = new TopologyBuilder()
  for (const topic of topics) builder.addSource(topic.toLowerCase(), { topics: [topic], ...plain })
  return builder
}

function resolve(builder: TopologyBuilder, counts: { [topic: string]: number }): { [topic: string]: number } {
  return Object.fromEntries(resolvePartitions(builder.build(), new Map(Object.entries(counts))))
}

function refused(
  act: () => unknown,
  code: 'TOPICS_NOT_COPARTITIONED' | 'TOPIC_MISSING' | 'TOPOLOGY_INVALID',
  ...words: string[]
): void {
  expect(act)
    .to.throw()
    .that.satisfies((error: unknown) => {
      expect(StreamError.is(error, code), String(error)).to.equal(true)
      for (const word of words) expect((error as Error).message).to.include(word)
      return true
    })
}

describe('resolvePartitions', () => {
  it('gives a repartition topic the largest count of what flows into it', () => {
    const builder = sources('A', 'B').addProcessor('merge', passing, ['a', 'b'])
    expect(resolve(repartition(builder, 'merge', 'r'), { A: 2, B: 5 })).to.deep.equal({ r: 5 })
  })

  it('gives it the count it was told, and hands that on to the next', () => {
    const builder = repartition(repartition(sources('A'), 'a', 'r', 7), 'r-source', 'q')
    expect(resolve(builder, { A: 2 })).to.deep.equal({ r: 7, q: 7 })
  })

  it('finds counts along a chain that was drawn back to front', () => {
    const builder = new TopologyBuilder()
      .addRepartitionTopic({ name: 'q', partitions: null })
      .addRepartitionTopic({ name: 'r', partitions: null })
      .addSource('q-source', { topics: ['q'], ...plain })
      .addSource('r-source', { topics: ['r'], ...plain })
      .addSink('q-sink', { topic: 'q', ...plain }, ['r-source'])
      .addSource('a', { topics: ['A'], ...plain })
      .addSink('r-sink', { topic: 'r', ...plain }, ['a'])
    expect(resolve(builder, { A: 3 })).to.deep.equal({ r: 3, q: 3 })
  })

  it('gives a repartition topic the count of the topic it is joined with', () => {
    const builder = repartition(sources('A', 'B'), 'a', 'r').copartition('join', ['r-source', 'b'])
    expect(resolve(builder, { A: 9, B: 2 })).to.deep.equal({ r: 2 })
  })

  it('gives repartition topics that are joined the largest count, or the one that was told', () => {
    const draw = (told: number | null): TopologyBuilder =>
      repartition(repartition(sources('A', 'B'), 'a', 'r', told), 'b', 'q').copartition('join', [
        'r-source',
        'q-source',
      ])
    expect(resolve(draw(null), { A: 2, B: 5 })).to.deep.equal({ r: 5, q: 5 })
    expect(resolve(draw(3), { A: 2, B: 5 })).to.deep.equal({ r: 3, q: 3 })
  })

  it('refuses to join topics with different counts, naming node, topics, counts and remedy', () => {
    const builder = sources('A', 'B').copartition('KSTREAM-JOIN-0000000004', ['a', 'b'])
    refused(
      () => resolve(builder, { A: 2, B: 3 }),
      'TOPICS_NOT_COPARTITIONED',
      "'KSTREAM-JOIN-0000000004'",
      "'A' has 2",
      "'B' has 3",
      'repartition()',
    )
    expect(resolve(builder, { A: 3, B: 3 })).to.deep.equal({})
  })

  it('refuses a repartition topic whose told count is not that of its partner', () => {
    const builder = repartition(sources('A', 'B'), 'a', 'r', 4).copartition('join', ['r-source', 'b'])
    refused(() => resolve(builder, { A: 4, B: 2 }), 'TOPICS_NOT_COPARTITIONED', "'join'", "'r' has 4", "'B' has 2")
  })

  it('refuses two told counts of a fold that differ', () => {
    const builder = repartition(repartition(sources('A', 'B'), 'a', 'r', 4), 'b', 'q', 2)
    refused(
      () => resolve(builder.copartition('fold', ['r-source', 'q-source'], 'fold'), { A: 1, B: 1 }),
      'TOPICS_NOT_COPARTITIONED',
      "'fold'",
      "'r' has 4",
      "'q' has 2",
    )
  })

  it('takes groups that share a repartition topic as one, in whatever order they were drawn', () => {
    const draw = (groups: readonly (readonly string[])[], counts: { [topic: string]: number }): unknown => {
      let builder = sources('A', 'B')
      for (const [from, name] of [
        ['a', 'r'],
        ['b', 'q'],
      ] as const) {
        builder = repartition(builder, from, name)
      }
      for (const [at, group] of groups.entries()) builder.copartition(`step-${at}`, group)
      return resolve(builder, counts)
    }
    const [shared, withA, withB] = [
      ['r-source', 'q-source'],
      ['q-source', 'a'],
      ['r-source', 'b'],
    ]
    expect(draw([shared, withA], { A: 2, B: 5 })).to.deep.equal({ r: 2, q: 2 })
    expect(draw([withA, shared], { A: 2, B: 5 })).to.deep.equal({ r: 2, q: 2 })
    const counts = { A: 2, B: 5 }
    refused(() => draw([withA, withB, shared], counts), 'TOPICS_NOT_COPARTITIONED', "'step-0', 'step-1', 'step-2'")
  })

  it('refuses topics that are not there, naming the node that wants them and the remedy', () => {
    const builder = sources('A').addSink('out', { topic: 'O', ...plain }, ['a'])
    refused(() => resolve(builder, { O: 1 }), 'TOPIC_MISSING', "'a' reads", "'A'", 'create it', 'partitions')
    refused(() => resolve(builder, { A: 1 }), 'TOPIC_MISSING', "'out' writes", "'O'")
  })

  it('refuses a repartition topic that nothing flows into', () => {
    const builder = new TopologyBuilder()
      .addRepartitionTopic({ name: 'r', partitions: null })
      .addSource('in', { topics: ['r'], ...plain })
    refused(() => resolve(builder, {}), 'TOPOLOGY_INVALID', "'r'", "'in'")
  })
})

describe('TopologyBuilder', () => {
  const told = (left: number | null, right: number | null): TopologyBuilder =>
    repartition(repartition(sources('A', 'B'), 'a', 'r', left), 'b', 'q', right)

  it('refuses a join of repartition topics with told counts that differ, naming node, topics, counts and remedy', () => {
    for (const kinds of [[], ['join']] as const) {
      refused(
        () =>
          told(4, 2)
            .copartition('meeting', ['r-source', 'q-source'], ...kinds)
            .build(),
        'TOPICS_NOT_COPARTITIONED',
        "the join 'meeting'",
        "'r' is given 4, 'q' is given 2",
        'give equal numbers',
      )
    }
  })

  it('refuses it of one source that reads both', () => {
    const builder = sources('A')
      .addRepartitionTopic({ name: 'r', partitions: 4 })
      .addRepartitionTopic({ name: 'q', partitions: 2 })
      .addSource('both', { topics: ['r', 'q'], ...plain })
      .copartition('meeting', ['both'])
    refused(() => builder.build(), 'TOPICS_NOT_COPARTITIONED', "'r' is given 4, 'q' is given 2")
  })

  it('builds a join whose counts are equal, or not all told', () => {
    const both = ['r-source', 'q-source']
    expect(told(4, 4).copartition('meeting', both).build().copartitionGroups).to.deep.equal([
      { node: 'meeting', kind: 'join', sources: both },
    ])
    told(4, null).copartition('meeting', both).build()
    told(4, 2).copartition('meeting', ['r-source', 'b']).build()
    told(4, 2)
      .copartition('meeting', [...both, 'b'])
      .build()
  })

  it('builds a fold of whatever counts: they are compared when all are known', () => {
    const { copartitionGroups } = told(4, 2).copartition('fold', ['r-source', 'q-source'], 'fold').build()
    expect(copartitionGroups[0]).to.include({ node: 'fold', kind: 'fold' })
  })
})
