/** What callers without types get wrong when they draw node by node: TOPOLOGY_INVALID that names the node and the remedy. */
import { expect } from 'chai'
import { StreamError } from '../../src/base/errors.ts'
import type { Processor } from '../../src/processor/processor.ts'
import { string } from '../../src/serdes/index.ts'
import { TopologyBuilder } from '../../src/topology/topology-builder.ts'
import { anyStore, passing, plain } from './plan-parts.ts'

/** The compiler is left out. */
// biome-ignore lint/suspicious/noExplicitAny: these tests are written as plain JavaScript would be
type Loose = any

const builder = (): Loose => new TopologyBuilder().addSource('in', { topics: ['A'], ...plain })
const source = (options?: unknown): unknown => new (TopologyBuilder as Loose)().addSource('s', options)
const sink = (options?: unknown): unknown => builder().addSink('o', options, ['in'])
const processor = (supplier?: unknown, options?: unknown): unknown =>
  builder().addProcessor('p', supplier, ['in'], options)
const store = (parts: object): unknown => builder().addStore({ ...anyStore('st'), ...parts })

const refusals: readonly (readonly [string, () => unknown, RegExp])[] = [
  ['a node without a name', () => builder().addSource(), /node name undefined is not a string/],
  ['a symbol as a name', () => builder().addProcessor(Symbol('p'), passing, ['in']), /node name Symbol\(p\) is not/],
  [
    'a source without options',
    () => source(),
    /option of the source 's' cannot be read from undefined; give an object/,
  ],
  ['a source without topics', () => source(plain), /the source 's' has no topics; give a list of topics/],
  ['topics that are no list', () => source({ topics: 'x', ...plain }), /topics of the source 's' is 'x'; give a list/],
  ['a topic that is none', () => source({ topics: [5], ...plain }), /'s' was given 5 as a topic; give its name, or/],
  ['a symbol as a topic', () => source({ topics: [{ name: Symbol('t') }], ...plain }), /'s' was given .*as a topic/],
  [
    'partitions that are no number',
    () => source({ topics: [{ name: 't', partitions: '2', configs: {} }], ...plain }),
    /partitions of the topic 't' is '2'; give a whole number from 1 on/,
  ],
  [
    'configs that are no texts',
    () => source({ topics: [{ name: 't', partitions: null, configs: { 'retention.ms': -1 } }], ...plain }),
    /configs of the topic 't' is { 'retention.ms': -1 }; give a text as retention.ms: '-1'/,
  ],
  [
    'a declaration without configs',
    () => source({ topics: [{ name: 't', partitions: 2 }], ...plain }),
    /the topic 't' has no configs; give an object of configs/,
  ],
  [
    'a source without a serde',
    () => source({ topics: ['t'], keySerde: string }),
    /'s' has no valueSerde; give a serde/,
  ],
  [
    'a serde that is none',
    () => source({ topics: ['t'], ...plain, keySerde: 'string' }),
    /keySerde of the source 's' is 'string'; give a serde/,
  ],
  [
    'a misspelt option of a source',
    () => source({ topics: ['t'], ...plain, autoOfsetReset: 'latest' }),
    /the source 's' named 'autoOfsetReset'; there are: topics, keySerde/,
  ],
  [
    'an autoOffsetReset that is none',
    () => source({ topics: ['t'], ...plain, autoOffsetReset: 'newest' }),
    /autoOffsetReset of the source 's' is 'newest'; give 'earliest' or 'latest'/,
  ],
  [
    'an extractor that is none',
    () => source({ topics: ['t'], ...plain, timestampExtractor: 'eventTime' }),
    /timestampExtractor of the source 's' is 'eventTime'; give a function/,
  ],
  ['a processor without a supplier', () => processor(), /'p' was given undefined; give it a supplier/],
  ['a function instead of a supplier', () => processor(() => ({})), /'p' was given \[Function.*; give it a supplier/],
  ['one processor for all tasks', () => processor({ process() {} }), /'p' was given one processor for all tasks; give/],
  [
    'a supplier that supplies nothing',
    () => processor({}),
    /supplier of the processor 'p' has no get; give a function/,
  ],
  ['a get that is none', () => processor({ get: 5 }), /get of the supplier of the processor 'p' is 5; give a function/],
  [
    'stores of a supplier that are none',
    () => processor({ ...passing, stores: 'st' }),
    /stores of the supplier .*list/,
  ],
  [
    'a store of a supplier that is none',
    () => processor({ ...passing, stores: ['st'] }),
    /'p' was given 'st'; .*builder/,
  ],
  [
    'an async that is none',
    () => processor({ ...passing, async: 'yes' }),
    /async of the supplier .*; give true or false/,
  ],
  ['a misspelt option of a processor', () => processor(passing, { store: [] }), /'p' named 'store'; there are: stores/],
  [
    'stores that are no list',
    () => processor(passing, { stores: 'st' }),
    /stores of the processor 'p' is 'st'; give a/,
  ],
  ['a processor without parents', () => builder().addProcessor('p', passing), /'p' was given undefined as its parents/],
  [
    'one parent without a list',
    () => builder().addProcessor('p', passing, 'in'),
    /'p' was given 'in' as its parents; g/,
  ],
  [
    'a parent that is none',
    () => builder().addProcessor('p', passing, [null]),
    /'p' was given \[ null \] as its parents/,
  ],
  ['a sink without options', () => sink(), /option of the sink 'o' cannot be read from undefined/],
  ['a sink without a topic', () => sink(plain), /the sink 'o' has no topic; give/],
  ['a topic of a sink that is none', () => sink({ topic: 5, ...plain }), /'o' was given 5 as a topic; give its name/],
  [
    'a sink without a serde',
    () => sink({ topic: 'O', valueSerde: string }),
    /the sink 'o' has no keySerde; give a serde/,
  ],
  ['a misspelt option of a sink', () => sink({ topic: 'O', ...plain, fedback: true }), /the sink 'o' named 'fedback'/],
  [
    'a feedback that is none',
    () => sink({ topic: 'O', ...plain, feedback: 'yes' }),
    /feedback of the sink 'o' is 'yes'/,
  ],
  [
    'a partitioner that is none',
    () => sink({ topic: 'O', ...plain, partitioner: 1 }),
    /partitioner of the sink 'o' is 1/,
  ],
  [
    'a sink without parents',
    () => builder().addSink('o', { topic: 'O', ...plain }),
    /'o' was given undefined as its p/,
  ],
  ['a store without a builder', () => builder().addStore(), /addStore was given undefined; give it a builder: stores/],
  ['a store by its name', () => builder().addStore('st'), /addStore was given 'st'; give it a builder/],
  ['a store of no name', () => builder().addStore({}), /a store given to addStore has no name; give a text/],
  ['a store of no kind', () => store({ kind: 'map' }), /kind of the store 'st' is 'map'; give 'keyValue' or/],
  ['an engine that is none', () => store({ engine: 'memory' }), /engine of the store 'st' is 'memory'; give an engine/],
  ['a changelog that is none', () => store({ changelog: true }), /changelog of the store 'st' is true; give null or/],
  [
    'a changelog whose configs are no texts',
    () => store({ changelog: { configs: { 'segment.bytes': 5 } } }),
    /changelog of the store 'st' .*; give a text as segment.bytes: '5'/,
  ],
  ['a store that nobody can build', () => store({ build: undefined }), /the store 'st' has no build; give a function/],
  [
    'processors of a store that are no list',
    () => builder().addStore(anyStore('st'), 'p'),
    /'st' is connected to 'p'; g/,
  ],
  ['a connection of nothing', () => builder().connectStore(), /store name undefined is not a string/],
  [
    'a repartition topic that is none',
    () => builder().addRepartitionTopic('r'),
    /cannot be read from 'r'; give an obj/,
  ],
  [
    'a misspelt part of a repartition topic',
    () => builder().addRepartitionTopic({ name: 'r', partition: 2 }),
    /repartition topic 'r' named 'partition'; there are: name, partitions/,
  ],
  ['sources that are no list', () => builder().copartition('j', 'in'), /'j' wants 'in' co-partitioned; give a list/],
  ['a kind of co-partition that is none', () => builder().copartition('j', ['in'], 'x'), /'j' .*'x'; give 'join' or/],
]

describe('Drawn node by node without types', () => {
  for (const [what, draw, says] of refusals) {
    it(`${what} is refused, naming node and remedy`, () => {
      expect(draw)
        .to.throw(says)
        .that.satisfies((error: unknown) => StreamError.is(error, 'TOPOLOGY_INVALID'))
    })
  }

  it('options that are right, undefined, or null where that is a value, are taken', () => {
    class Supplier {
      get(): Processor<unknown, unknown, unknown, unknown> {
        return { process: () => undefined }
      }
    }
    const drawn = builder()
      .addSource('s', { topics: ['t'], ...plain, timestampExtractor: null, autoOffsetReset: null, onError: undefined })
      .addProcessor('p', new Supplier(), ['in'], { stores: undefined })
      .addSink('o', { topic: 'O', ...plain, partitioner: null, feedback: false }, ['p'])
      .addStore({ ...anyStore('st'), changelog: null }, ['p'])
    expect(drawn.build().nodes.size).to.equal(4)
  })

  it('a supplier that gives one processor twice is refused at the second task', () => {
    const one = { process: () => undefined }
    const node = (processor({ get: () => one }) as TopologyBuilder).build().nodes.get('p')!
    const get = (): unknown => node.kind === 'processor' && node.supplier.get()
    expect(get()).to.equal(one)
    expect(get).to.throw("TOPOLOGY_INVALID: the supplier of the processor 'p' gave one processor twice; make a new one")
  })
})
