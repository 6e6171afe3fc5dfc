import { expect } from 'chai'
import { StreamsBuilder, topic, tumbling } from '../../dsl/index.ts'
import { int64, string } from '../../src/serdes/index.ts'
import type { ProcessorNode, SinkNode, SourceNode } from '../../src/topology/node.ts'
import type { Topology } from '../../src/topology/topology.ts'
import { memory, stores } from '../../state-stores/index.ts'

const texts = (name: string) => topic(name, { key: string, value: string })
const sink = texts('O')

function processorOf(topology: Topology, name: string): ProcessorNode {
  const node = topology.nodes.get(name)
  if (node?.kind !== 'processor') throw new Error(`no processor ${name} in ${topology.describe()}`)
  return node
}

describe('A plan', () => {
  it('leaves a stream as it was when it is drawn on', () => {
    const builder = new StreamsBuilder()
    const stream = builder.stream(texts('S'))
    stream.filter(() => true).to(texts('A'))
    stream.mapValues((value) => value.length)
    stream.to(texts('B'))
    const { nodes } = builder.build()
    expect(nodes.get('KSTREAM-SINK-0000000004')?.parents).to.deep.equal(['KSTREAM-SOURCE-0000000000'])
    expect(nodes.get('KSTREAM-SOURCE-0000000000')?.children).to.deep.equal([
      'KSTREAM-FILTER-0000000001',
      'KSTREAM-MAPVALUES-0000000003',
      'KSTREAM-SINK-0000000004',
    ])
  })

  it('can be drawn on after it was built, which changes nothing that was built', () => {
    const builder = new StreamsBuilder()
    const stream = builder.stream(texts('S'))
    stream.to(texts('A'))
    const before = builder.build()
    stream.to(texts('B'))
    expect(before.nodes.size).to.equal(2)
    expect(builder.build().nodes.size).to.equal(3)
  })

  it('puts together what streams of one source declare of its topics', () => {
    const builder = new StreamsBuilder()
    const declared = (options: { partitions?: number; configs?: { [name: string]: string } }) =>
      topic('S', { key: string, value: string, ...options })
    const onError = () => ({ process: 'skip', deserialize: { deadLetter: 'dead' } }) as const
    builder.stream(declared({ configs: { 'retention.ms': '1' } }), { onError: onError() }).foreach(() => {})
    builder.stream(declared({ partitions: 3 }), { onError: onError() }).foreach(() => {})
    builder.stream(declared({ configs: { 'segment.ms': '2' } }), { onError: onError() }).foreach(() => {})
    const topology = builder.build()
    expect([...topology.nodes.keys()].filter((name) => name.includes('SOURCE'))).to.have.lengthOf(1)
    expect(topology.declaredTopics.get('S')).to.deep.equal({
      name: 'S',
      partitions: 3,
      configs: { 'retention.ms': '1', 'segment.ms': '2' },
    })
  })

  it('hands declared topics, sources’ timestamps and error policies on', () => {
    const builder = new StreamsBuilder()
    const timestamp = () => 7
    const input = topic('S', { key: string, value: string, partitions: 3, timestamp, configs: { 'retention.ms': '1' } })
    const onError = { process: 'skip', deserialize: { deadLetter: 'dead' } } as const
    const partitioner = (value: string, key: string, count: number) => (key + value).length % count
    builder
      .stream(input, { onError })
      .filter(() => true, { onError })
      .to(topic('O', { key: string, value: string, partitions: 2 }), { partitioner, onError: { produce: 'skip' } })
    const topology = builder.build()
    const source = topology.nodes.get('KSTREAM-SOURCE-0000000000') as SourceNode
    expect(source.timestampExtractor).to.equal(timestamp)
    expect(source.onError).to.equal(onError)
    expect(processorOf(topology, 'KSTREAM-FILTER-0000000001').onError).to.equal(onError)
    const end = topology.nodes.get('KSTREAM-SINK-0000000002') as SinkNode
    expect(end.partitioner?.('key', 'value!', 4, 'O')).to.equal(1)
    expect(end.onError).to.deep.equal({ produce: 'skip' })
    expect(topology.declaredTopics.get('S')).to.deep.include({ partitions: 3, configs: { 'retention.ms': '1' } })
    expect(topology.declaredTopics.get('O')).to.deep.include({ partitions: 2 })
  })

  it('wants the sources of a join co-partitioned, behind a repartition too', () => {
    const builder = new StreamsBuilder()
    const table = builder.table(texts('T'))
    const stream = builder.stream(texts('S'))
    stream.join(table, (left) => left, { name: 'direct', value: string }).to(texts('A'))
    stream
      .selectKey((value) => value, { key: string })
      .join(table, (left) => left, { name: 'moved' })
      .to(texts('B'))
    expect(builder.build().copartitionGroups).to.deep.equal([
      { node: 'direct', kind: 'join', sources: ['KSTREAM-SOURCE-0000000003', 'KSTREAM-SOURCE-0000000001'] },
      { node: 'moved', kind: 'join', sources: ['moved-repartition-source', 'KSTREAM-SOURCE-0000000001'] },
    ])
  })

  it('refuses a join of repartitions into different given numbers of partitions', () => {
    const draw = (left: number, right: number) => {
      const builder = new StreamsBuilder()
      const counts = builder.stream(texts('T')).repartition({ name: 'right', partitions: right }).groupByKey().count()
      const stream = builder.stream(texts('S')).repartition({ name: 'left', partitions: left })
      stream.join(counts, (value) => value, { name: 'meeting', value: string }).to(sink)
      return builder.build()
    }
    expect(() => draw(2, 3)).to.throw(
      /^TOPICS_NOT_COPARTITIONED: the join 'meeting' .*'left-repartition' is given 2, 'right-repartition' is given 3/,
    )
    expect(draw(3, 3).repartitionTopics.size).to.equal(2)
  })

  it('draws a fold of repartitions into different given numbers, which is refused at start', () => {
    const builder = new StreamsBuilder()
    const left = builder.stream(texts('S')).repartition({ name: 'left', partitions: 2 })
    left
      .merge(builder.stream(texts('T')).repartition({ name: 'right', partitions: 3 }))
      .groupByKey()
      .count()
    expect(builder.build().copartitionGroups[0]).to.deep.include({
      kind: 'fold',
      sources: ['left-repartition-source', 'right-repartition-source'],
    })
  })

  it('wants the sources of a fold co-partitioned, unless it reads behind a repartition', () => {
    const builder = new StreamsBuilder()
    const both = builder.stream([texts('S'), texts('T')])
    const merged = both.merge(builder.stream(texts('U')).repartition({ name: 'u' }))
    both.groupByKey().count({ name: 'counted' })
    merged
      .groupByKey()
      .windowedBy(tumbling(10))
      .reduce((left) => left, { name: 'windowed' })
    merged
      .groupBy((value) => value, { key: string })
      .aggregate(
        () => '',
        (all) => all,
        { name: 'moved', value: string },
      )
    const groups = builder.build().copartitionGroups
    expect(groups.map(({ node }) => node)).to.deep.equal(['counted', 'windowed', 'moved'])
    expect(groups.map(({ kind }) => kind)).to.deep.equal(['fold', 'fold', 'fold'])
    expect(groups[0]?.sources).to.deep.equal(['KSTREAM-SOURCE-0000000000'])
    expect(groups[1]?.sources).to.deep.equal(['KSTREAM-SOURCE-0000000000', 'u-repartition-source'])
    expect(groups[2]?.sources).to.have.lengthOf(1)
  })

  it('makes one repartition topic for unnamed joins of one stream, and one for each named', () => {
    const builder = new StreamsBuilder()
    const table = builder.table(texts('T'))
    const rekeyed = builder.stream(texts('S')).selectKey((value) => value, { key: string })
    rekeyed.join(table, (left) => left).to(texts('A'))
    rekeyed.join(table, (left) => left).to(texts('B'))
    rekeyed.join(table, (left) => left, { name: 'third' }).to(texts('C'))
    expect([...builder.build().repartitionTopics.keys()]).to.deep.equal([
      'KSTREAM-KEY-SELECT-0000000004-repartition',
      'third-repartition',
    ])
  })

  it('keeps an unnamed table in its store only where a join reads it', () => {
    const kept = (joins: boolean): string[] => {
      const builder = new StreamsBuilder()
      const table = builder.table(texts('T'))
      const longer = table.filter((value) => value.length > 1).mapValues((value) => value.toUpperCase())
      const stream = builder.stream(texts('S'))
      if (joins) stream.join(longer, (left, right) => left + right).to(sink)
      return [...builder.build().stores.keys()]
    }
    expect(kept(false)).to.deep.equal([])
    expect(kept(true)).to.deep.equal(['T-STATE-STORE-0000000000'])
  })

  it('gives stores the engine, changelog and retention that they were given', () => {
    const builder = new StreamsBuilder()
    const engine = memory()
    const grouped = builder.stream(texts('S')).groupByKey()
    grouped.count({ store: { name: 'plain', engine, changelog: { configs: { 'segment.ms': '9' } } } })
    grouped.windowedBy(tumbling(10, { graceMs: 5 })).count({ store: { name: 'default', changelog: false } })
    grouped.windowedBy(tumbling(10)).count({ store: { name: 'longer' }, retentionMs: 99 })
    const built = builder.build().stores
    expect(built.get('plain')).to.include({ engine, kind: 'timestampedKeyValue' })
    expect(built.get('plain')?.changelog).to.deep.equal({ configs: { 'segment.ms': '9' } })
    expect(built.get('default')).to.include({ changelog: null, retentionMs: 15, kind: 'timestampedWindow' })
    expect(built.get('longer')).to.include({ retentionMs: 99 })
  })

  it('knows its name and its table’s store by the handle', () => {
    const counts = new StreamsBuilder().stream(texts('S')).groupByKey().count({ store: 'counts' })
    expect(counts.storeName).to.equal('counts')
  })
})

