/** What callers without types get wrong with a client: a coded error that names what and the remedy, and nothing else is harmed. */
import { expect } from 'chai'
import { type ErrorCode, StreamError } from '../../src/base/errors.ts'
import { Admin } from '../../src/client/admin/admin.ts'
import { Consumer } from '../../src/client/consumer/consumer.ts'
import { Producer } from '../../src/client/producer/producer.ts'
import { ScriptedConnection } from '../support/scripted-connection.ts'
import { world } from './producer-world.ts'

/** The compiler is left out. */
// biome-ignore lint/suspicious/noExplicitAny: these tests are written as plain JavaScript would be
type Loose = any

type Refusal = readonly [what: string, act: () => unknown, says: RegExp]

/** Throws, or rejects. */
async function failureOf(act: () => unknown): Promise<unknown> {
  try {
    await act()
  } catch (error) {
    return error
  }
  throw new Error('nothing was refused')
}

function areRefused(code: ErrorCode, refusals: readonly Refusal[]): void {
  for (const [what, act, says] of refusals) {
    it(`${what} is refused`, async () => {
      const error = await failureOf(act)
      expect(StreamError.is(error, code), String(error)).to.equal(true)
      expect((error as StreamError).message).to.match(says)
    })
  }
}

const at = { topic: 't', partition: 0 }
const connection = new ScriptedConnection()
const make = (Client: Loose, options: unknown): unknown => new Client(connection, options)
const admin: Loose = new Admin(connection)
const grouped = (): Loose => new Consumer(connection, { groupId: 'g' })
const assigned = (): Loose => {
  const consumer = new Consumer(connection)
  consumer.assign([at])
  return consumer
}

describe('Clients made without types', () => {
  areRefused('CONFIG_INVALID', [
    [
      'a producer of nothing',
      () => new (Producer as Loose)(),
      /the producer was given undefined as its connection; gi/,
    ],
    ['a consumer of nothing', () => new (Consumer as Loose)(), /the consumer was given undefined as its connection/],
    ['an admin of nothing', () => new (Admin as Loose)({}), /the admin was given {} as its connection/],
    ['options that are none', () => make(Producer, 'x'), /option of the producer cannot be read from 'x'/],
    [
      'an unknown option of a producer',
      () => make(Producer, { foo: 1 }),
      /the producer named 'foo'; there are: clientId/,
    ],
    [
      'an unknown option of a consumer',
      () => make(Consumer, { group: 'x' }),
      /the consumer named 'group'; there are: cl/,
    ],
    [
      'an unknown option of an admin',
      () => make(Admin, { timeout: 5 }),
      /the admin named 'timeout'; there are: clientId/,
    ],
    ['another codec', () => make(Producer, { compression: 'zstd' }), /compression .* is 'zstd'; give 'none' or 'gzip'/],
    ['a codec in capitals', () => make(Producer, { compression: 'GZIP' }), /compression of the producer is 'GZIP'/],
    ['a codec that is none', () => make(Producer, { compression: 5 }), /compression of the producer is 5; give 'none'/],
    ['acks that there are not', () => make(Producer, { acks: 2 }), /acks of the producer is 2; give 'all', 1 or 0/],
    ['acks as a text', () => make(Producer, { acks: '1' }), /acks of the producer is '1'; give 'all', 1 or 0/],
    [
      'a negative time',
      () => make(Producer, { lingerMs: -1 }),
      /lingerMs of the producer is -1; give a whole number of/,
    ],
    [
      'a time that no timer holds',
      () => make(Producer, { requestTimeoutMs: Number.POSITIVE_INFINITY }),
      /requestTimeoutMs of the producer is Infinity; .* from 1 to 2147483647/,
    ],
    [
      'a size that is none',
      () => make(Producer, { batchBytes: '64k' }),
      /batchBytes of the producer is '64k'; give a w/,
    ],
    [
      'an empty id',
      () => make(Producer, { transactionalId: '' }),
      /transactionalId of the producer is ''; give a text/,
    ],
    ['a clock that is none', () => make(Admin, { clock: 5 }), /clock of the admin is 5; give a clock/],
    [
      'an isolation as Kafka writes it',
      () => make(Consumer, { isolation: 'read_committed' }),
      /isolation of the consumer is 'read_committed'; give 'readCommitted' or 'readUncommitted'/,
    ],
    [
      'a reset that is none',
      () => make(Consumer, { autoOffsetReset: 'first' }),
      /autoOffsetReset .* is 'first'; give 'e/,
    ],
    [
      'assignors that are none',
      () => make(Consumer, { assignors: ['range'] }),
      /assignors of the consumer .*RangeAssi/,
    ],
    ['no assignor at all', () => make(Consumer, { assignors: [] }), /assignors of the consumer is \[\]; give a list/],
  ])
})

