/** What callers without types get wrong when they draw: a coded error that names the step and the remedy, before anything runs. */
import { expect } from 'chai'
import { StreamsBuilder, topic, tumbling } from '../../dsl/index.ts'
import { StreamError } from '../../src/base/errors.ts'
import { json, string } from '../../src/serdes/index.ts'
import { level, memory } from '../../state-stores/index.ts'

const names = topic('names', { key: string, value: string })

/** The compiler is left out. */
// biome-ignore lint/suspicious/noExplicitAny: these tests are written as plain JavaScript would be
type Loose = any

const serdes = { key: string, value: string }
const stream = (): Loose => new StreamsBuilder().stream(names)
const grouped = (): Loose => stream().groupByKey()
const windowed = (): Loose => grouped().windowedBy(tumbling(10))
const table = (): Loose => new StreamsBuilder().table(names)
const looseTopic: Loose = topic
const looseTumbling: Loose = tumbling
const id = (value: unknown): unknown => value

const refusals: readonly (readonly [string, () => unknown, RegExp])[] = [
  ['a misspelt option of a step', () => stream().filter(id, { nmae: 'x' }), /filter named 'nmae'; there are: name/],
  ['a misspelt option of a table', () => table().mapValues(id, { stor: 'x' }), /mapValues named 'stor'/],
  ['an option of windows on a fold without', () => grouped().count({ retentionMs: 5 }), /count named 'retentionMs'/],
  ['a misspelt option of windows', () => looseTumbling(5, { grace: 5 }), /tumbling named 'grace'; there are: graceMs/],
  [
    'a misspelt option of a topic',
    () => looseTopic('t', { key: string, value: string, partitons: 3 }),
    /'t' named 'partitons'/,
  ],
  ['a size of windows that is a symbol', () => looseTumbling(Symbol('s')), /windows of Symbol\(s\) ms/],
  [
    'a grace that is a symbol',
    () => looseTumbling(5, { graceMs: Symbol('s') }),
    /a grace of Symbol\(s\) ms; give a whole/,
  ],
  ['a grace of null', () => looseTumbling(5, { graceMs: null }), /a grace of null ms; give a whole number/],
  [
    'windows of no size',
    () => grouped().windowedBy({ sizeMs: Symbol('s'), graceMs: 0 }),
    /windowedBy was given .*; give it windows: tumbling/,
  ],
  ['a topic named by a symbol', () => looseTopic(Symbol('s'), serdes), /the topic name Symbol\(s\) is not a string/],
  [
    'a topic with a symbol of partitions',
    () => looseTopic('t', { ...serdes, partitions: Symbol('s') }),
    /partitions of the topic 't' is Symbol\(s\); give a whole number from 1 on/,
  ],
  [
    'a config of a topic that is a number',
    () => looseTopic('t', { ...serdes, configs: { 'retention.ms': -1 } }),
    /configs of the topic 't' .*give a text as retention.ms: '-1'/,
  ],
  [
    'a config of a topic that is missing',
    () => looseTopic('t', { ...serdes, configs: { 'retention.ms': undefined } }),
    /configs of the topic 't' .*give a text as retention.ms/,
  ],
  [
    'a config of a changelog that is a number',
    () => grouped().count({ store: { changelog: { configs: { 'segment.ms': 5 } } } }),
    /store of count .*changelog's configs a text as segment.ms: '5'/,
  ],
  [
    'a repartition into a symbol of partitions',
    () => stream().repartition({ partitions: Symbol('s') }),
    /partitions of repartition is Symbol\(s\); give a whole number/,
  ],
  ['policies of null', () => stream().filter(id, { onError: null }), /onError of filter is null; give an object of/],
  [
    'a supplier with stores that are no list',
    () => stream().process({ get: id, stores: 5 }),
    /process was given .*; give it a function that makes/,
  ],
  ['options that are none', () => stream().filter(id, 'x'), /option of filter cannot be read from 'x'/],
  ['a name that is no text', () => stream().filter(id, { name: 5 }), /name of filter is 5; give a text/],
  [
    'a misspelt option of a store',
    () => grouped().count({ store: { name: 'x', changlog: false } }),
    /store of count .*changelog/,
  ],
  ['a store that is none', () => grouped().count({ store: 5 }), /store of count is 5; give a name, or an object/],
  ['an engine that is none', () => grouped().count({ store: { engine: 5 } }), /store of count .*engine like level/],
  ['a changelog that is none', () => grouped().count({ store: { changelog: 'no' } }), /store of count .*changelog/],
  ['an emit that is none', () => grouped().count({ emit: 'foo' }), /emit of count is 'foo'; give 'onCommit' or 'every/],
  ['emit on close', () => windowed().count({ emit: 'onWindowClose' }), /'onWindowClose' is not part of this version/],
  ['a retention that is no time', () => windowed().count({ retentionMs: Number.NaN }), /retentionMs of count is NaN/],
  ['a serde that is none', () => stream().groupBy(id, { key: 'string' }), /key of groupBy is 'string'; give a serde/],
  ['stores that are none', () => stream().process(id, { stores: 'x' }), /stores of process is 'x'; give a list/],
  [
    'a partitioner that is none',
    () => stream().to(names, { partitioner: 5 }),
    /partitioner of to is 5; give a function/,
  ],
  ['no function', () => stream().filter(), /filter was given undefined; give it a function/],
  ['an aggregate without options', () => grouped().aggregate(id, id), /option of aggregate .*value/],
  ['a sink that is no topic', () => stream().to('x'), /to was given 'x'; give it a topic: topic\('name'/],
  [
    'a source that is no topic',
    () => new StreamsBuilder().stream('x' as Loose),
    /stream was given 'x'; give it a topic/,
  ],
  ['one of many that is no topic', () => new StreamsBuilder().stream([names, 'x'] as Loose), /stream was given 'x'/],
  ['a table of nothing', () => new StreamsBuilder().table(undefined as Loose), /table was given undefined/],
  ['a store that is no builder', () => new StreamsBuilder().addStore('x' as Loose), /addStore was given 'x'/],
  ['a topic without options', () => looseTopic('t'), /'t' cannot be read from undefined/],
  [
    'a topic without a serde',
    () => looseTopic('t', { key: string }),
    /'t' has no value serde; declare it as in topic\('t'/,
  ],
  ['a join with nothing', () => stream().join(), /join was given undefined; give it a table/],
  ['a join with a stream', () => stream().leftJoin(stream(), id), /leftJoin was given .*KStream.*; give it a table/],
  ['a merge with nothing', () => stream().merge(), /merge was given undefined; give it a stream/],
  ['a merge with a table', () => stream().merge(table()), /merge was given .*KTable.*; give it a stream/],
  ['windows that are none', () => grouped().windowedBy(5), /windowedBy was given 5; give it windows: tumbling/],
  ['a processor that is none', () => stream().process(5), /process was given 5; give it a function that makes/],
]

describe('Drawn without types', () => {
  for (const [what, draw, says] of refusals) {
    it(`${what} is refused, naming step and remedy`, () => {
      expect(draw)
        .to.throw(says)
        .that.satisfies((error: unknown) => StreamError.is(error, 'TOPOLOGY_INVALID'))
    })
  }

  it('options that are right, or undefined, are taken', () => {
    grouped().count({ store: { name: undefined, engine: memory(), changelog: { configs: {} } }, emit: undefined })
    grouped().count({ store: { engine: level(), changelog: false }, emit: 'everyUpdate', name: 'n', value: json() })
    stream().process(id, { stores: ['x'], async: false, key: string, name: undefined })
    table().filter(id, { store: 'x', emit: 'onCommit', onError: { process: 'skip' } })
  })
})
