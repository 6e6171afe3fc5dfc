import { expect } from 'chai'
import type { Files } from '../../src/base/files.ts'
import { encodeCheckedJson } from '../../src/log/checked-json.ts'
import { codeToName, type KafkaError } from '../../src/protocol/error-codes.ts'
import { zeroUuid } from '../../src/protocol/schema.ts'
import { singleRecordBatch } from '../../src/records/batch-builder.ts'
import { Fixture } from './fixture.ts'

const meta = '/data/log/meta.json'

describe('Topics', () => {
  let broker: Fixture
  beforeEach(async () => {
    broker = await Fixture.open()
  })
  afterEach(() => broker.close())

  async function metadata(name: string | null, topicId = zeroUuid): Promise<{ error: KafkaError; partitions: number }> {
    const { topics } = await broker.request('Metadata', {
      topics: [{ name, topicId }],
      allowAutoTopicCreation: true,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    })
    return { error: codeToName(topics[0]!.errorCode), partitions: topics[0]!.partitions.length }
  }

  async function configs(name: string): Promise<Record<string, string | null>> {
    const { results } = await broker.request('DescribeConfigs', {
      resources: [{ resourceType: 2, resourceName: name, configurationKeys: null }],
      includeSynonyms: true,
      includeDocumentation: false,
    })
    return Object.fromEntries(results[0]!.configs.map((config) => [config.name, config.value]))
  }

  async function alter(name: string, key: string, operation: number, value: string | null): Promise<KafkaError> {
    const { responses } = await broker.request('IncrementalAlterConfigs', {
      resources: [{ resourceType: 2, resourceName: name, configs: [{ name: key, configOperation: operation, value }] }],
      validateOnly: false,
    })
    return codeToName(responses[0]!.errorCode)
  }

  const folders = (): string[] => broker.disk.list('/data/log').filter((name) => /-\d+$/.test(name))

  it('are not created by asking for them', async () => {
    expect(await metadata('t')).to.deep.equal({ error: 'UNKNOWN_TOPIC_OR_PARTITION', partitions: 0 })
  })

  it('are known by name and by id, and keep both over a restart and a crash', async () => {
    expect(await broker.createTopic('t', 3)).to.equal('NONE')
    const id = await broker.topicId('t')
    expect(id).not.to.equal(zeroUuid)
    await broker.reopen()
    await broker.crash()
    expect(await broker.topicId('t')).to.equal(id)
    expect(await metadata(null, id)).to.deep.equal({ error: 'NONE', partitions: 3 })
    expect(folders()).to.include.members(['t-0', 't-1', 't-2'])
  })

  it('raise the leader epoch at each start', async () => {
    await broker.createTopic('t')
    const epoch = async (): Promise<number> => {
      const answer = await broker.request('Metadata', {
        topics: null,
        allowAutoTopicCreation: false,
        includeClusterAuthorizedOperations: false,
        includeTopicAuthorizedOperations: false,
      })
      return answer.topics.find(({ name }) => name === 't')!.partitions[0]!.leaderEpoch
    }
    const before = await epoch()
    await broker.reopen()
    expect(await epoch()).to.equal(before + 1)
    await broker.crash()
    expect(await epoch()).to.equal(before + 2)
  })

  it('are refused with wrong names, numbers and configs', async () => {
    await broker.createTopic('a.b')
    expect(await broker.createTopic('a.b')).to.equal('TOPIC_ALREADY_EXISTS')
    expect(await broker.createTopic('a_b')).to.equal('INVALID_TOPIC_EXCEPTION')
    expect(await broker.createTopic('a/b')).to.equal('INVALID_TOPIC_EXCEPTION')
    expect(await broker.createTopic('..')).to.equal('INVALID_TOPIC_EXCEPTION')
    expect(await broker.createTopic('')).to.equal('INVALID_TOPIC_EXCEPTION')
    expect(await broker.createTopic('x'.repeat(250))).to.equal('INVALID_TOPIC_EXCEPTION')
    expect(await broker.createTopic('t', 0)).to.equal('INVALID_PARTITIONS')
    expect(await broker.createTopic('t', 1, { 'no.such': '1' })).to.equal('INVALID_CONFIG')
    expect(await broker.createTopic('t', 1, { 'retention.ms': 'soon' })).to.equal('INVALID_CONFIG')
    const noText: unknown = { 'retention.ms': -1 }
    expect(await broker.createTopic('t', 1, noText as Record<string, string>)).to.equal('INVALID_CONFIG')
    expect(await broker.createTopic('t', 1, { 'cleanup.policy': 'shred' })).to.equal('INVALID_CONFIG')
    expect(await broker.createTopic('t', 1, { 'message.timestamp.type': 'Later' })).to.equal('INVALID_CONFIG')
    expect(await metadata('t')).to.include({ error: 'UNKNOWN_TOPIC_OR_PARTITION' })
  })

  it('are only checked with validateOnly', async () => {
    const { topics } = await broker.request('CreateTopics', {
      topics: [{ name: 't', numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }],
      timeoutMs: 1000,
      validateOnly: true,
    })
    expect(topics[0]).to.include({ errorCode: 0, numPartitions: 2 })
    expect(await metadata('t')).to.include({ error: 'UNKNOWN_TOPIC_OR_PARTITION' })
  })

  it('have Kafka’s defaults, but keep everything', async () => {
    await broker.createTopic('t', 1, { 'cleanup.policy': 'compact,delete', 'segment.bytes': '1048576' })
    const described = await configs('t')
    expect(described).to.include({
      'cleanup.policy': 'compact,delete',
      'segment.bytes': '1048576',
      'retention.ms': '-1',
      'max.message.bytes': '1048588',
      'delete.retention.ms': '86400000',
    })
  })

  it('change their configs, durably and at once', async () => {
    await broker.createTopic('t')
    expect(await alter('t', 'max.message.bytes', 0, '100')).to.equal('NONE')
    await broker.crash()
    expect((await configs('t'))['max.message.bytes']).to.equal('100')
    const big = await broker.append('t', 0, broker.batch('x'.repeat(200)))
    expect(big.error).to.equal('MESSAGE_TOO_LARGE')
    expect(await alter('t', 'max.message.bytes', 1, null)).to.equal('NONE')
    expect(await broker.produce('t', 0, ['x'.repeat(200)])).to.equal(0)
    expect(await alter('t', 'cleanup.policy', 2, 'compact')).to.equal('NONE')
    expect((await configs('t'))['cleanup.policy']).to.equal('delete,compact')
    expect(await alter('t', 'cleanup.policy', 3, 'delete')).to.equal('NONE')
    expect((await configs('t'))['cleanup.policy']).to.equal('compact')
    expect(await alter('t', 'segment.ms', 2, '1')).to.equal('INVALID_CONFIG')
    expect(await alter('nope', 'segment.ms', 0, '1')).to.equal('UNKNOWN_TOPIC_OR_PARTITION')
  })

  it('ask for keys once they are compacted', async () => {
    await broker.createTopic('t', 1, { 'cleanup.policy': 'compact' })
    const keyless = singleRecordBatch(1, null, Buffer.from('v'))
    expect((await broker.append('t', 0, keyless)).error).to.equal('INVALID_RECORD')
  })

  it('grow, and never shrink', async () => {
    await broker.createTopic('t', 1)
    const grow = async (count: number): Promise<KafkaError> => {
      const topics = [{ name: 't', count, assignments: null }]
      const { results } = await broker.request('CreatePartitions', { topics, timeoutMs: 1000, validateOnly: false })
      return codeToName(results[0]!.errorCode)
    }
    await broker.produce('t', 0, ['a'])
    expect(await grow(3)).to.equal('NONE')
    expect(await broker.produce('t', 2, ['b'])).to.equal(0)
    expect(await grow(2)).to.equal('INVALID_PARTITIONS')
    await broker.crash()
    expect(await metadata('t')).to.include({ partitions: 3 })
    expect(await broker.values('t', 2)).to.deep.equal(['b'])
  })

  it('are gone with all they held when they are deleted', async () => {
    await broker.createTopic('t', 2)
    await broker.produce('t', 0, ['old'])
    await broker.commitOffset('g', 't', 0, 1)
    const id = await broker.topicId('t')
    const waiting = broker.fetch('t', 1, 0, { maxWaitMs: 60_000 })
    await broker.clock.pass(0)
    expect(await broker.deleteTopic('t')).to.equal('NONE')
    expect(codeToName((await waiting).errorCode)).to.equal('UNKNOWN_TOPIC_OR_PARTITION')
    expect(await broker.deleteTopic('t')).to.equal('UNKNOWN_TOPIC_OR_PARTITION')
    expect(await metadata(null, id)).to.include({ error: 'UNKNOWN_TOPIC_ID' })
    expect(folders().filter((name) => name.startsWith('t-'))).to.deep.equal([])
    expect(await broker.committedOffset('g', 't', 0)).to.equal(-1)
    await broker.createTopic('t', 1)
    expect(await broker.values('t')).to.deep.equal([])
    expect(await broker.topicId('t')).not.to.equal(id)
    await broker.crash()
    expect(await broker.committedOffset('g', 't', 0)).to.equal(-1)
    expect(await metadata('t')).to.include({ partitions: 1 })
  })

  it('take the offsets into them along, also when a crash comes in between', async () => {
    await broker.createTopic('t')
    await broker.commitOffset('g', 't', 0, 1)
    await broker.reopen()
    const group = broker.disk.read('/data/log/__consumer_offsets-0/00000000000000000000.log').length
    await broker.deleteTopic('t')
    await broker.crash((disk) => {
      const file = disk.open('/data/log/__consumer_offsets-0/00000000000000000000.log', 'write')
      file.truncate(group)
      file.close()
    })
    await broker.createTopic('t')
    expect(await broker.committedOffset('g', 't', 0)).to.equal(-1)
  })

  it('leave an open transaction when they are deleted', async () => {
    await broker.createTopic('t')
    await broker.createTopic('u')
    const producer = await broker.init('tx')
    await broker.send(producer, 't', 0, ['a'])
    await broker.send(producer, 'u', 0, ['b'])
    await broker.deleteTopic('t')
    expect(await broker.end(producer, true)).to.equal('NONE')
    expect(await broker.committedValues('u')).to.deep.equal(['b'])
  })

  /** The process dies, and meta.json says something else. */
  function crashWith(change: (content: { topics: { name: string; id: string }[]; deleted: string[] }) => void) {
    return broker.crash((disk) => {
      const content = JSON.parse(disk.read(meta).toString())
      delete content.crc
      change(content)
      overwrite(disk, encodeCheckedJson(content))
    })
  }

  function overwrite(disk: Files, bytes: Buffer): void {
    const file = disk.open(meta, 'write')
    file.truncate(0)
    file.write(bytes, 0, bytes.length, 0)
    file.close()
  }

  it('do not come back from folders that a crash left over, half created or half deleted', async () => {
    await broker.createTopic('half-created')
    await broker.createTopic('t')
    await broker.produce('t', 0, ['a'])
    await crashWith((content) => {
      content.deleted = content.topics.filter(({ name }) => name === 't').map(({ id }) => id)
      content.topics = content.topics.filter(({ name }) => name.startsWith('__'))
    })
    expect(await metadata('t')).to.include({ error: 'UNKNOWN_TOPIC_OR_PARTITION' })
    expect(folders()).to.have.members(['__consumer_offsets-0', '__transaction_state-0'])
    await broker.createTopic('t')
    expect(await broker.values('t')).to.deep.equal([])
  })

  it('leave a folder with records alone that meta.json neither names nor calls deleted, and say so', async () => {
    await broker.createTopic('t')
    await broker.produce('t', 0, ['a'])
    const log = '/data/log/t-0/00000000000000000000.log'
    const records = broker.disk.read(log)
    await crashWith((content) => {
      content.topics = content.topics.filter(({ name }) => name !== 't')
    })
    const told: string[] = []
    broker.broker.listen((trouble) => told.push(trouble))
    expect(told.join()).to.match(/partition t-0 .*LOG_CORRUPT.*meta\.json/)
    expect(await broker.createTopic('t')).to.equal('KAFKA_STORAGE_ERROR')
    expect(broker.disk.read(log)).to.deep.equal(records)
    expect(await broker.createTopic('u')).to.equal('NONE')
  })

  it('are remembered as deleted only while something of them may be left', async () => {
    for (const name of ['a', 'b', 'c']) {
      await broker.createTopic(name)
      await broker.deleteTopic(name)
    }
    expect(JSON.parse(broker.disk.read(meta).toString()).deleted).to.have.length(1)
  })

  it('are not served from a list of topics of which one bit has changed, or one without a checksum', async () => {
    await broker.createTopic('plain')
    await broker.produce('plain', 0, ['a'])
    const whole = broker.disk.read(meta)
    const { crc: _, ...old } = JSON.parse(whole.toString())
    const damaged = [Buffer.from(JSON.stringify(old)), Buffer.from(whole.toString().replace('"plain"', '"qlain"'))]
    for (let at = 0; at < whole.length; at += 7) {
      const flipped = Buffer.from(whole)
      flipped[at] = flipped[at]! ^ 1
      damaged.push(flipped)
    }
    for (const bytes of damaged) {
      const refused = await broker.crash((disk) => overwrite(disk, bytes)).catch((error) => error)
      expect(refused).to.include({ code: 'LOG_CORRUPT' })
      expect(refused.message).to.contain(meta)
    }
    expect(folders()).to.include('plain-0')
    await broker.crash((disk) => overwrite(disk, whole))
    expect(await broker.values('plain')).to.deep.equal(['a'])
  })

  it('are not served without the list of topics: it is never guessed', async () => {
    await broker.createTopic('t')
    const lost = await broker.crash((disk) => disk.remove(meta)).catch((error) => error)
    expect(lost).to.include({ code: 'LOG_CORRUPT' })
    expect(folders()).to.include('t-0')
  })

  it('of the broker cannot be deleted', async () => {
    expect(await broker.deleteTopic('__consumer_offsets')).to.equal('INVALID_TOPIC_EXCEPTION')
    expect(await broker.createTopic('__transaction_state')).to.equal('TOPIC_ALREADY_EXISTS')
  })

  it('refuse to delete records of a topic that is only compacted', async () => {
    await broker.createTopic('t', 1, { 'cleanup.policy': 'compact' })
    const { topics } = await broker.request('DeleteRecords', {
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: -1 }] }],
      timeoutMs: 1000,
    })
    expect(codeToName(topics[0]!.partitions[0]!.errorCode)).to.equal('POLICY_VIOLATION')
  })
})
