/**
 * A store holds what its step made, whatever others do to the objects that they were given of it: as if each had come from the
 * store's bytes, as in Kafka Streams.
 */
import { expect } from 'chai'
import { type Emit, StreamsBuilder, topic, tumbling } from '../../dsl/index.ts'
import type { ProcessorContext } from '../../src/processor/processor.ts'
import type { KeyValueStore } from '../../src/processor/state-store.ts'
import { bytes, json, string } from '../../src/serdes/index.ts'
import { TopologyTestDriver } from '../../src/testing/index.ts'
import { stores } from '../../state-stores/index.ts'

interface Sum {
  s: number
}

const input = topic('in', { key: string, value: json<Sum>() })
const lookups = topic('lookups', { key: string, value: string })
// Bytes cannot be frozen, so that the driver's sources give what can be changed.
const blobs = topic('blobs', { key: string, value: bytes })
const out = topic('out', { key: string, value: json<Sum | null>() })
const sum = json<Sum>()

const commits = ['everyRecord', 'byHand'] as const
const emits: readonly Emit[] = ['onCommit', 'everyUpdate']

function add(left: Sum, right: Sum): Sum {
  return { s: left.s + right.s }
}

function addInPlace(left: Sum, right: Sum): Sum {
  left.s += right.s
  return left
}

function spoil(value: Sum | null): void {
  if (value !== null) value.s = 77
}

async function pipeOnes(driver: TopologyTestDriver, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    await driver.input(input).pipe({ key: 'k', value: { s: 1 }, timestampMs: 5 })
  }
  await driver.commit()
}

describe('What is done downstream to a value', () => {
  for (const emit of emits) {
    for (const commit of commits) {
      for (const fold of [add, addInPlace]) {
        it(`does not reach an aggregate: ${emit}, commits ${commit}, ${fold.name}`, async () => {
          const builder = new StreamsBuilder()
          const grouped = builder.stream(input).groupByKey()
          const sums = grouped.aggregate(() => ({ s: 0 }), fold, { value: sum, emit })
          const kept = sums.filter((value) => value.s > 1, { store: 'kept', emit })
          const perWindow = grouped.windowedBy(tumbling(10)).aggregate(() => ({ s: 0 }), fold, { value: sum, emit })
          for (const table of [sums, kept]) table.toStream().peek(spoil).to(out)
          perWindow.toStream().foreach(spoil)
          await using driver = await TopologyTestDriver.start(builder.build(), { commit })
          await pipeOnes(driver, 3)
          expect(await driver.store(sums).get('k')).to.deep.equal({ s: 3 })
          expect(await driver.store(kept).get('k')).to.deep.equal({ s: 3 })
          expect(await driver.store(perWindow).fetch('k', 0, 10)).to.deep.equal([[0, { s: 3 }]])
          const changes = [...driver.produced].filter(([name]) => name.endsWith('-changelog'))
          for (const [, records] of changes) expect(records.at(-1)?.value?.toString()).to.equal('{"s":3}')
          expect(changes).to.have.length(3)
        })
      }

      it(`does not reach a table: ${emit}, commits ${commit}`, async () => {
        const builder = new StreamsBuilder()
        const table = builder.table(blobs, { store: 'rows', emit })
        const copied = table.mapValues((value) => value, { value: bytes, store: 'copied', emit })
        table.toStream().foreach((value) => value?.fill('x'))
        await using driver = await TopologyTestDriver.start(builder.build(), { commit })
        await driver.input(blobs).pipe({ key: 'k', value: Buffer.from('blob') })
        await driver.commit()
        expect(String(await driver.store(table).get('k'))).to.equal('blob')
        expect(String(await driver.store(copied).get('k'))).to.equal('blob')
      })
    }
  }

  it('does not reach the table that a join looked it up in', async () => {
    const builder = new StreamsBuilder()
    const sums = builder
      .stream(input)
      .groupByKey()
      .aggregate(() => ({ s: 0 }), addInPlace, { value: sum })
    builder
      .stream(lookups)
      .join(sums, (_, row) => row)
      .foreach(spoil)
    await using driver = await TopologyTestDriver.start(builder.build(), { commit: 'byHand' })
    await driver.input(input).pipe({ key: 'k', value: { s: 1 } })
    await driver.input(lookups).pipe({ key: 'k', value: 'now' })
    await pipeOnes(driver, 1)
    expect(await driver.store(sums).get('k')).to.deep.equal({ s: 2 })
  })

  it("does not reach a processor's own store", async () => {
    const seen = stores.keyValue({ name: 'seen', key: string, value: sum })
    const builder = new StreamsBuilder()
    builder
      .stream(input)
      .process<string, Sum>(
        () => {
          let context: ProcessorContext<string, Sum>
          let store: KeyValueStore<string, Sum>
          return {
            init: (given) => {
              context = given
              store = given.store('seen')
            },
            process: (record) => {
              const before = store.get(record.key) ?? { s: 0 }
              const after = add(before, record.value)
              store.put(record.key, after)
              context.forward(record.withValue(after))
              spoil(store.get(record.key) ?? null)
            },
          }
        },
        { stores: [seen] },
      )
      .foreach(spoil)
    await using driver = await TopologyTestDriver.start(builder.build(), { commit: 'byHand' })
    await pipeOnes(driver, 3)
    expect(driver.produced.get('test-seen-changelog')?.map(({ value }) => value?.toString())).to.deep.equal(['{"s":3}'])
  })
})