describe('Producer.send without types', () => {
  const send = (record?: unknown) => (): unknown => (world().producer as Loose).send(record)
  areRefused('INPUT_INVALID', [
    ['nothing', send(), /send was given undefined; give it a record: { topic, key, value }/],
    ['a record without a topic', send({}), /a record has the topic undefined; give its name/],
    [
      'a topic that is no text',
      send({ topic: Symbol('t'), value: 'x' }),
      /a record has the topic Symbol\(t\); give its/,
    ],
    [
      'a value that is no bytes',
      send({ topic: 't', value: 5 }),
      /record for t has the value 5; give a Buffer, a text, or/,
    ],
    [
      'an object as a value',
      send({ topic: 't', value: {} }),
      /record for t has the value {}; give a Buffer, a text, or n/,
    ],
    [
      'a key that is no bytes',
      send({ topic: 't', key: 5, value: 'x' }),
      /record for t has the key 5; give a Buffer, a te/,
    ],
    [
      'a misspelt field',
      send({ topic: 't', vale: 'x' }),
      /for t has a field 'vale', which .*; there are: topic, partiti/,
    ],
    [
      'a partition as a text',
      send({ topic: 't', partition: '0', value: 'x' }),
      /has the partition '0'; give a whole numb/,
    ],
    ['a partition that is no whole', send({ topic: 't', partition: 0.5, value: 'x' }), /has the partition 0.5; give a/],
    [
      'a time of none',
      send({ topic: 't', value: 'x', timestampMs: null }),
      /has the timestamp null; give whole millisec/,
    ],
    [
      'headers as an object',
      send({ topic: 't', value: 'x', headers: { a: 'b' } }),
      /has the headers .*; give a list of {/,
    ],
    [
      'a header as a text',
      send({ topic: 't', headers: [{ key: 'a', value: 'b' }] }),
      /has the headers .*value: bytes or/,
    ],
  ])

  it('harms no other record', async () => {
    const { producer, log } = world()
    const sent = ['a', 5, 'b', {}, 'c'].map((value) => (producer as Loose).send({ ...at, value }))
    const states = (await Promise.allSettled(sent)).map(({ status }) => status)
    expect(states).to.deep.equal(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'])
    expect(log.recordsIn('t-0')).to.equal(3)
    await producer.close()
  })

  it('takes what a consumer read, and bytes of any kind', async () => {
    const { producer, log } = world()
    const read = { ...at, offset: 7, timestampMs: 5, key: null, value: Buffer.from('x'), headers: [] }
    await producer.send(read)
    await (producer as Loose).send({ ...at, key: new Uint8Array(3), value: undefined })
    await (producer as Loose).send({
      topic: 't',
      partition: null,
      key: 'k',
      value: null,
      headers: [{ key: 'h', value: null }],
    })
    expect(log.batches.reduce((sum, { count }) => sum + count, 0)).to.equal(3)
    await producer.close()
  })

  it('sends a record as it was when it was given', async () => {
    const { producer, connection: seen } = world()
    const record = { ...at, value: 'before' }
    const sent = producer.send(record)
    record.value = 'after'
    await sent
    const { records } = seen.bodies('Produce')[0]!.topicData[0]!.partitionData[0]!
    expect(records!.includes('before')).to.equal(true)
    await producer.close()
  })
})

describe('Arguments of clients without types', () => {
  const producer: Loose = new Producer(connection, { transactionalId: 'x' })
  areRefused('INPUT_INVALID', [
    [
      'a partition number as a text',
      () => producer.partition('t', '0'),
      /Producer.partition was given .*'0'.*whole numb/,
    ],
    [
      'offsets that are none',
      () => producer.sendOffsets('g', 5, {}),
      /sendOffsets was given 5; give it a list of { topi/,
    ],
    ['a member that is none', () => producer.sendOffsets('g', [], {}), /sendOffsets was given {}; give it a member/],
    [
      'topics to read as one text',
      () => grouped().subscribe('ss'),
      /subscribe was given 'ss'; give it a list of texts/,
    ],
    [
      'a listener that is none',
      () => grouped().subscribe(['t'], { onAssigned: 5 }),
      /subscribe was given .*a listener:/,
    ],
    [
      'partitions to read as a text',
      () => assigned().assign('ss'),
      /assign was given 'ss'; give it a list of partitions/,
    ],
    [
      'partitions without numbers',
      () => assigned().assign([{ topic: 't' }]),
      /assign was given .*; give it a list of p/,
    ],
    ['one partition to pause', () => assigned().pause(at), /pause was given .*; give it a list of partitions/],
    ['one partition to resume', () => assigned().resume(at), /resume was given .*; give it a list of partitions/],
    ['a wait of no time', () => assigned().poll(), /poll was given undefined; give it how many milliseconds to wait/],
    ['an offset below the first', () => assigned().seek(at, -1), /seek was given -1; give it a whole number from 0 on/],
    ['an end that is none', () => assigned().seekToEnd(at), /seekToEnd was given undefined; give it 'earliest' or/],
    ['the position of nothing', () => assigned().position(), /position was given undefined; give it a partition:/],
    [
      'offsets without an offset',
      () => grouped().commit([at]),
      /commit was given .*; give it a list of { topic, partit/,
    ],
    [
      'committed offsets of nothing',
      () => grouped().committed(),
      /committed was given undefined; give it a list of part/,
    ],
    ['no topics to create', () => admin.createTopics(), /createTopics was given undefined; give it a list of topics:/],
    [
      'topics to create by name',
      () => admin.createTopics(['x']),
      /createTopics was given \[ 'x' \]; give it a list of t/,
    ],
    [
      'a topic to delete without a list',
      () => admin.deleteTopics('x'),
      /deleteTopics was given 'x'; give it a list of t/,
    ],
    [
      'a topic to describe without a list',
      () => admin.describeTopics('x'),
      /describeTopics was given 'x'; give it a l/,
    ],
    [
      'a count that is none',
      () => admin.createPartitions('t', '3'),
      /createPartitions was given '3'; give it a whole n/,
    ],
    [
      'a point in the log that is none',
      () => admin.listOffsets([at], 'end'),
      /listOffsets was given 'end'; give it 'ear/,
    ],
    [
      'an end of records that is none',
      () => admin.deleteRecords([at]),
      /deleteRecords was given .*offset: a whole numbe/,
    ],
    [
      'configs of a topic without a list',
      () => admin.describeConfigs('t'),
      /describeConfigs was given 't'; give it a l/,
    ],
    [
      'a group to describe without a list',
      () => admin.describeGroups('g'),
      /describeGroups was given 'g'; give it a li/,
    ],
    ['offsets of no group', () => admin.committedOffsets(), /committedOffsets was given undefined; give it a text of/],
  ])
  areRefused('CONFIG_INVALID', [
    [
      'a misspelt field of a topic',
      () => admin.createTopics([{ name: 't', partition: 3 }]),
      /the topic 't' named 'partition'; there are: name, partitions/,
    ],
    [
      'a count of partitions as a text',
      () => admin.createTopics([{ name: 't', partitions: '3' }]),
      /partitions of the topic 't' is '3'; give a whole number/,
    ],
    [
      'configs of a new topic that are no texts',
      () => admin.createTopics([{ name: 't', configs: { 'retention.ms': -1 } }]),
      /configs of the topic 't' is { 'retention.ms': -1 }; give a text as retention.ms: '-1'/,
    ],
    [
      'configs of a topic that are no texts',
      () => admin.alterConfigs('t', { 'cleanup.policy': null, 'retention.ms': undefined }),
      /configs of the topic 't' .*; give a text as retention.ms, not undefined/,
    ],
    ['no configs', () => admin.alterConfigs('t', null), /configs of the topic 't' is null; give an object of configs/],
    ['a misspelt option', () => admin.createTopics([], { ifNotExist: true }), /createTopics named 'ifNotExist'; there/],
    [
      'an isolation of a listing',
      () => admin.listOffsets([at], 'latest', { isolation: 1 }),
      /isolation of listOffsets/,
    ],
    [
      'a misspelt option of close',
      () => assigned().close({ leave: false }),
      /of close named 'leave'; there are: leaveG/,
    ],
  ])

  it('leave a consumer as it was when they are refused', () => {
    const consumer = grouped()
    expect(() => consumer.subscribe('ss')).to.throw('INPUT_INVALID')
    consumer.assign([at])
    expect(() => consumer.assign('ss')).to.throw('INPUT_INVALID')
    expect(consumer.assignment()).to.deep.equal([at])
  })
})
