import { expect } from 'chai'
import { StreamsBuilder, topic, tumbling } from '../../dsl/index.ts'
import { observeCrashPoints } from '../../src/base/crash-points.ts'
import { Producer } from '../../src/client/producer/producer.ts'
import { int32, int64, string } from '../../src/serdes/index.ts'
import { countTopology, input, output, records, rejectionOf, upTo, World } from './fixture.ts'

describe('Streams', () => {
  let world: World
  beforeEach(() => {
    world = new World()
  })
  afterEach(() => world.close())

  it('counts what it is fed, once, and answers queries from committed state', async () => {
    const { topology, counts } = countTopology()
    const app = await world.start(topology)
    expect(app.state).to.equal('running')
    expect(app.activeTasks).to.deep.equal(['0_0', '0_1', '0_2', '0_3'])
    expect(app.resumed).to.equal(false)
    await app.feed(input, records(100))
    await app.drained()
    expect(await app.store(counts).get('k3')).to.equal(10)
    expect(await app.store(counts).get('nobody')).to.equal(undefined)
    const byName = app.store('counts', { kind: 'timestampedKeyValue', key: string, value: int64 })
    expect((await byName.getWithTimestamp('k3'))?.timestamp).to.equal(93)
    const rows = new Map<string, number>()
    for await (const [key, value] of byName.all()) rows.set(key, value)
    expect(rows.size).to.equal(10)
    expect(app.processedRecords('input')).to.equal(100)
    await app.close()
    expect(app.state).to.equal('notRunning')
    for (const values of (await world.readOutput()).values()) expect(values).to.deep.equal(upTo(10))
  })

  it('goes on where it was after a clean close, restoring nothing', async () => {
    const { topology, counts } = countTopology()
    const first = await world.start(topology)
    await first.feed(input, records(50))
    await first.drained()
    await first.close()
    const again = await world.start(topology)
    expect(again.resumed).to.equal(true)
    expect(again.restoredRecords).to.equal(0)
    expect(await again.store(counts).get('k1')).to.equal(5)
    await again.feed(input, records(50))
    await again.drained()
    expect(await again.store(counts).get('k1')).to.equal(10)
  })

  it('rebuilds state that was lost from the changelog, and says why', async () => {
    const { topology, counts } = countTopology()
    const first = await world.start(topology, { stateDir: world.stateDir('one') })
    await first.feed(input, records(50))
    await first.drained()
    await first.close()
    const again = await world.start(topology, { stateDir: world.stateDir('two') })
    expect(again.restoredRecords).to.equal(10)
    expect(await again.store(counts).get('k1')).to.equal(5)
    const rebuilds = again.metrics().filter(({ name }) => name === 'store-rebuilds-total')
    expect(new Set(rebuilds.map(({ labels }) => labels.reason))).to.deep.equal(new Set(['no-local-state']))
  })

  it('restores only the tail when step 4 was never reached', async () => {
    const { topology, counts } = countTopology()
    const app = await world.start(topology)
    await app.feed(input, records(100))
    await app.drained()
    const stop = observeCrashPoints((point) => {
      if (point === 'commit.4.enter') throw new Error('killed before step 4')
    })
    const failed = new Promise((resolve) => app.on('error', resolve))
    await app.feed(input, records(20, 2))
    await failed
    stop()
    expect(app.state).to.equal('error')
    await app.close()
    const again = await world.start(topology)
    // Two keys were in the last commits; everything before is on the disk.
    expect(again.restoredRecords).to.be.within(1, 4)
    await again.drained()
    expect(await again.store(counts).get('k0')).to.equal(20)
    expect(await again.store(counts).get('k5')).to.equal(10)
    expect(again.metrics().some(({ name }) => name === 'store-rebuilds-total')).to.equal(false)
  })

  for (const point of [
    'commit.1a.enter',
    'commit.1b.leave',
    'commit.2.leave',
    'commit.3.offsets',
    'commit.3.leave',
    'commit.4.leave',
  ]) {
    it(`counts once when the thread dies at ${point} and another takes its place`, async () => {
      const { topology, counts } = countTopology()
      const app = await world.start(topology, { onUncaughtError: () => 'replaceThread' })
      let left = 3
      const stop = observeCrashPoints((reached) => {
        if (reached === point && --left === 0) throw new Error(`died at ${point}`)
      })
      try {
        for (let round = 0; round < 4; round++) {
          await app.feed(input, records(50))
          await app.drained()
        }
      } finally {
        stop()
      }
      expect(left).to.be.lessThan(1)
      expect(await app.store(counts).get('k7')).to.equal(20)
      await app.close()
      for (const values of (await world.readOutput()).values()) expect(values).to.deep.equal(upTo(20))
    })
  }

  it('loses nothing at least once', async () => {
    const { topology, counts } = countTopology()
    const app = await world.start(topology, { guarantee: 'atLeastOnce', onUncaughtError: () => 'replaceThread' })
    let left = 3
    const stop = observeCrashPoints((reached) => {
      if (reached === 'commit.3.enter' && --left === 0) throw new Error('died')
    })
    for (let round = 0; round < 5; round++) {
      await app.feed(input, records(50))
      await app.drained()
    }
    stop()
    expect(await app.store(counts).get('k7')).to.be.at.least(25)
  })

  it('carries records through a repartition topic and waits for them', async () => {
    const words = topic('words', { key: string, value: string, partitions: 2 })
    const builder = new StreamsBuilder()
    const counts = builder
      .stream(words)
      .groupBy((word) => word, { key: string })
      .count({ store: 'words' })
    const app = await world.start(builder.build(), { repartitionPurgeIntervalMs: 1 })
    await app.feed(words, ['to', 'be', 'or', 'not', 'to', 'be'])
    await app.drained()
    expect(await app.store(counts).get('be')).to.equal(2)
    const described = await world.admin((admin) => admin.describeTopics())
    const internal = [...described.keys()].filter((name) => name.startsWith('app-')).sort()
    expect(internal).to.deep.equal(['app-words-changelog', 'app-words-repartition'])
    expect(described.get('app-words-repartition')!.partitionCount).to.equal(2)
    // What is done with is removed, in the background.
    const partitions = [0, 1].map((partition) => ({ topic: 'app-words-repartition', partition }))
    const removed = (): Promise<number> =>
      world.admin(async (admin) =>
        (await admin.listOffsets(partitions, 'earliest')).reduce((sum, { offset }) => sum + offset, 0),
      )
    while ((await removed()) === 0) await app.feed(words, ['or'])
  })

  it('shares its tasks with a second instance, and hands them over', async () => {
    const { topology, counts } = countTopology()
    const one = await world.start(topology, { stateDir: world.stateDir('one') })
    await one.feed(input, records(100))
    await one.drained()
    const two = await world.start(topology, { stateDir: world.stateDir('two') })
    await settled(() => one.activeTasks.length === 2 && two.activeTasks.length === 2 && one.state === 'running')
    await two.feed(input, records(100))
    await one.drained()
    await two.drained()
    const rows = new Map<string, number>()
    for (const app of [one, two]) for await (const [key, value] of app.store(counts).all()) rows.set(key, value)
    expect([...rows.values()]).to.deep.equal(Array.from({ length: 10 }, () => 20))
    expect(await rejectionOf(one.store(counts).get('nobody'))).to.have.property('code', 'STORE_NOT_READY')
    await one.close()
    await settled(() => two.activeTasks.length === 4 && two.state === 'running')
    await two.feed(input, records(100))
    await two.drained()
    expect(await two.store(counts).get('k4')).to.equal(30)
    await two.close()
    for (const values of (await world.readOutput()).values()) expect(values).to.deep.equal(upTo(30))
  })

  it('tells its states, and ends what waits when it is closed', async () => {
    const states: string[] = []
    const { topology } = countTopology()
    const app = await world.start(topology, { listeners: { state: ({ to }) => states.push(to) } })
    let fed = 0
    async function* endless(): AsyncGenerator<string> {
      for (;;) {
        fed++
        yield 'x'
        if (fed === 10) void app.close()
      }
    }
    expect(await rejectionOf(app.feed(input, endless()))).to.have.property('code', 'CLOSED')
    await app.close()
    expect(states).to.deep.equal(['rebalancing', 'running', 'pendingShutdown', 'notRunning'])
    expect(await rejectionOf(app.drained())).to.have.property('code', 'CLOSED')
    expect(() => app.store({ storeName: 'counts' })).to.throw('CLOSED')
  })

  it('ends in the state error when a record fails, and drained says why', async () => {
    const builder = new StreamsBuilder()
    builder.stream(input).foreach(() => {
      throw new Error('no such thing')
    })
    const app = await world.start(builder.build())
    await app.feed(input, ['x'])
    const error = await rejectionOf(app.drained())
    expect(error).to.have.property('code', 'RECORD_FAILED')
    expect(app.state).to.equal('error')
    await app.close()
    expect(app.state).to.equal('notRunning')
  })

  it('does not wait for ever for a step that never finishes', async () => {
    const builder = new StreamsBuilder()
    const begun: unknown[] = []
    builder.stream(input).process(
      {
        get: () => ({ process: (record) => new Promise<void>(() => void begun.push(record.value)) }),
        async: true,
      },
      {},
    )
    const app = await world.start(builder.build(), { sessionTimeoutMs: 200 })
    await app.feed(input, ['x'])
    await settled(() => begun.length === 1)
    await app.close()
    expect(app.state).to.equal('notRunning')
  })

  it('begins anew when a step does not finish, and asks what to do when that does not help', async () => {
    const builder = new StreamsBuilder()
    let begun = 0
    const hanging = { get: () => ({ process: () => new Promise<void>(() => void begun++) }), async: true }
    builder.stream(input).process(hanging, {})
    const asked: unknown[] = []
    const app = await world.start(builder.build(), {
      sessionTimeoutMs: 200,
      taskTimeoutMs: 400,
      onUncaughtError: (error) => {
        asked.push(error)
        return asked.length === 1 ? 'replaceThread' : 'shutdownClient'
      },
    })
    await app.feed(input, ['x'])
    expect(await rejectionOf(app.drained())).to.have.property('code', 'TIMED_OUT')
    expect(asked).to.have.length(2)
    expect(begun).to.equal(4)
  })

  for (const guarantee of ['exactlyOnce', 'atLeastOnce'] as const) {
    it(`takes up nothing that was aborted (${guarantee}), and tells how long the loop held it up`, async () => {
      const { topology, counts } = countTopology()
      const app = await world.start(topology, { guarantee })
      await world.use(async (connection) => {
        const producer = new Producer(connection, { transactionalId: 'feeder' })
        await producer.initTransactions()
        for (const end of ['abortTransaction', 'commitTransaction'] as const) {
          producer.beginTransaction()
          await producer.send({ topic: input.name, key: 'k', value: 'v' })
          await producer[end]()
        }
        await producer.close()
      })
      await app.drained()
      expect(await app.store(counts).get('k')).to.equal(1)
      const delays = new Map(app.metrics().map(({ name, value }) => [name, value]))
      expect(delays.get('loop-delay-max')).to.be.greaterThan(0)
      expect(delays.get('loop-delay-sum')).to.be.at.least(delays.get('loop-delay-max')!)
    })
  }

  it('sends what fails to the dead-letter topic and goes on', async () => {
    const letters = topic('letters', { key: string, value: string, partitions: 1 })
    await world.admin((admin) => admin.createTopics([{ name: letters.name, partitions: 1 }]))
    const builder = new StreamsBuilder()
    builder.stream(input).foreach((value) => {
      if (value === 'bad') throw new Error('no')
    })
    const app = await world.start(builder.build(), { onError: { process: { deadLetter: 'letters' } } })
    await app.feed(input, ['good', 'bad', 'good'])
    await app.drained()
    const [end] = await world.admin((admin) => admin.listOffsets([{ topic: 'letters', partition: 0 }], 'latest'))
    expect(end!.offset).to.be.greaterThan(0)
    const dropped = app.metrics().filter(({ name }) => name === 'dropped-records-total')
    expect(dropped.reduce((sum, { value }) => sum + value, 0)).to.equal(1)
  })
})

