/**
 * Names, numbers and shapes: what typed programs draw, against the text that Kafka Streams gives for the same topology.
 * (All scenarios are drawn, over `unknown`, by test/conformance.)
 */
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { StreamsBuilder, topic, tumbling } from '../../dsl/index.ts'
import { int64, string } from '../../src/serdes/index.ts'
import { stores } from '../../state-stores/index.ts'

interface Scenario {
  readonly name: string
  readonly describe?: readonly string[]
}

function golden(name: string): string {
  const file = new URL(`../golden/${name.split('/')[0]}.json`, import.meta.url)
  const scenarios = JSON.parse(readFileSync(file, 'utf8')) as Scenario[]
  const text = scenarios.find((scenario) => scenario.name === name)?.describe
  if (text === undefined) throw new Error(`no description of ${name} among the goldens`)
  return text.join('\n')
}

const texts = (name: string) => topic(name, { key: string, value: string })
const longs = (name: string) => topic(name, { key: string, value: int64 })
const firstChar = (value: string) => value[0] ?? ''

type Drawing = (builder: StreamsBuilder) => void

const drawings: { readonly [scenario: string]: Drawing } = {
  'stateless/chain': (builder) =>
    builder
      .stream(texts('S'), { name: 'source' })
      .filter((value) => value !== '', { name: 'f1' })
      .filterNot((value) => value === 'stop', { name: 'f2' })
      .mapValues((value) => `${value}-m`, { name: 'm1' })
      .flatMapValues((value) => value.split('-'), { name: 'fm1' })
      .selectKey((value) => value, { name: 'sk' })
      .map((value, key) => [key.toUpperCase(), value], { name: 'mp' })
      .flatMap((value, key) => [[key, value]], { name: 'fm2' })
      .peek(() => {}, { name: 'pk' })
      .to(texts('O'), { name: 'sink' }),

  'stateless/merge-with-itself': (builder) => {
    const stream = builder.stream(texts('S'))
    const mapped = stream.mapValues((value) => value.toUpperCase())
    stream.merge(mapped).to(texts('O'))
  },

  'stateless/shared-source': (builder) => {
    const first = builder.stream(texts('S'))
    const second = builder.stream(texts('S'))
    first.mapValues((value) => value.toUpperCase()).to(texts('U'))
    second.to(texts('P'))
  },

  'aggregations/count': (builder) => builder.stream(texts('S')).groupByKey().count().toStream().to(longs('O')),

  'aggregations/group-by': (builder) =>
    builder
      .stream(texts('S'))
      .groupBy((value) => value, { key: string })
      .count({ store: 'cnt' })
      .toStream()
      .to(longs('O')),

  'aggregations/group-by-named': (builder) =>
    builder
      .stream(texts('S'))
      .groupBy(firstChar, { key: string, name: 'by-letter' })
      .reduce((left, right) => left + right, { name: 'joined-up', store: { name: 'letters' } })
      .toStream()
      .to(texts('O')),

  'aggregations/select-key-then-group': (builder) =>
    builder
      .stream(texts('S'))
      .selectKey((value) => value, { key: string })
      .mapValues((value) => `${value}!`, { value: string })
      .groupByKey()
      .aggregate(
        () => '',
        (all, value) => all + value,
        { value: string },
      )
      .toStream()
      .to(texts('O')),

  'aggregations/two-aggregates-of-one-group': (builder) => {
    const grouped = builder.stream(texts('S')).groupBy((value) => value, { key: string })
    grouped.count({ store: 'cnt' }).toStream().to(longs('C'))
    grouped
      .reduce((left, right) => left + right, { store: 'red' })
      .toStream()
      .to(texts('R'))
  },

  'aggregations/two-aggregates-of-one-named-group': (builder) => {
    const grouped = builder.stream(texts('S')).groupBy((value) => value, { key: string, name: 'shared' })
    grouped.count({ store: 'cnt' }).toStream().to(longs('C'))
    grouped
      .reduce((left, right) => left + right, { store: 'red' })
      .toStream()
      .to(texts('R'))
  },

  'repartition-naming/repartition': (builder) => builder.stream(texts('S')).repartition().to(texts('O')),

  'repartition-naming/repartition-named': (builder) =>
    builder
      .stream(texts('S'))
      .selectKey(firstChar, { key: string })
      .repartition({ name: 'by-first', partitions: 4 })
      .groupByKey()
      .count()
      .toStream()
      .to(longs('O')),

  'repartition-naming/merge-keeps-the-flag': (builder) => {
    const rekeyed = builder.stream(texts('A')).selectKey((value) => value, { key: string })
    builder.stream(texts('B')).merge(rekeyed).groupByKey().count().toStream().to(longs('O'))
  },

  'repartition-naming/join-and-group': (builder) => {
    const rekeyed = builder.stream(texts('S')).selectKey(firstChar, { key: string })
    const table = builder.table(texts('T'))
    rekeyed.join(table, (left, right) => `${left}+${right}`).to(texts('J'))
    rekeyed.groupByKey().count({ store: 'cnt' }).toStream().to(longs('C'))
  },

  'stream-table/left-after-new-key': (builder) => {
    const rekeyed = builder.stream(texts('S')).selectKey((value) => value, { key: string })
    const table = builder.table(texts('T'))
    rekeyed.leftJoin(table, (left, right) => `${left}+${right}`, { name: 'jn' }).to(texts('O'))
  },

  'stream-table/with-mapped-table': (builder) => {
    const table = builder
      .table(texts('T'))
      .mapValues((value) => value.toUpperCase())
      .filter((value) => value.length > 1)
    builder
      .stream(texts('S'))
      .join(table, (left, right) => `${left}+${right}`)
      .to(texts('O'))
  },

  'stream-table/with-aggregate': (builder) => {
    const stream = builder.stream(texts('S'))
    const counts = stream.groupByKey().count()
    stream.join(counts, (left, right) => `${left}+${right}`).to(texts('O'))
  },

  'tables/chain': (builder) =>
    builder
      .table(texts('T'))
      .filter((value) => value.length > 1)
      .mapValues((value) => value.toUpperCase(), { value: string })
      .filter((value) => value.startsWith('Y'), { store: { name: 'last' } })
      .toStream()
      .to(texts('O')),

  'tables/filter-not-stored': (builder) =>
    builder
      .table(texts('T'))
      .filterNot((value) => value.startsWith('y'), { name: 'no-y', store: 'kept' })
      .toStream()
      .to(texts('O')),

  'tables/to-stream-with-key': (builder) =>
    builder
      .table(texts('T'))
      .toStream({ name: 'streamed' })
      .selectKey((value) => value ?? '')
      .to(texts('O')),

  'windows/window-of-group-by': (builder) =>
    builder
      .stream(texts('S'))
      .groupBy(firstChar, { key: string, name: 'g' })
      .windowedBy(tumbling(10))
      .count({ store: 'w' })
      .toStream()
      .selectKey((_, { key, startMs, endMs }) => `${key}@${startMs}/${endMs}`)
      .to(longs('O')),

  'windows/window-filter-stored': (builder) =>
    builder
      .stream(texts('S'))
      .groupByKey()
      .windowedBy(tumbling(10))
      .aggregate(
        () => '',
        (all, value) => all + value,
        { value: string, store: 'w' },
      )
      .filter((all) => all.length > 1, { store: 'kept' })
      .toStream()
      .selectKey((_, { key, startMs, endMs }) => `${key}@${startMs}/${endMs}`)
      .to(texts('O')),

  'processor/all-named': (builder) => {
    builder.addStore(stores.keyValue({ name: 'memory-of-it', key: string, value: string }))
    builder
      .stream(texts('S'), { name: 'src' })
      .process<string, string>(() => ({ process: () => undefined }), { stores: ['memory-of-it'], name: 'no-doubles' })
      .processValues<string>(() => ({ process: () => undefined }), { name: 'mark' })
      .to(texts('O'), { name: 'snk' })
  },

  'processor/previous': (builder) => {
    const store = stores.keyValue({ name: 'st', key: string, value: string })
    builder
      .stream(texts('S'))
      .processValues<string>(() => ({ process: () => undefined }), { stores: [store], name: 'prev' })
      .to(texts('O'))
  },
}

describe('A typed program draws what Kafka Streams draws', () => {
  for (const [scenario, draw] of Object.entries(drawings)) {
    it(scenario, () => {
      const builder = new StreamsBuilder()
      draw(builder)
      expect(builder.build().describe()).to.equal(golden(scenario))
    })
  }
})
