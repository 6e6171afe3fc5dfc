import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type ErrorCode, StreamError } from '../../src/base/errors.ts'
import { systemMachine } from '../../src/base/machine.ts'
import { SeededRandom } from '../../src/base/random.ts'
import { Broker } from '../../src/broker/broker.ts'
import { Admin } from '../../src/client/admin/admin.ts'
import type { Assignor, MemberAssignment, SubscribedMember } from '../../src/client/consumer/assignor.ts'
import { Consumer } from '../../src/client/consumer/consumer.ts'
import type { ConsumerRecord } from '../../src/client/consumer/consumer-record.ts'
import type { ConsumerOptions } from '../../src/client/consumer/options.ts'
import { Producer, type ProducerOptions } from '../../src/client/producer/producer.ts'
import { nameOf, type TopicPartition } from '../../src/client/topic-partition.ts'
import type { Connection } from '../../src/protocol/connection.ts'

export type Carrier = (broker: Broker, clientId: string) => Connection

export async function errorOf(run: Promise<unknown>): Promise<ErrorCode | 'none'> {
  try {
    await run
  } catch (error) {
    if (StreamError.is(error)) return error.code
    throw error
  }
  return 'none'
}

/** A broker in a folder of its own, and clients on one carrier. */
class World {
  readonly directory = mkdtempSync(join(tmpdir(), 'millrace-client-'))
  readonly #carrier: Carrier
  readonly #closing: (() => Promise<unknown>)[] = []
  broker!: Broker
  admin!: Admin

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  async open(): Promise<void> {
    this.broker = await Broker.open(systemMachine, this.directory, { flush: 'os' })
    this.admin = new Admin(this.connect())
  }

  connect(): Connection {
    return this.#carrier(this.broker, 'suite')
  }

  producer(options: ProducerOptions = {}): Producer {
    const producer = new Producer(this.connect(), options)
    this.#closing.push(() => errorOf(producer.close()))
    return producer
  }

  consumer(options: ConsumerOptions = {}): Consumer {
    const consumer = new Consumer(this.connect(), {
      autoOffsetReset: 'earliest',
      sessionTimeoutMs: 2000,
      heartbeatIntervalMs: 20,
      fetchWaitMs: 50,
      ...options,
    })
    this.#closing.push(() => errorOf(consumer.close()))
    return consumer
  }

  async transactional(transactionalId: string): Promise<Producer> {
    const producer = this.producer({ transactionalId })
    await producer.initTransactions()
    return producer
  }

