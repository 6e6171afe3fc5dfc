import { expect } from 'chai'
import { StreamsBuilder, type Topic, topic } from '../../dsl/index.ts'
import { StreamError } from '../../src/base/errors.ts'
import type { Streams } from '../../src/runtime/streams.ts'
import { string } from '../../src/serdes/index.ts'
import { TopologyTestDriver } from '../../src/testing/index.ts'
import type { Topology } from '../../src/topology/topology.ts'
import { rejectionOf, World } from '../runtime/fixture.ts'

const from = topic('from', { key: string, value: string, partitions: 1 })
const into = topic('into', { key: string, value: string, partitions: 2 })

type Partitioner = (value: string, key: string, count: number) => number

function partitionedBy(partitioner: unknown, to: Topic<string, string> = into): Topology {
  const builder = new StreamsBuilder()
  builder.stream(from).to(to, { name: 'sink', partitioner: partitioner as Partitioner })
  return builder.build()
}

function mappedTo(key: unknown, value: unknown): Topology {
  const builder = new StreamsBuilder()
  builder
    .stream(from)
    .map(() => [key, value] as [string, string], { key: string, value: string })
    .to(into, { name: 'sink' })
  return builder.build()
}

function headed(headers: unknown): Topology {
  const builder = new StreamsBuilder()
  builder
    .stream(from)
    .process<string, string, typeof string, typeof string>(
      () => {
        let forward: (record: never) => void
        return {
          init: (context) => {
            forward = (record) => context.forward(record)
          },
          process: (record) => forward(record.withHeaders(headers as []) as never),
        }
      },
      { key: string, value: string, name: 'step' },
    )
    .to(into)
  return builder.build()
}

describe('TopologyTestDriver and Streams refuse alike', () => {
  let world: World
  beforeEach(() => {
    world = new World()
  })
  afterEach(() => world.close())

  async function inDriver(topology: Topology): Promise<string> {
    await using driver = await TopologyTestDriver.start(topology)
    return codedMessage(await rejectionOf(driver.input(from).pipe({ key: 'k', value: 'v' })))
  }

  async function inStreams(topology: Topology): Promise<string> {
    const app: Streams = await world.start(topology)
    await app.feed(from, [{ key: 'k', value: 'v' }])
    return codedMessage(await rejectionOf(app.drained()))
  }

  function codedMessage(error: unknown): string {
    if (!StreamError.is(error)) throw error
    return error.message
  }

  const refused: [string, Topology, RegExp][] = [
    ['an undefined value', mappedTo('k', undefined), /RECORD_FAILED: sink .* string cannot write undefined/],
    ['an undefined key', mappedTo(undefined, 'v'), /RECORD_FAILED: sink .* string cannot write undefined/],
    [
      'a partitioner that throws',
      partitionedBy(() => {
        throw new Error('no idea')
      }),
      /RECORD_FAILED: sink .*no idea/,
    ],
    ['a partition out of range', partitionedBy(() => 2), /sink chose 2; into has partitions 0 to 1/],
    ['a negative partition', partitionedBy(() => -1), /sink chose -1; into has/],
    ['half a partition', partitionedBy(() => 0.5), /sink chose 0.5; into has/],
    ['a text as partition', partitionedBy(() => '1'), /sink chose '1'; into has/],
    ['a BigInt as partition', partitionedBy(() => 1n), /sink chose 1n; into has/],
    ['a promised partition', partitionedBy(async () => 1), /PROMISE_IN_SYNC_STEP: the partitioner of sink/],
    ['headers that are no list', headed({ a: 'b' }), /RECORD_FAILED: step .*has the headers/],
    ['a text as header', headed([{ key: 'h', value: 'text' }]), /RECORD_FAILED: step .*has the headers/],
  ]
  for (const [what, topology, says] of refused) {
    it(what, async () => {
      const message = await inDriver(topology)
      expect(message).to.match(says)
      expect(await inStreams(topology)).to.equal(message)
    })
  }

  it('and leave alone what a partitioner leaves to the key', async () => {
    const asked: unknown[] = []
    const topology = partitionedBy((value: string, key: string, count: number) => {
      asked.push([value, key, count])
      return null
    })
    await using driver = await TopologyTestDriver.start(topology)
    await driver.input(from).pipe({ key: 'k', value: 'v' })
    const app = await world.start(topology)
    await app.feed(from, [{ key: 'k', value: 'v' }])
    await app.drained()
    expect(asked).to.deep.equal([
      ['v', 'k', 2],
      ['v', 'k', 2],
    ])
    expect(driver.output(into).readValues()).to.deep.equal(['v'])
  })

  for (const values of [false, true]) {
    it(`a processor without a process method, before any record (${values ? 'processValues' : 'process'})`, async () => {
      const builder = new StreamsBuilder()
      const none = (() => ({})) as never
      if (values) builder.stream(from).processValues(none, { name: 'step' })
      else builder.stream(from).process(none, { name: 'step' })
      const topology = builder.build()
      for (const error of [
        await rejectionOf(TopologyTestDriver.start(topology)),
        await rejectionOf(world.start(topology)),
      ]) {
        expect(codedMessage(error)).to.match(/^PROCESSOR_FAILED: the supplier of step .*no.*process method/)
      }
    })
  }

  it('takes a topic without a declared number of partitions for one of one', async () => {
    const plain = topic('plain', { key: string, value: string })
    await using driver = await TopologyTestDriver.start(
      partitionedBy((_v: string, _k: string, count: number) => count, plain),
    )
    const error = await rejectionOf(driver.input(from).pipe('v'))
    expect(codedMessage(error)).to.match(/sink chose 1; plain has partitions 0 to 0/)
  })
})
