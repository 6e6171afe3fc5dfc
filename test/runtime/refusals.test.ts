import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { StreamsBuilder, topic } from '../../dsl/index.ts'
import { StreamError } from '../../src/base/errors.ts'
import { Producer } from '../../src/client/index.ts'
import type { PunctuationType } from '../../src/processor/processor.ts'
import type { StreamsConfig } from '../../src/runtime/config.ts'
import { Streams } from '../../src/runtime/streams.ts'
import { string } from '../../src/serdes/index.ts'
import type { Topology } from '../../src/topology/topology.ts'
import { TopologyBuilder } from '../../src/topology/topology-builder.ts'
import { countTopology, input, rejectionOf, World } from './fixture.ts'

const texts = topic('texts', { key: string, value: string, partitions: 1 })
const copies = topic('copies', { key: string, value: string, partitions: 1 })

function copying(): Topology {
  const builder = new StreamsBuilder()
  builder.stream(texts, { name: 'texts-source' }).to(copies, { name: 'copy' })
  return builder.build()
}

describe('An application is refused', () => {
  let world: World
  beforeEach(() => {
    world = new World()
  })
  afterEach(() => world.close())

  async function refusal(topology: Topology, config: object = {}): Promise<StreamError> {
    const error = await rejectionOf(world.start(topology, config as Partial<StreamsConfig>))
    if (!StreamError.is(error)) throw error
    return error
  }

  for (const [config, says] of [
    [{ onError: 'skip' }, 'onError'],
    [{ onError: { proces: 'skip' } }, "'proces'"],
    [{ onError: { process: 'bad' } }, 'onError.process'],
    [{ onError: { produce: { deadLetter: '' } } }, 'onError.produce'],
    [{ onError: { deserialize: { deadletter: 'd' } } }, 'onError.deserialize'],
    [{ onUncaughtError: 'replaceThread' }, 'onUncaughtError'],
    [{ comitIntervalMs: 5 }, "'comitIntervalMs'"],
    [{ stateDir: '' }, 'stateDir'],
    [{ stateDir: 3 }, 'stateDir'],
    [{ sessionTimeoutMs: 1 }, 'sessionTimeoutMs'],
    [{ sessionTimeoutMs: 10 ** 9 }, 'sessionTimeoutMs'],
    [{ log: undefined }, 'embedded('],
    [{ log: './data' }, 'embedded('],
    [{ listeners: { dropped: 'x' } }, 'listeners.dropped'],
    [{ listeners: { droped: () => {} } }, "'droped'"],
  ] as const) {
    it(`for the configuration ${JSON.stringify(config)}, which is named`, async () => {
      const error = await refusal(copying(), config)
      expect(error.code).to.equal('CONFIG_INVALID')
      expect(error.message).to.contain(says)
    })
  }

  it('for a policy of a step that there is not, which is named', async () => {
    const builder = new StreamsBuilder()
    builder.stream(texts).mapValues((value) => value, { name: 'step', onError: { process: 'bad' as 'skip' } })
    const error = await refusal(builder.build())
    expect(error.code).to.equal('CONFIG_INVALID')
    expect(error.message).to.contain('onError.process of step')
  })

  it('without options, and without a topology', async () => {
    expect(await rejectionOf(Streams.start(copying(), undefined as never))).to.have.property('code', 'CONFIG_INVALID')
    expect(await refusal(new StreamsBuilder() as never))
      .to.have.property('message')
      .that.contains('build()')
    expect(await refusal(undefined as never)).to.have.property('code', 'TOPOLOGY_INVALID')
    expect(await refusal(new TopologyBuilder().build())).to.have.property('code', 'TOPOLOGY_INVALID')
  })

  it('when a dead-letter topic does not exist, and is told to create it', async () => {
    const error = await refusal(copying(), { onError: { process: { deadLetter: 'dead' } } })
    expect(error.code).to.equal('TOPIC_MISSING')
    expect(error.message)
      .to.contain("'dead'")
      .and.contain('the application')
      .and.contain('create it, as with createTopics')
      .and.not.contain('declare')
  })

  it('when a name makes no topic', async () => {
    const dead = await refusal(copying(), { onError: { process: { deadLetter: 'no topic' } } })
    expect(dead.code).to.equal('TOPOLOGY_INVALID')
    expect(dead.message).to.contain("'no topic'").and.contain('the application')
    const builder = new StreamsBuilder()
    builder
      .stream(texts)
      .groupByKey()
      .count({ store: 's'.repeat(240) })
    const long = await refusal(builder.build())
    expect(long.code).to.equal('TOPOLOGY_INVALID')
    expect(long.message).to.contain('shorten its name')
  })

  for (const [when, make] of [
    ['its supplier throws', () => expect.fail('no instance')],
    ['its supplier gives nothing', () => undefined],
    ['its init throws', () => ({ init: () => expect.fail('no init'), process: () => {} })],
  ] as const) {
    it(`naming the processor, when ${when}`, async () => {
      const builder = new StreamsBuilder()
      builder.stream(texts).process(make as never, { name: 'step' })
      const error = await refusal(builder.build())
      expect(error.code).to.equal('PROCESSOR_FAILED')
      expect(error.message).to.contain('step')
    })
  }

  it('naming the processor, when its init returns a promise or schedules on no clock that there is', async () => {
    const builder = new StreamsBuilder()
    builder.stream(texts).process((() => ({ init: async () => {}, process: () => {} })) as never, { name: 'step' })
    expect(await refusal(builder.build())).to.have.property('code', 'PROMISE_IN_SYNC_STEP')
    const other = new StreamsBuilder()
    other.stream(texts).process(
      () => ({
        init: (context) => void context.schedule(100, 'bogus' as PunctuationType, () => {}),
        process: () => {},
      }),
      { name: 'step' },
    )
    const error = await refusal(other.build())
    expect(error.code).to.equal('CONFIG_INVALID')
    expect(error.message).to.contain('step').and.contain('bogus')
  })

  it('when the log has lost the offsets of its groups', async () => {
    const app = await world.start(copying())
    await app.close()
    rmSync(join(world.folder, 'data/log/__consumer_offsets-0'), { recursive: true })
    const error = await refusal(copying())
    expect(error.code).to.equal('LOG_OFFLINE')
    expect(error.message).to.contain('__consumer_offsets-0')
  })

  it('when its group runs another topology', async () => {
    await world.start(countTopology().topology, { stateDir: world.stateDir('one') })
    const builder = new StreamsBuilder()
    builder.stream(topic('others', { key: string, value: string, partitions: 4 })).foreach(() => {})
    builder.stream(input).foreach(() => {})
    const error = await refusal(builder.build(), { stateDir: world.stateDir('two') })
    expect(error.code).to.equal('TOPOLOGY_INVALID')
    expect(error.message).to.contain('input-').and.contain('others-').and.contain('same topology')
  })
})