  async topic(name: string, partitions = 1): Promise<TopicPartition[]> {
    await this.admin.createTopics([{ name, partitions }])
    return Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition }))
  }

  async close(): Promise<void> {
    for (const close of this.#closing.reverse()) await close()
    await this.broker.close()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** Polls until so many records came. */
async function take(consumer: Consumer, count: number): Promise<ConsumerRecord[]> {
  const records: ConsumerRecord[] = []
  for (let polls = 0; records.length < count && polls < 3000; polls++) records.push(...(await consumer.poll(50)))
  return records
}

function values(records: readonly ConsumerRecord[]): string[] {
  return records.map((record) => String(record.value))
}

/** Polls all of them until the condition holds. */
async function pollUntil(consumers: readonly Consumer[], holds: () => boolean): Promise<ConsumerRecord[]> {
  const records: ConsumerRecord[] = []
  for (let polls = 0; !holds() && polls < 300; polls++) {
    for (const polled of await Promise.all(consumers.map((consumer) => consumer.poll(10)))) records.push(...polled)
  }
  expect(holds(), 'the condition came true').to.equal(true)
  return records
}

/** What the client promises on any carrier. */
export function clientSuite(name: string, carrier: Carrier): void {
  describe(`a client on the ${name} carrier`, () => {
    let world: World

    beforeEach(async () => {
      world = new World(carrier)
      await world.open()
    })

    afterEach(() => world.close())

    describe('producing and consuming', () => producing(() => world))
    describe('transactions', () => transactions(() => world))
    describe('groups', () => groups(() => world))
    describe('admin', () => admin(() => world))
  })
}

function producing(world: () => World): void {
  it('gives back keys, values, headers and timestamps, null ones too', async () => {
    const [at] = await world().topic('t')
    const producer = world().producer()
    const headers = [
      { key: 'h', value: Buffer.from('1') },
      { key: 'h', value: null },
    ]
    await producer.send({ topic: 't', key: 'größe', value: null, timestampMs: 5, headers })
    await producer.send({ topic: 't', key: null, value: 'v', timestampMs: 4 })
    const consumer = world().consumer()
    consumer.assign([at!])
    const read = await take(consumer, 2)
    expect(read).to.deep.equal([
      { topic: 't', partition: 0, offset: 0, timestampMs: 5, key: Buffer.from('größe'), value: null, headers },
      { topic: 't', partition: 0, offset: 1, timestampMs: 4, key: null, value: Buffer.from('v'), headers: [] },
    ])
    expect(consumer.position(at!)).to.equal(2)
    expect(consumer.lag(at!)).to.equal(0)
  })

  it('keeps the order of many batches, compressed ones among them, over several partitions', async () => {
    const partitions = await world().topic('t', 3)
    const count = 3000
    for (const compression of ['none', 'gzip'] as const) {
      const producer = world().producer({ batchBytes: 2000, compression })
      const value = Buffer.alloc(40)
      for (let index = 0; index < count; index++) {
        value.writeUInt32BE(index)
        producer.appendBytes('t', index % 3, index, null, 0, 0, value, 0, 40, [])
        if (producer.full) await producer.ready()
      }
      await producer.flush()
    }
    const consumer = world().consumer({ partitionBytesMax: 10_000 })
    consumer.assign(partitions)
    const read = await take(consumer, 2 * count)
    for (const { partition } of partitions) {
      const mine = read.filter((record) => record.partition === partition)
      const expected = Array.from({ length: count / 3 }, (_, index) => index * 3 + partition)
      expect(mine.map((record) => record.value!.readUInt32BE())).to.deep.equal([...expected, ...expected])
      expect(mine.map((record) => record.offset)).to.deep.equal(mine.map((_, index) => index))
    }
  })

  it('starts where it is told, and goes where it is sent', async () => {
    const [at] = await world().topic('t')
    const producer = world().producer({ batchBytes: 100 })
    for (let index = 0; index < 10; index++) await producer.send({ topic: 't', value: `${index}`, timestampMs: index })
    const latest = world().consumer({ autoOffsetReset: 'latest' })
    latest.assign([at!])
    await latest.poll(50)
    await producer.send({ topic: 't', value: '10' })
    expect(values(await take(latest, 1))).to.deep.equal(['10'])
    latest.seek(at!, 7)
    expect(values(await take(latest, 4))).to.deep.equal(['7', '8', '9', '10'])
    latest.seekToEnd(at!, 'earliest')
    expect(values(await take(latest, 11))[0]).to.equal('0')
    const none = world().consumer({ autoOffsetReset: 'none' })
    none.assign([at!])
    const polled = async (): Promise<void> => {
      for (let polls = 0; polls < 20; polls++) await none.poll(20)
    }
    expect(await errorOf(polled())).to.equal('LOG_OFFSET_OUT_OF_RANGE')
    none.seek(at!, 99)
    expect(await errorOf(polled())).to.equal('LOG_OFFSET_OUT_OF_RANGE')
    none.seek(at!, 9)
    expect(values(await take(none, 2))).to.deep.equal(['9', '10'])
  })

  it('goes to an end of the log when the position is no longer there', async () => {
    const [at] = await world().topic('t')
    const producer = world().producer({ batchBytes: 100 })
    for (let index = 0; index < 10; index++) await producer.send({ topic: 't', value: `${index}` })
    expect(await world().admin.deleteRecords([{ ...at!, offset: 6 }])).to.deep.equal([{ ...at!, lowWatermark: 6 }])
    const consumer = world().consumer()
    consumer.assign([at!])
    consumer.seek(at!, 2)
    expect(values(await take(consumer, 4))).to.deep.equal(['6', '7', '8', '9'])
  })

  it('hands nothing over of a paused partition, and what was fetched of it after resume', async () => {
    const partitions = await world().topic('t', 2)
    const producer = world().producer()
    const consumer = world().consumer()
    consumer.assign(partitions)
    await consumer.poll(20)
    consumer.pause([partitions[0]!])
    for (const { partition } of partitions) await producer.send({ topic: 't', partition, value: `${partition}` })
    expect(values(await take(consumer, 1))).to.deep.equal(['1'])
    expect(await consumer.poll(100)).to.deep.equal([])
    expect(consumer.position(partitions[0]!)).to.equal(0)
    consumer.resume([partitions[0]!])
    expect(values(await take(consumer, 1))).to.deep.equal(['0'])
  })

  it('wakes a waiting poll when a record comes', async () => {
    const [at] = await world().topic('t')
    const consumer = world().consumer({ fetchWaitMs: 10_000 })
    consumer.assign([at!])
    await consumer.poll(20)
    const started = performance.now()
    const polled = take(consumer, 1)
    await world().producer().send({ topic: 't', value: 'x' })
    expect(values(await polled)).to.deep.equal(['x'])
    expect(performance.now() - started).to.be.lessThan(2000)
  })

  it('commits positions without a group, and finds them again', async () => {
    const partitions = await world().topic('t', 2)
    const producer = world().producer()
    for (const value of ['a', 'b', 'c']) await producer.send({ topic: 't', partition: 0, value })
    const first = world().consumer({ groupId: 'solo' })
    first.assign(partitions)
    await take(first, 3)
    await first.commit([{ topic: 't', partition: 0, offset: 2, leaderEpoch: -1, metadata: 'note' }])
    const found = await first.committed(partitions)
    expect(found.get('t-0')).to.deep.equal({ offset: 2, leaderEpoch: -1, metadata: 'note' })
    expect(found.get('t-1')).to.equal(null)
    const second = world().consumer({ groupId: 'solo' })
    second.assign(partitions)
    expect(values(await take(second, 1))).to.deep.equal(['c'])
    await second.commit()
    expect((await second.committed([partitions[0]!])).get('t-0')!.offset).to.equal(3)
  })

  it('says TOPIC_UNKNOWN for a topic that is not there, when producing and when consuming', async () => {
    const producer = world().producer({ topicLookupTimeoutMs: 50 })
    expect(await errorOf(producer.send({ topic: 'none', value: 'x' }))).to.equal('TOPIC_UNKNOWN')
    await world().topic('t', 2)
    producer.appendBytes('t', 2, 0, null, 0, 0, null, 0, 0, [])
    expect(await errorOf(producer.flush())).to.equal('TOPIC_UNKNOWN')
    for (const missing of [
      { topic: 'none', partition: 0 },
      { topic: 't', partition: 2 },
    ]) {
      const consumer = world().consumer({ topicLookupTimeoutMs: 50 })
      consumer.assign([missing])
      consumer.seek(missing, 0)
      const polled = async (): Promise<void> => {
        for (let polls = 0; polls < 20; polls++) await consumer.poll(20)
      }
      expect(await errorOf(polled())).to.equal('TOPIC_UNKNOWN')
    }
  })
}

function transactions(world: () => World): void {
  it('shows a transaction to read_committed readers when it is committed, and never when it is aborted', async () => {
    const [at] = await world().topic('t')
    const producer = await world().transactional('tx')
    const committed = world().consumer({ isolation: 'readCommitted' })
    const uncommitted = world().consumer()
    committed.assign([at!])
    uncommitted.assign([at!])
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'a' })
    expect(values(await take(uncommitted, 1))).to.deep.equal(['a'])
    expect(values(await committed.poll(100))).to.deep.equal([])
    await producer.commitTransaction()
    expect(values(await take(committed, 1))).to.deep.equal(['a'])
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'b' })
    await producer.abortTransaction()
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'c' })
    await producer.commitTransaction()
    expect(values(await take(committed, 1))).to.deep.equal(['c'])
    expect(values(await take(uncommitted, 2))).to.deep.equal(['b', 'c'])
    const [stable] = await world().admin.listOffsets([at!], 'latest', { isolation: 'readCommitted' })
    expect(stable!.offset).to.equal(6)
  })

  it('moves the position past markers and aborted records', async () => {
    const [at] = await world().topic('t')
    const producer = await world().transactional('tx')
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'a' })
    await producer.abortTransaction()
    const consumer = world().consumer({ isolation: 'readCommitted' })
    consumer.assign([at!])
    for (let polls = 0; polls < 50 && consumer.position(at!) < 2; polls++) {
      expect(await consumer.poll(20)).to.deep.equal([])
    }
    expect(consumer.position(at!)).to.equal(2)
    expect(consumer.lag(at!)).to.equal(0)
  })

  it('commits offsets with the records, or neither', async () => {
    const partitions = await world().topic('t', 2)
    const producer = await world().transactional('tx')
    const reader = world().consumer({ groupId: 'g' })
    const member = { memberId: '', generationId: -1, groupInstanceId: null }
    const offsets = (offset: number) =>
      partitions.map((at) => ({ ...at, offset, leaderEpoch: -1, metadata: `m${offset}` }))
    producer.beginTransaction()
    await producer.sendOffsets('g', offsets(5), member)
    expect((await reader.committed(partitions)).get('t-0')).to.equal(null)
    expect(await errorOf(reader.committed(partitions, { requireStable: true, timeoutMs: 50 }))).to.equal(
      'OFFSETS_UNSTABLE',
    )
    const waiting = reader.committed(partitions, { requireStable: true })
    await producer.commitTransaction()
    expect((await waiting).get('t-1')).to.deep.equal({ offset: 5, leaderEpoch: -1, metadata: 'm5' })
    producer.beginTransaction()
    await producer.sendOffsets('g', offsets(9), member)
    await producer.abortTransaction()
    expect((await reader.committed(partitions, { requireStable: true })).get('t-1')!.offset).to.equal(5)
  })

  it('fences the producer that had the transactional id before, and aborts what it left open', async () => {
    const [at] = await world().topic('t')
    const old = await world().transactional('tx')
    old.beginTransaction()
    await old.send({ topic: 't', value: 'left open' })
    const young = await world().transactional('tx')
    expect(await errorOf(old.commitTransaction())).to.equal('PRODUCER_FENCED')
    young.beginTransaction()
    await young.send({ topic: 't', value: 'new' })
    await young.commitTransaction()
    const consumer = world().consumer({ isolation: 'readCommitted' })
    consumer.assign([at!])
    expect(values(await take(consumer, 1))).to.deep.equal(['new'])
  })

  it('refuses offsets of a member that the group does not know', async () => {
    await world().topic('t')
    const consumer = world().consumer({ groupId: 'g' })
    let assigned = false
    consumer.subscribe(['t'], {
      onAssigned: async () => {
        assigned = true
      },
    })
    await pollUntil([consumer], () => assigned)
    const producer = await world().transactional('tx')
    const one = { topic: 't', partition: 0, offset: 5, leaderEpoch: -1, metadata: '' }
    producer.beginTransaction()
    const stranger = { ...consumer.groupMetadata(), memberId: 'stranger' }
    expect(await errorOf(producer.sendOffsets('g', [one], stranger))).to.equal('MEMBER_UNKNOWN')
    await producer.abortTransaction()
    producer.beginTransaction()
    const late = { ...consumer.groupMetadata(), generationId: consumer.groupMetadata().generationId - 1 }
    expect(await errorOf(producer.sendOffsets('g', [one], late))).to.equal('MEMBER_UNKNOWN')
    await producer.abortTransaction()
    producer.beginTransaction()
    await producer.sendOffsets('g', [one], consumer.groupMetadata())
    await producer.commitTransaction()
    expect((await consumer.committed([one], { requireStable: true })).get('t-0')!.offset).to.equal(5)
  })

  it('shows exactly what was committed, for random histories of several producers', async () => {
    const random = new SeededRandom(7)
    const partitions = await world().topic('t', 2)
    const producers = await Promise.all(['a', 'b', 'c'].map((id) => world().transactional(id)))
    const plain = world().producer()
    const expected: string[][] = [[], []]
    const everything: number[] = [0, 0]
    for (let round = 0; round < 40; round++) {
      const producer = producers[random.int(3)]!
      const other = producers[(producers.indexOf(producer) + 1) % 3]!
      const commits = random.int(3) > 0
      const otherCommits = random.int(2) > 0
      producer.beginTransaction()
      other.beginTransaction()
      for (let index = random.int(6); index >= 0; index--) {
        const partition = random.int(2)
        const who = random.int(4)
        const value = `${round}/${index}`
        const from = who === 0 ? plain : who === 1 ? other : producer
        await from.send({ topic: 't', partition, value })
        everything[partition]!++
        if (from === plain || (from === other ? otherCommits : commits)) expected[partition]!.push(value)
      }
      for (const [each, does] of [
        [producer, commits],
        [other, otherCommits],
      ] as const) {
        if (does) await each.commitTransaction()
        else await each.abortTransaction()
      }
    }
    const total = expected[0]!.length + expected[1]!.length
    for (const partitionBytesMax of [1, 500, 100_000]) {
      const consumer = world().consumer({ isolation: 'readCommitted', partitionBytesMax })
      consumer.assign(partitions)
      const read = await take(consumer, total)
      for (const { partition } of partitions) {
        expect(values(read.filter((record) => record.partition === partition))).to.deep.equal(expected[partition])
      }
    }
    const all = world().consumer()
    all.assign(partitions)
    expect(await take(all, everything[0]! + everything[1]!)).to.have.length(everything[0]! + everything[1]!)
  })
}

