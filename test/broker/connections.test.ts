import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { embedded } from '../../src/broker/index.ts'
import { registry } from '../../src/broker/registry.ts'
import { type ApiName, apiNames, apis } from '../../src/protocol/api.ts'
import type { LogLease } from '../../src/protocol/connection.ts'
import { batchOf, Fixture } from './fixture.ts'

describe('Connections', () => {
  let broker: Fixture
  before(async () => {
    broker = await Fixture.open()
    await broker.createTopic('t')
  })
  after(() => broker.close())

  it('say what is served: every API, at the pinned version at least', async () => {
    const request = { clientSoftwareName: 'test', clientSoftwareVersion: '1' }
    const { apiKeys } = await broker.request('ApiVersions', request)
    for (const api of apiNames) {
      const range = apiKeys.find(({ apiKey }) => apiKey === apis[api].key)!
      expect(range.minVersion, api).to.be.at.most(apis[api].pinned)
      expect(range.maxVersion, api).to.be.at.least(apis[api].pinned)
      expect(range.maxVersion, api).to.be.at.most(apis[api].versions[1])
      expect(range.minVersion, api).to.be.at.least(apis[api].versions[0])
      expect(registry[api].api).to.equal(api)
    }
  })

  it('never answer inside the call', async () => {
    let inside = true
    const seen: boolean[] = []
    const names: ApiName[] = ['ApiVersions', 'ListGroups']
    const answers = names.map((api) => {
      const body = { clientSoftwareName: '', clientSoftwareVersion: '', statesFilter: [], typesFilter: [] }
      return broker.connection.request(api, body).then(() => seen.push(inside))
    })
    inside = false
    await Promise.all(answers)
    expect(seen).to.deep.equal([false, false])
  })

  it('carry batches by reference when they are direct, and the same content when they encode', async () => {
    const direct = broker.broker.connect()
    const codec = broker.broker.connect({ carrier: 'codec' })
    expect([direct.checked, codec.checked]).to.deep.equal([true, false])
    await broker.produce('t', 0, ['a'])
    const request = await broker.fetchRequest([{ topic: 't', partition: 0, offset: 0 }])
    const [one, two] = await Promise.all([direct.request('Fetch', request), codec.request('Fetch', request)])
    expect(two.responses[0]!.partitions[0]!.records).to.deep.equal(one.responses[0]!.partitions[0]!.records)
    await codec.close()
  })

  it('that are closed reject what waits and what comes', async () => {
    const connection = broker.broker.connect()
    const request = await broker.fetchRequest([{ topic: 't', partition: 0, offset: 99 }], { maxWaitMs: 60_000 })
    const topics = request.topics.map((topic) => ({
      ...topic,
      partitions: topic.partitions.map((partition) => ({ ...partition, fetchOffset: 1 })),
    }))
    const waiting = connection.request('Fetch', { ...request, topics }).catch((error: { code: string }) => error.code)
    await connection.close()
    await connection.close()
    expect(await waiting).to.equal('NET_DISCONNECTED')
    const late = connection.request('ListGroups', { statesFilter: [], typesFilter: [] })
    expect(await late.catch((error: { code: string }) => error.code)).to.equal('NET_DISCONNECTED')
  })

  it('change nothing in what was handed over but the offsets of batches', async () => {
    const freeze = <T>(value: T): T => {
      if (typeof value === 'object' && value !== null && !Buffer.isBuffer(value)) {
        for (const part of Object.values(value)) freeze(part)
        Object.freeze(value)
      }
      return value
    }
    const producer = await broker.init('frozen')
    await broker.request(
      'AddPartitionsToTxn',
      freeze({
        v3AndBelowTransactionalId: 'frozen',
        v3AndBelowProducerId: producer.producerId,
        v3AndBelowProducerEpoch: producer.producerEpoch,
        v3AndBelowTopics: [{ name: 't', partitions: [0] }],
      }),
    )
    const produce = freeze({
      transactionalId: null,
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ name: 't', partitionData: [{ index: 0, records: batchOf(['f']) }] }],
    })
    expect((await broker.request('Produce', produce)).responses[0]!.partitionResponses[0]!.errorCode).to.equal(0)
    await broker.request('Fetch', freeze(await broker.fetchRequest([{ topic: 't', partition: 0, offset: 0 }])))
    await broker.end(producer, false)
  })
})

describe('embedded', () => {
  let root: string
  const leases: LogLease[] = []
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'millrace-embedded-'))
  })
  afterEach(async () => {
    for (const lease of leases.splice(0)) await lease.release()
    rmSync(root, { recursive: true, force: true })
  })

  const clusterOf = async (lease: LogLease): Promise<string> => {
    const request = { includeClusterAuthorizedOperations: false, endpointType: 1 }
    return (await lease.connect('test').request('DescribeCluster', request)).clusterId
  }

  it('opens one broker for all its users, and closes it after the last', async () => {
    const log = embedded(join(root, 'data'))
    expect(log.description).to.contain('data')
    const [first, second] = await Promise.all([log.acquire(), log.acquire()])
    expect(await clusterOf(first)).to.equal(await clusterOf(second))
    await first.release()
    await first.release()
    const cluster = await clusterOf(second)
    await second.release()
    const third = await log.acquire()
    leases.push(third)
    expect(await clusterOf(third)).to.equal(cluster)
    expect(third.directory).to.equal(join(root, 'data'))
  })

  it('refuses a folder or an option that is none, before anything is opened', () => {
    for (const [open, says] of [
      [() => embedded(undefined as never), /folder undefined; give the path of one: embedded\(/],
      [() => embedded(''), /folder ''/],
      [() => embedded(join(root, 'data'), { foo: 1 } as never), /'foo'; there are: flush/],
      [() => embedded(join(root, 'data'), { carrier: 'wire' as never }), /carrier .*'direct' or 'codec'/],
      [() => embedded(join(root, 'data'), { flush: 'x' as never }), /flush .*'sync' or 'os'/],
      [() => embedded(join(root, 'data'), 5 as never), /cannot be read from 5/],
    ] as const) {
      expect(open).to.throw(/CONFIG_INVALID/)
      expect(open).to.throw(says)
    }
  })

  it('refuses a second handle on the folder, under whatever name', async () => {
    const folder = join(root, 'data')
    const lease = await embedded(folder).acquire()
    leases.push(lease)
    symlinkSync(folder, join(root, 'other'))
    for (const path of [folder, join(root, 'other')]) {
      const refusal = await embedded(path)
        .acquire()
        .catch((error: Error) => error)
      expect(refusal).to.include({ code: 'DATA_DIR_LOCKED' })
      expect((refusal as Error).message).to.contain(String(process.pid))
    }
    await lease.release()
    const next = await embedded(folder).acquire()
    leases.push(next)
  })

  it('gives a refused handle another chance', async () => {
    const folder = join(root, 'data')
    const first = await embedded(folder).acquire()
    const handle = embedded(folder)
    expect(await handle.acquire().catch((error: { code: string }) => error.code)).to.equal('DATA_DIR_LOCKED')
    await first.release()
    leases.push(await handle.acquire())
  })

  it('refuses options that make no sense', async () => {
    const refusal = await embedded(root, { minFreeBytes: -1 })
      .acquire()
      .catch((error: { code: string }) => error.code)
    expect(refusal).to.equal('CONFIG_INVALID')
  })
})