describe('A wrong plan is refused', () => {
  const wrong: { readonly [what: string]: readonly [RegExp, (builder: StreamsBuilder) => void] } = {
    'a name used twice': [
      /two nodes named 'f'/,
      (builder) =>
        builder
          .stream(texts('S'))
          .filter(() => true, { name: 'f' })
          .filter(() => true, { name: 'f' })
          .to(sink),
    ],
    'a bad name': [/what a name/, (builder) => builder.stream(texts('S')).to(sink, { name: 'what a name' })],
    'a store named twice': [
      /two stores named 'c'/,
      (builder) => {
        const grouped = builder.stream(texts('S')).groupByKey()
        grouped.count({ store: 'c' })
        grouped.count({ store: 'c' })
      },
    ],
    'two tables of one topic': [
      /topic 'T'/,
      (builder) => {
        builder.table(texts('T'), { store: 'one' })
        builder.table(texts('T'), { store: 'two' })
      },
    ],
    'a stream and a table of one topic': [
      /topic 'T'/,
      (builder) => {
        builder.table(texts('T'))
        builder.stream(texts('T')).to(sink)
      },
    ],
    'topics that overlap but are not the same': [
      /topic 'A'/,
      (builder) => {
        builder.stream([texts('A'), texts('B')]).to(sink)
        builder.stream(texts('A')).to(sink)
      },
    ],
    'two sources of one topic with other serdes': [
      /'KSTREAM-SOURCE-0000000000' and 'KSTREAM-SOURCE-0000000002'/,
      (builder) => {
        builder.stream(texts('A')).to(sink)
        builder.stream(topic('A', { key: string, value: int64 })).foreach(() => {})
      },
    ],
    'two sources of one topic with other policies': [
      /'KSTREAM-SOURCE-0000000000' and 'KSTREAM-SOURCE-0000000002' .*onError/,
      (builder) => {
        builder.stream(texts('A'), { onError: { deserialize: { deadLetter: 'x' } } }).to(sink)
        builder.stream(texts('A'), { onError: { deserialize: { deadLetter: 'y' } } }).foreach(() => {})
      },
    ],
    'two sources of one topic with other numbers of partitions': [
      /'A' is declared with 2 and with 3 partitions/,
      (builder) => {
        builder.stream(topic('A', { key: string, value: string, partitions: 2 })).to(sink)
        builder.stream(texts('A')).foreach(() => {})
        builder.stream(topic('A', { key: string, value: string, partitions: 3 })).foreach(() => {})
      },
    ],
    'two sources of one topic with other configs': [
      /'B' is declared with retention.ms 1 and 2/,
      (builder) => {
        const kept = (ms: string) => topic('B', { key: string, value: string, configs: { 'retention.ms': ms } })
        builder.stream([texts('A'), kept('1')]).to(sink)
        builder.stream([kept('2'), texts('A')]).foreach(() => {})
      },
    ],
    'a stream of no topics': [/no topics/, (builder) => builder.stream([])],
    'topics of one stream with other timestamps': [
      /'A' and 'B'/,
      (builder) => builder.stream([texts('A'), topic('B', { key: string, value: string, timestamp: () => 1 })]),
    ],
    'a retention below size and grace': [
      /'w' keeps 14 ms/,
      (builder) =>
        builder
          .stream(texts('S'))
          .groupByKey()
          .windowedBy(tumbling(10, { graceMs: 5 }))
          .count({ store: 'w', retentionMs: 14 }),
    ],
    'a window of no time': [/windows of 0 ms/, () => tumbling(0)],
    'a grace below 0': [/grace of -1 ms/, () => tumbling(10, { graceMs: -1 })],
    'a topic with half a partition': [/0.5/, () => topic('T', { key: string, value: string, partitions: 0.5 })],
    'a cycle': [/cycle|round/, (builder) => builder.stream(texts('S')).to(texts('S'))],
    'a merge of two builders': [
      /merge brings two StreamsBuilders together/,
      (builder) => builder.stream(texts('S')).merge(new StreamsBuilder().stream(texts('S'))),
    ],
    'a join of two builders': [
      /leftJoin brings two StreamsBuilders together/,
      (builder) => builder.stream(texts('S')).leftJoin(new StreamsBuilder().table(texts('T')), (left) => left),
    ],
    'a store that is added after the step that uses it': [
      /the step 'KSTREAM-PROCESSOR-0000000001' uses the store 'later', which is not there when the step is added/,
      (builder) => {
        builder
          .stream(texts('S'))
          .process<string, string>(() => ({ process: () => undefined }), { stores: ['later'] })
          .to(sink)
        builder.addStore(stores.keyValue({ name: 'later', key: string, value: string }))
      },
    ],
    'a store that there is not': [
      /nowhere/,
      (builder) =>
        builder
          .stream(texts('S'))
          .process<string, string>(() => ({ process: () => undefined }), { stores: ['nowhere'] })
          .to(sink),
    ],
  }

  for (const [what, [message, draw]] of Object.entries(wrong)) {
    it(`for ${what}`, () => {
      const builder = new StreamsBuilder()
      const build = (): Topology => {
        draw(builder)
        return builder.build()
      }
      expect(build)
        .to.throw(/^TOPOLOGY_INVALID: /)
        .and.satisfy((error: Error) => message.test(error.message))
    })
  }

  it('but not for a cycle that is meant', () => {
    const builder = new StreamsBuilder()
    builder.stream(texts('S')).to(texts('S'), { feedback: true })
    expect(builder.build().nodes.size).to.equal(2)
  })

  it('for a supplier that gives one processor twice', () => {
    const builder = new StreamsBuilder()
    const one = { process: () => undefined }
    const shared = stores.keyValue({ name: 'shared', key: string, value: string })
    builder
      .stream(texts('S'))
      .process<string, string>(() => one, { stores: [shared] })
      .to(sink)
    const { supplier } = processorOf(builder.build(), 'KSTREAM-PROCESSOR-0000000001')
    supplier.get()
    expect(() => supplier.get()).to.throw(
      /TOPOLOGY_INVALID: the supplier of the processor '\S+' gave one processor twice/,
    )
  })
})