describe('An application says', () => {
  let world: World
  beforeEach(() => {
    world = new World()
  })
  afterEach(() => world.close())

  it('that a topic has another number of partitions than it is declared with', async () => {
    await (await world.start(copying())).close()
    const warnings: string[] = []
    const builder = new StreamsBuilder()
    builder.stream(topic('texts', { key: string, value: string, partitions: 3 })).foreach(() => {})
    const app = await world.start(builder.build(), { listeners: { warning: (message) => warnings.push(message) } })
    expect(app.activeTasks).to.deep.equal(['0_0'])
    expect(warnings.filter((message) => message.includes('texts is declared with 3'))).to.have.length(1)
  })

  it('tells as a warning which partition of the log is damaged, and runs where it does not matter', async () => {
    await world.admin((admin) => admin.createTopics([{ name: 'other', partitions: 1 }]))
    await world.use(async (connection) => {
      const producer = new Producer(connection)
      await producer.send({ topic: 'other', value: 'x' })
      await producer.close()
    })
    const segment = join(world.folder, 'data/log/other-0/00000000000000000000.log')
    rmSync(segment)
    const warnings: string[] = []
    const { topology } = countTopology()
    const app = await world.start(topology, { listeners: { warning: (message) => warnings.push(message) } })
    expect(app.state).to.equal('running')
    const told = warnings.filter((message) => message.includes('LOG_CORRUPT') && message.includes('other-0'))
    expect(told).to.have.length(1)
  })

  it('CLOSED to who asks a view that he got before', async () => {
    const { topology, counts } = countTopology()
    const app = await world.start(topology)
    const view = app.store(counts)
    await app.close()
    expect(await rejectionOf(view.get('k'))).to.have.property('code', 'CLOSED')
  })

  it('which topic was deleted while it ran, and which node needs it', async () => {
    const runs = ['texts', 'copies'].map(async (name) => {
      const own = new World()
      try {
        const app = await own.start(copying())
        await own.admin((admin) => admin.deleteTopics([name]))
        if (name === 'copies') await app.feed(texts, ['a'])
        const error = await rejectionOf(app.drained())
        await app.close()
        return error instanceof Error ? error.message : ''
      } finally {
        await own.close()
      }
    })
    const [source, sink] = await Promise.all(runs)
    expect(source).to.contain('TOPIC_MISSING').and.contain("texts-source reads the topic 'texts'")
    expect(sink).to.contain('TOPIC_MISSING').and.contain("copy writes the topic 'copies'")
  })
})