describe('Streams.start refuses', () => {
  let world: World
  beforeEach(() => {
    world = new World()
  })
  afterEach(() => world.close())

  it('a topic that does not exist, naming node and remedy', async () => {
    const builder = new StreamsBuilder()
    builder.stream(topic('absent', { key: string, value: int64 })).to(output)
    const error = await rejectionOf(world.start(builder.build()))
    expect(error).to.have.property('code', 'TOPIC_MISSING')
    expect((error as Error).message)
      .to.include('absent')
      .and.to.include('KSTREAM-SOURCE-0000000000')
  })

  it('a dead-letter topic that does not exist', async () => {
    const { topology } = countTopology()
    const error = await rejectionOf(world.start(topology, { onError: { process: { deadLetter: 'nowhere' } } }))
    expect(error).to.have.property('code', 'TOPIC_MISSING')
  })

  it('a join of topics with different partition counts', async () => {
    const table = topic('table', { key: string, value: string, partitions: 3 })
    const builder = new StreamsBuilder()
    builder
      .stream(input)
      .join(builder.table(table), (left) => left, { value: string })
      .to(topic('joined', { key: string, value: string, partitions: 1 }))
    const error = await rejectionOf(world.start(builder.build()))
    expect(error).to.have.property('code', 'TOPICS_NOT_COPARTITIONED')
  })

  it('a fold of topics with different partition counts, which would keep a key twice', async () => {
    const other = topic('other', { key: string, value: string, partitions: 3 })
    const merged = new StreamsBuilder()
    merged.stream(input).merge(merged.stream(other)).groupByKey().count({ name: 'counted' })
    const together = new StreamsBuilder()
    together
      .stream([input, other])
      .groupByKey()
      .windowedBy(tumbling(10))
      .reduce((left) => left, { name: 'counted' })
    for (const builder of [merged, together]) {
      const error = await rejectionOf(world.start(builder.build()))
      expect(error).to.have.property('code', 'TOPICS_NOT_COPARTITIONED')
      expect(String(error)).to.match(/'counted'.*'other' has 3.*repartition\(\)/)
    }
    const mended = new StreamsBuilder()
    const moved = mended.stream(other).repartition({ name: 'moved' })
    mended.stream(input).merge(moved).groupByKey().count()
    await (await world.start(mended.build())).close()
  })

  it('a second instance on the same state folder', async () => {
    const { topology } = countTopology()
    await world.start(topology)
    expect(await rejectionOf(world.start(topology))).to.have.property('code', 'STATE_DIR_IN_USE')
  })

  it('a store that was written with other serdes', async () => {
    const first = await world.start(countTopology().topology)
    await first.close()
    const builder = new StreamsBuilder()
    builder
      .stream(input)
      .groupByKey()
      .aggregate(
        () => 0,
        (sum) => sum + 1,
        { store: 'counts', value: int32 },
      )
    expect(await rejectionOf(world.start(builder.build()))).to.have.property('code', 'STORE_MISMATCH')
  })

  it('input that was removed before it was read', async () => {
    const { topology } = countTopology()
    const first = await world.start(topology)
    await first.feed(input, records(40))
    await first.drained()
    await first.close()
    await world.use(async (connection) => {
      const { Producer } = await import('../../src/client/index.ts')
      const producer = new Producer(connection)
      for (let index = 0; index < 5; index++)
        await producer.send({ topic: 'input', partition: 0, value: 'x', key: 'k' })
      await producer.close()
    })
    await world.admin(async (admin) => {
      const [end] = await admin.listOffsets([{ topic: 'input', partition: 0 }], 'latest')
      await admin.deleteRecords([{ topic: 'input', partition: 0, offset: end!.offset }])
    })
    const error = await rejectionOf(world.start(topology))
    expect(error).to.have.property('code', 'INPUT_OFFSETS_LOST')
    expect((error as Error).message).to.include('input-0')
  })

  it('an internal topic with another number of partitions', async () => {
    await world.admin((admin) =>
      admin.createTopics([{ name: 'app-counts-changelog', partitions: 2, configs: { 'cleanup.policy': 'compact' } }]),
    )
    const error = await rejectionOf(world.start(countTopology().topology))
    expect(error).to.have.property('code', 'INTERNAL_TOPIC_INVALID')
  })

  it('settings that do not fit together', async () => {
    const { topology } = countTopology()
    for (const config of [
      { commitIntervalMs: 10_000, transactionTimeoutMs: 10_000 },
      { commitIntervalMs: 0 },
      { applicationId: 'a b' },
      { maxTaskIdleMs: -2 },
    ]) {
      expect(await rejectionOf(world.start(topology, config))).to.have.property('code', 'CONFIG_INVALID')
    }
  })
})

async function settled(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}