/** Shares partitions out one by one, and tells each member what the leader knows of all. */
class TellingAssignor implements Assignor {
  readonly name = 'telling'
  readonly said: string
  heard = ''
  received: readonly TopicPartition[] = []

  constructor(said: string) {
    this.said = said
  }

  subscriptionUserData(topics: readonly string[]): Buffer {
    return Buffer.from(`${this.said} reads ${topics.join('+')}`)
  }

  assign(
    members: readonly SubscribedMember[],
    topics: { partitionsOf(topic: string): number },
  ): Map<string, MemberAssignment> {
    const all = members.map((member) => String(member.userData)).sort()
    const assigned = new Map<string, TopicPartition[]>(members.map((member) => [member.memberId, []]))
    const lists = [...assigned.values()]
    for (let partition = 0; partition < topics.partitionsOf('t'); partition++) {
      lists[partition % lists.length]!.push({ topic: 't', partition })
    }
    return new Map(
      members.map((member) => {
        const userData = Buffer.from(`${String(member.userData)} of ${all.join(', ')}`)
        return [member.memberId, { partitions: assigned.get(member.memberId)!, userData }]
      }),
    )
  }

  onAssignment(partitions: readonly TopicPartition[], userData: Buffer | null): void {
    this.received = partitions
    this.heard = String(userData)
  }
}

function groups(world: () => World): void {
  /** What a member holds, by its own listener. */
  function watched(consumer: Consumer): { held: string[]; story: string[] } {
    const view = { held: [] as string[], story: [] as string[] }
    consumer.subscribe(['t'], {
      onAssigned: async (partitions) => {
        view.held = partitions.map(nameOf)
        view.story.push(`+${partitions.length}`)
      },
      onRevoked: async (partitions) => {
        view.held = []
        view.story.push(`-${partitions.length}`)
      },
      onLost: async (partitions) => {
        view.held = []
        view.story.push(`lost ${partitions.length}`)
      },
    })
    return view
  }

  it('share partitions, and take over from a member that leaves', async () => {
    await world().topic('t', 4)
    const producer = world().producer()
    for (let partition = 0; partition < 4; partition++)
      await producer.send({ topic: 't', partition, value: `${partition}` })
    const first = world().consumer({ groupId: 'g' })
    const one = watched(first)
    const read = await pollUntil([first], () => one.held.length === 4)
    read.push(...(await take(first, 4 - read.length)))
    expect(values(read).sort()).to.deep.equal(['0', '1', '2', '3'])
    await first.commit()
    const second = world().consumer({ groupId: 'g' })
    const two = watched(second)
    await pollUntil([first, second], () => one.held.length === 2 && two.held.length === 2)
    expect([...one.held, ...two.held].sort()).to.deep.equal(['t-0', 't-1', 't-2', 't-3'])
    expect(one.story).to.deep.equal(['+4', '-4', '+2'])
    await second.close()
    expect(two.story.at(-1)).to.equal('-2')
    await pollUntil([first], () => one.held.length === 4)
    for (let partition = 0; partition < 4; partition++) await producer.send({ topic: 't', partition, value: 'new' })
    expect(values(await take(first, 4))).to.deep.equal(['new', 'new', 'new', 'new'])
  })

  it('carry user data of assignors to the leader and back', async () => {
    await world().topic('t', 3)
    const assignors = ['ann', 'bob'].map((who) => new TellingAssignor(who))
    const consumers = assignors.map((assignor) => world().consumer({ groupId: 'g', assignors: [assignor] }))
    for (const consumer of consumers) consumer.subscribe(['t'])
    const settled = (): boolean =>
      assignors.every((each) => each.heard.endsWith('of ann reads t, bob reads t') && each.received.length > 0)
    await pollUntil(consumers, settled)
    expect(assignors.map((each) => each.heard)).to.deep.equal([
      'ann reads t of ann reads t, bob reads t',
      'bob reads t of ann reads t, bob reads t',
    ])
    expect(assignors[0]!.received.length + assignors[1]!.received.length).to.equal(3)
  })

  it('let a static member come back to its partitions without a rebalance', async () => {
    await world().topic('t', 2)
    const stays = world().consumer({ groupId: 'g', groupInstanceId: 'stays' })
    const goes = world().consumer({ groupId: 'g', groupInstanceId: 'goes' })
    const one = watched(stays)
    const two = watched(goes)
    await pollUntil([stays, goes], () => one.held.length === 1 && two.held.length === 1)
    const { generationId } = stays.groupMetadata()
    const held = two.held
    await goes.close({ leaveGroup: false })
    const back = world().consumer({ groupId: 'g', groupInstanceId: 'goes' })
    const three = watched(back)
    await pollUntil([stays, back], () => three.held.length === 1)
    expect(three.held).to.deep.equal(held)
    expect(stays.groupMetadata().generationId).to.equal(generationId)
    await back.close()
    await pollUntil([stays], () => one.held.length === 2)
  })

  it('fence a static member whose instance id another member takes', async () => {
    await world().topic('t', 2)
    const old = world().consumer({ groupId: 'g', groupInstanceId: 'same' })
    const one = watched(old)
    await pollUntil([old], () => one.held.length === 2)
    const young = world().consumer({ groupId: 'g', groupInstanceId: 'same' })
    const two = watched(young)
    await pollUntil([young], () => two.held.length === 2)
    const polled = async (): Promise<void> => {
      for (let polls = 0; polls < 100; polls++) await old.poll(20)
    }
    expect(await errorOf(polled())).to.equal('INSTANCE_FENCED')
    expect(await errorOf(old.commit())).to.equal('INSTANCE_FENCED')
    expect(one.held).to.deep.equal([])
  })

  it('tell a member that it was left behind, when it commits', async () => {
    await world().topic('t', 2)
    const slow = { groupId: 'g', heartbeatIntervalMs: 60_000, sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 100 }
    const first = world().consumer(slow)
    const one = watched(first)
    await pollUntil([first], () => one.held.length === 2)
    const second = world().consumer({ groupId: 'g', rebalanceTimeoutMs: 100 })
    const two = watched(second)
    await pollUntil([second], () => two.held.length === 2)
    const offset = { topic: 't', partition: 0, offset: 1, leaderEpoch: -1, metadata: '' }
    expect(await errorOf(first.commit([offset]))).to.equal('MEMBER_UNKNOWN')
    await pollUntil([first, second], () => one.held.length === 1 && two.held.length === 1)
    expect(one.story).to.deep.equal(['+2', 'lost 2', '+1'])
    await first.commit([offset])
  })
}

function admin(world: () => World): void {
  it('makes, describes and deletes topics', async () => {
    const { admin: tools } = world()
    await tools.createTopics([{ name: 'a', partitions: 3, configs: { 'cleanup.policy': 'compact' } }, { name: 'b' }])
    expect(await errorOf(tools.createTopics([{ name: 'a', partitions: 1 }]))).to.equal('TOPIC_EXISTS')
    await tools.createTopics([{ name: 'a', partitions: 1 }], { ifNotExists: true })
    expect(await errorOf(tools.createTopics([{ name: 'a/b' }]))).to.equal('TOPIC_INVALID')
    const described = await tools.describeTopics(['a', 'none'])
    expect([...described.keys()]).to.deep.equal(['a'])
    expect(described.get('a')).to.deep.include({ name: 'a', internal: false, partitionCount: 3 })
    expect([...(await tools.describeTopics()).keys()]).to.include.members(['a', 'b'])
    await tools.deleteTopics(['b'])
    expect(await errorOf(tools.deleteTopics(['b']))).to.equal('TOPIC_UNKNOWN')
    await tools.deleteTopics(['b'], { ifExists: true })
    await tools.createPartitions('a', 4)
    expect((await tools.describeTopics(['a'])).get('a')!.partitionCount).to.equal(4)
  })

  it('describes and changes configurations', async () => {
    const { admin: tools } = world()
    await tools.createTopics([{ name: 'a', partitions: 1, configs: { 'cleanup.policy': 'compact' } }])
    const before = (await tools.describeConfigs(['a'])).get('a')!
    expect(before.get('cleanup.policy')).to.deep.include({ value: 'compact', ownToTopic: true })
    expect(before.get('retention.ms')!.ownToTopic).to.equal(false)
    await tools.alterConfigs('a', { 'retention.ms': '5000', 'cleanup.policy': null })
    const after = (await tools.describeConfigs(['a'])).get('a')!
    expect(after.get('retention.ms')).to.deep.include({ value: '5000', ownToTopic: true })
    expect(after.get('cleanup.policy')).to.deep.include({ value: 'delete', ownToTopic: false })
    expect(await errorOf(tools.describeConfigs(['none']))).to.equal('TOPIC_UNKNOWN')
  })

  it('lists offsets by end and by time', async () => {
    const partitions = await world().topic('t', 2)
    const producer = world().producer({ batchBytes: 100 })
    for (const timestampMs of [10, 20, 30]) await producer.send({ topic: 't', partition: 1, value: 'x', timestampMs })
    const { admin: tools } = world()
    const offsets = async (spec: 'earliest' | 'latest' | number): Promise<number[]> =>
      (await tools.listOffsets(partitions, spec)).map((found) => found.offset)
    expect(await offsets('earliest')).to.deep.equal([0, 0])
    expect(await offsets('latest')).to.deep.equal([0, 3])
    expect(await offsets(15)).to.deep.equal([-1, 1])
    expect(await offsets(31)).to.deep.equal([-1, -1])
    expect((await tools.listOffsets([partitions[1]!], 20))[0]).to.deep.include({ offset: 1, timestampMs: 20 })
  })

  it('describes groups, and reads all offsets they committed', async () => {
    const partitions = await world().topic('t', 2)
    const consumer = world().consumer({ groupId: 'g', groupInstanceId: 'i' })
    let assigned = 0
    consumer.subscribe(['t'], {
      onAssigned: async (got) => {
        assigned = got.length
      },
    })
    await pollUntil([consumer], () => assigned === 2)
    const { admin: tools } = world()
    await consumer.commit([{ ...partitions[0]!, offset: 3, leaderEpoch: 0, metadata: 'm' }])
    expect((await tools.listGroups()).map((group) => group.groupId)).to.include('g')
    const [group] = await tools.describeGroups(['g'])
    expect(group).to.deep.include({ groupId: 'g', state: 'Stable', protocol: 'range' })
    expect(group!.members[0]).to.deep.include({ groupInstanceId: 'i', topics: ['t'], partitions })
    expect(await tools.committedOffsets('g')).to.deep.equal([
      { ...partitions[0]!, committed: { offset: 3, leaderEpoch: 0, metadata: 'm' } },
    ])
  })
}
