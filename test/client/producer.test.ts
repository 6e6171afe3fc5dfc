import { expect } from 'chai'
import { ByteWriter } from '../../src/base/bytes.ts'
import { type Deferred, deferred } from '../../src/base/deferred.ts'
import { type ErrorCode, StreamError } from '../../src/base/errors.ts'
import { noHeaders, type Serde } from '../../src/base/serde.ts'
import { sequenceAfter } from '../../src/client/producer/partition-appender.ts'
import { Producer, type ProducerOptions } from '../../src/client/producer/producer.ts'
import type { RequestOf, ResponseOf } from '../../src/protocol/api.ts'
import type { KafkaError } from '../../src/protocol/error-codes.ts'
import {
  baseSequenceOf,
  crcMatches,
  isTransactional,
  producerEpochOf,
  producerIdOf,
  recordCountOf,
} from '../../src/records/batch-format.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { codeOf, lost, produceAnswer, ScriptedConnection } from '../support/scripted-connection.ts'

const text: Serde<string> = {
  name: 'text',
  encode: (value, into) => into.utf8(value),
  decode: (bytes, start, end) => bytes.utf8Slice(start, end),
}

async function errorOf(run: Promise<unknown>): Promise<ErrorCode | 'none'> {
  try {
    await run
  } catch (error) {
    if (StreamError.is(error)) return error.code
    throw error
  }
  return 'none'
}

/** A log of a few lines behind a scripted connection, with Kafka's rules for sequences. */
class TinyLog {
  readonly batches: { at: string; sequence: number; count: number; epoch: number; baseOffset: number }[] = []
  readonly #next = new Map<string, number>()
  readonly #sequences = new Map<string, number>()

  /** What Produce is answered, as a broker would. */
  produce(body: RequestOf<'Produce'>, refuse: (at: string) => KafkaError = () => 'NONE'): ResponseOf<'Produce'> {
    const errors = new Map<string, KafkaError>()
    const offsets = new Map<string, number>()
    for (const { name, partitionData } of body.topicData) {
      for (const { index, records } of partitionData) {
        const at = `${name}-${index}`
        const error = refuse(at)
        errors.set(at, error === 'NONE' ? this.#append(at, records!, offsets) : error)
      }
    }
    const at = (topic: string, partition: number): string => `${topic}-${partition}`
    return produceAnswer(
      body,
      (topic, partition) => offsets.get(at(topic, partition))!,
      (topic, partition) => errors.get(at(topic, partition))!,
    )
  }

  #append(at: string, records: Buffer, offsets: Map<string, number>): KafkaError {
    expect(crcMatches(records, 0)).to.equal(true)
    const sequence = baseSequenceOf(records, 0)
    const epoch = producerEpochOf(records, 0)
    const count = recordCountOf(records, 0)
    const known = this.batches.find((batch) => batch.at === at && batch.sequence === sequence && batch.epoch === epoch)
    if (known !== undefined && sequence >= 0) {
      offsets.set(at, known.baseOffset)
      return 'NONE'
    }
    const id = `${at}/${producerIdOf(records, 0)}/${epoch}`
    if (sequence >= 0 && sequence !== (this.#sequences.get(id) ?? 0)) return 'OUT_OF_ORDER_SEQUENCE_NUMBER'
    const baseOffset = this.#next.get(at) ?? 0
    this.#next.set(at, baseOffset + count)
    this.#sequences.set(id, sequence + count)
    this.batches.push({ at, sequence, count, epoch, baseOffset })
    offsets.set(at, baseOffset)
    return 'NONE'
  }

  recordsIn(at: string): number {
    return this.#next.get(at) ?? 0
  }
}

interface World {
  readonly log: TinyLog
  readonly clock: ManualClock
  readonly connection: ScriptedConnection
  readonly producer: Producer
}

function world(options: ProducerOptions = {}): World {
  const log = new TinyLog()
  const clock = new ManualClock()
  const connection = new ScriptedConnection().on('Produce', (body) => log.produce(body))
  return { log, clock, connection, producer: new Producer(connection, { clock, ...options }) }
}

function append(producer: Producer, partition: number, value: string): void {
  producer.append('t', partition, 5, null, text, value, text, noHeaders)
}

/** Moves time until the promise is settled. */
async function settle<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  let done = false
  const watched = promise.finally(() => {
    done = true
  })
  watched.catch(() => undefined)
  for (let step = 0; step < 2000 && !done; step++) await clock.pass(50)
  return watched
}

describe('Producer', () => {
  it('acknowledges what was sent, with offsets in order of sending', async () => {
    const { producer, connection } = world()
    const sent = await Promise.all(
      ['a', 'b', 'c'].map((value) => producer.send({ topic: 't', partition: 2, value, timestampMs: 9 })),
    )
    expect(sent).to.deep.equal([0, 1, 2].map((offset) => ({ topic: 't', partition: 2, offset, timestampMs: 9 })))
    expect(connection.count('Produce')).to.equal(1)
    await producer.close()
  })

  it('puts several partitions into one request', async () => {
    const { producer, connection } = world()
    for (let partition = 0; partition < 4; partition++) append(producer, partition, 'value')
    await producer.flush()
    expect(connection.bodies('Produce')).to.have.length(1)
    expect(connection.bodies('Produce')[0]!.topicData[0]!.partitionData.map((each) => each.index)).to.have.members([
      0, 1, 2, 3,
    ])
    await producer.close()
  })

  it('sends a batch as soon as it is full, and the rest at flush', async () => {
    const { producer, connection, log } = world({ batchBytes: 200, lingerMs: 1000 })
    for (let index = 0; index < 10; index++) append(producer, 0, 'x'.repeat(50))
    while (connection.count('Produce') < 4) await new Promise((resolve) => setImmediate(resolve))
    expect(log.recordsIn('t-0')).to.equal(8)
    await producer.flush()
    expect(log.recordsIn('t-0')).to.equal(10)
    expect(producer.endOffset('t', 0)).to.equal(10)
    expect(producer.endOffset('t', 1)).to.equal(-1)
    await producer.close()
  })

  it('takes the next turn of the loop without linger, and waits with it', async () => {
    const eager = world()
    append(eager.producer, 0, 'x')
    await eager.clock.pass(0)
    expect(eager.log.recordsIn('t-0')).to.equal(1)
    const patient = world({ lingerMs: 20 })
    append(patient.producer, 0, 'x')
    await patient.clock.pass(19)
    expect(patient.log.recordsIn('t-0')).to.equal(0)
    await patient.clock.pass(1)
    expect(patient.log.recordsIn('t-0')).to.equal(1)
    await Promise.all([eager.producer.close(), patient.producer.close()])
  })

  it('writes once what it sends again because the answer was lost', async () => {
    const { producer, connection, log, clock } = world()
    connection.on('Produce', (body, call) => {
      const answer = log.produce(body)
      return call <= 2 ? lost() : answer
    })
    const sent = await settle(clock, producer.send({ topic: 't', partition: 0, value: 'once' }))
    expect(sent.offset).to.equal(0)
    expect(log.recordsIn('t-0')).to.equal(1)
    expect(connection.count('Produce')).to.equal(3)
    await producer.close()
  })

  it('keeps the order when the first of several batches in flight has to be sent again', async () => {
    const { producer, connection, log, clock } = world({ batchBytes: 150 })
    await producer.send({ topic: 't', partition: 0, value: 'first' })
    connection.on('Produce', (body, call) => log.produce(body, () => (call === 2 ? 'NOT_LEADER_OR_FOLLOWER' : 'NONE')))
    for (let index = 0; index < 12; index++) append(producer, 0, `${index}`.padStart(40, '.'))
    await settle(clock, producer.flush())
    expect(log.recordsIn('t-0')).to.equal(13)
    const sequences = log.batches.map((batch) => batch.sequence)
    expect(sequences).to.deep.equal([...sequences].sort((left, right) => left - right))
    expect(connection.count('Metadata')).to.equal(2)
    await producer.close()
  })

  it('has one batch of a partition in flight until the broker knows the producer, then at most five', async () => {
    const { producer, connection, log } = world({ batchBytes: 150, lingerMs: 1000 })
    let gate = deferred<void>()
    connection.on('Produce', async (body) => {
      const answer = log.produce(body)
      await gate.promise
      return answer
    })
    for (let index = 0; index < 40; index++) append(producer, 0, `${index}`.padStart(40, '.'))
    const flushed = producer.flush()
    const turns = async (): Promise<void> => {
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    }
    await turns()
    expect(connection.count('Produce')).to.equal(1)
    const first = gate
    gate = deferred<void>()
    first.resolve()
    await turns()
    expect(connection.count('Produce')).to.equal(1 + 5)
    gate.resolve()
    await flushed
    expect(log.recordsIn('t-0')).to.equal(40)
    await producer.close()
  })

  it('goes on under a new id when a batch is refused, and tells who waited for it', async () => {
    const { producer, connection, log, clock } = world({ batchBytes: 150, lingerMs: 0 })
    let refused = 0
    connection.on('Produce', (body) => log.produce(body, () => (refused++ === 0 ? 'MESSAGE_TOO_LARGE' : 'NONE')))
    connection.on('InitProducerId', (_body, call) => {
      return { throttleTimeMs: 0, errorCode: 0, producerId: 100 + call, producerEpoch: 0 }
    })
    const first = errorOf(producer.send({ topic: 't', partition: 0, value: 'x'.repeat(140) }))
    const second = producer.send({ topic: 't', partition: 0, value: 'y' })
    expect(await settle(clock, first)).to.equal('RECORD_TOO_LARGE')
    expect((await settle(clock, second)).offset).to.equal(0)
    expect(connection.count('InitProducerId')).to.equal(2)
    await producer.close()
  })

  it('throws at flush, once, what happened to records that nobody waits for', async () => {
    const { producer, connection, log } = world()
    connection.on('Produce', (body, call) => log.produce(body, () => (call === 1 ? 'INVALID_RECORD' : 'NONE')))
    append(producer, 0, 'x')
    expect(await errorOf(producer.flush())).to.equal('BATCH_CORRUPT')
    append(producer, 0, 'x')
    expect(await errorOf(producer.flush())).to.equal('none')
    await producer.close()
  })

  it('gives up a batch after deliveryTimeoutMs', async () => {
    const { producer, connection, clock } = world({ deliveryTimeoutMs: 2000 })
    connection.on('Produce', () => lost())
    const sent = errorOf(producer.send({ topic: 't', partition: 0, value: 'x' }))
    expect(await settle(clock, sent)).to.equal('TIMED_OUT')
    await producer.close()
  })

  it('drops an answer that comes after its request timed out', async () => {
    const { producer, connection, log, clock } = world({ requestTimeoutMs: 1000 })
    const late: Deferred<void> = deferred()
    connection.on('Produce', async (body, call) => {
      const answer = log.produce(body)
      if (call === 1) await late.promise
      return answer
    })
    const sent = producer.send({ topic: 't', partition: 0, value: 'x' })
    expect((await settle(clock, sent)).offset).to.equal(0)
    late.resolve()
    await clock.pass(10)
    expect(log.recordsIn('t-0')).to.equal(1)
    await producer.close()
  })

  it('refuses a topic that does not exist, and goes on with others', async () => {
    const { producer, connection, clock } = world()
    connection.on('Metadata', ({ topics }) => ({
      throttleTimeMs: 0,
      brokers: [],
      clusterId: null,
      controllerId: 0,
      clusterAuthorizedOperations: 0,
      topics: topics!.map(({ name }) => ({
        errorCode: name === 't' ? 0 : codeOf('UNKNOWN_TOPIC_OR_PARTITION'),
        name,
        topicId: '00000000-0000-0000-0000-000000000001',
        isInternal: false,
        topicAuthorizedOperations: 0,
        partitions:
          name !== 't'
            ? []
            : [
                {
                  errorCode: 0,
                  partitionIndex: 0,
                  leaderId: 0,
                  leaderEpoch: 0,
                  replicaNodes: [],
                  isrNodes: [],
                  offlineReplicas: [],
                },
              ],
      })),
    }))
    expect(await settle(clock, errorOf(producer.send({ topic: 'none', value: 'x' })))).to.equal('TOPIC_UNKNOWN')
    expect(await settle(clock, errorOf(producer.send({ topic: 't', partition: 4, value: 'x' })))).to.equal(
      'TOPIC_UNKNOWN',
    )
    producer.append('none', 0, 1, null, text, 'x', text, noHeaders)
    append(producer, 0, 'x')
    expect(await settle(clock, errorOf(producer.flush()))).to.equal('TOPIC_UNKNOWN')
    expect(producer.endOffset('t', 0)).to.equal(1)
    await producer.close()
  })

  it('chooses the partition by key as Kafka does, and without key takes turns', async () => {
    const { producer } = world()
    const keyed = await Promise.all(['a', 'b', 'a'].map((key) => producer.send({ topic: 't', key, value: 'x' })))
    expect(keyed[0]!.partition).to.equal(keyed[2]!.partition)
    const others = await Promise.all([1, 2, 3, 4].map(() => producer.send({ topic: 't', value: 'x' })))
    expect(others.map((sent) => sent.partition)).to.deep.equal([0, 1, 2, 3])
    await producer.close()
  })

  it('is full at its bound, has room again when answers come, and refuses to grow without end', async () => {
    const { producer, connection, log } = world({ batchBytes: 1000, bufferBytes: 10_000 })
    const gate = deferred<void>()
    connection.on('Produce', async (body) => {
      await gate.promise
      return log.produce(body)
    })
    while (!producer.full) append(producer, 0, 'x'.repeat(400))
    let room = false
    const ready = producer.ready().then(() => {
      room = true
    })
    expect(() => {
      for (let index = 0; index < 1000; index++) append(producer, 0, 'x'.repeat(400))
    }).to.throw(StreamError, 'BUFFER_FULL')
    expect(room).to.equal(false)
    gate.resolve()
    await ready
    await producer.flush()
    expect(producer.full).to.equal(false)
    await producer.close()
  })

  it('leaves the batch as it was when a serde throws', async () => {
    const { producer, log } = world()
    const broken: Serde<string> = {
      ...text,
      encode: () => {
        throw new StreamError('SERDE_FAILED', 'no')
      },
    }
    expect(() => producer.append('t', 0, 1, 'k', text, 'v', broken, noHeaders)).to.throw('SERDE_FAILED')
    append(producer, 0, 'good')
    expect(() => producer.append('t', 0, 1, 'k', text, 'v', broken, noHeaders)).to.throw('SERDE_FAILED')
    await producer.flush()
    expect(log.recordsIn('t-0')).to.equal(1)
    await producer.close()
  })

  it('refuses everything after close, which flushes and can be called twice', async () => {
    const { producer, log } = world({ lingerMs: 1000 })
    append(producer, 0, 'x')
    await producer.close()
    await producer.close()
    expect(log.recordsIn('t-0')).to.equal(1)
    expect(() => append(producer, 0, 'x')).to.throw('CLOSED')
    expect(await errorOf(producer.send({ topic: 't', value: 'x' }))).to.equal('CLOSED')
  })

  it('writes without sequences under acks 1, one batch at a time', async () => {
    const { producer, connection, log } = world({ acks: 1, batchBytes: 150 })
    for (let index = 0; index < 9; index++) append(producer, 0, `${index}`.padStart(40, '.'))
    await producer.flush()
    expect(log.recordsIn('t-0')).to.equal(9)
    expect(log.batches.every((batch) => batch.sequence === -1 && batch.epoch === -1)).to.equal(true)
    expect(connection.count('InitProducerId')).to.equal(0)
    await producer.close()
  })

  it('wraps sequences at the end of 31 bits', () => {
    expect(sequenceAfter(0x7fffffff - 2, 2)).to.equal(0x7fffffff)
    expect(sequenceAfter(0x7fffffff - 2, 3)).to.equal(0)
    expect(sequenceAfter(0x7fffffff, 1)).to.equal(0)
  })

  it('encodes with writers of its own', () => {
    // The serde of a test must behave as those of the project do.
    const writer = new ByteWriter()
    text.encode('größe', writer)
    expect(text.decode(writer.buffer, 0, writer.position)).to.equal('größe')
  })
})

describe('a transactional Producer', () => {
  async function open(options: ProducerOptions = {}): Promise<World> {
    const made = world({ transactionalId: 'tx', ...options })
    await settle(made.clock, made.producer.initTransactions())
    made.producer.beginTransaction()
    return made
  }

  it('adds all partitions before the first batch is sent, and ends the transaction', async () => {
    const { producer, connection, log } = await open()
    append(producer, 0, 'x')
    append(producer, 3, 'x')
    await producer.commitTransaction()
    expect(connection.names()).to.deep.equal([
      'FindCoordinator',
      'InitProducerId',
      'Metadata',
      'AddPartitionsToTxn',
      'Produce',
      'EndTxn',
    ])
    expect(connection.bodies('InitProducerId')[0]).to.deep.equal({
      transactionalId: 'tx',
      transactionTimeoutMs: 10_000,
      producerId: -1,
      producerEpoch: -1,
    })
    expect(connection.bodies('AddPartitionsToTxn')[0]!.v3AndBelowTopics).to.deep.equal([
      { name: 't', partitions: [0, 3] },
    ])
    const produced = connection.bodies('Produce')[0]!
    expect(produced.transactionalId).to.equal('tx')
    expect(isTransactional(produced.topicData[0]!.partitionData[0]!.records!, 0)).to.equal(true)
    expect(connection.bodies('EndTxn')[0]).to.include({ committed: true, producerId: 7, producerEpoch: 0 })
    expect(log.recordsIn('t-0')).to.equal(1)
    await producer.close()
  })

  it('adds partitions anew in each transaction, and asks nothing for an empty one', async () => {
    const { producer, connection } = await open()
    append(producer, 0, 'x')
    await producer.commitTransaction()
    producer.beginTransaction()
    await producer.commitTransaction()
    expect(connection.count('EndTxn')).to.equal(1)
    producer.beginTransaction()
    append(producer, 0, 'x')
    await producer.commitTransaction()
    expect(connection.count('AddPartitionsToTxn')).to.equal(2)
    expect(connection.count('EndTxn')).to.equal(2)
    await producer.close()
  })

  it('keeps records of append for full batches, and sends those of send at the next turn', async () => {
    const { producer, log, clock } = await open()
    append(producer, 0, 'x')
    await clock.pass(100)
    expect(log.recordsIn('t-0')).to.equal(0)
    const sent = await settle(clock, producer.send({ topic: 't', partition: 0, value: 'y' }))
    expect(sent.offset).to.equal(1)
    await producer.commitTransaction()
    await producer.close()
  })

  it('waits while the transaction before is still being ended', async () => {
    const { producer, connection, clock } = await open()
    connection.on('AddPartitionsToTxn', ({ v3AndBelowTopics }, call) => ({
      throttleTimeMs: 0,
      resultsByTopicV3AndBelow: v3AndBelowTopics.map(({ name, partitions }) => ({
        name,
        resultsByPartition: partitions.map((partitionIndex, index) => {
          const error = index === 0 ? 'CONCURRENT_TRANSACTIONS' : 'OPERATION_NOT_ATTEMPTED'
          return { partitionIndex, partitionErrorCode: call < 4 ? codeOf(error) : 0 }
        }),
      })),
    }))
    append(producer, 0, 'x')
    append(producer, 1, 'x')
    await settle(clock, producer.commitTransaction())
    expect(connection.count('AddPartitionsToTxn')).to.equal(4)
    await producer.close()
  })

  it('asks again for the end of a transaction until the answer is known', async () => {
    const { producer, connection, clock } = await open()
    connection.on('EndTxn', (_body, call) => {
      if (call < 4) lost()
      return { throttleTimeMs: 0, errorCode: call === 4 ? codeOf('CONCURRENT_TRANSACTIONS') : 0 }
    })
    append(producer, 0, 'x')
    await settle(clock, producer.commitTransaction())
    expect(connection.bodies('EndTxn').map((body) => body.committed)).to.deep.equal([true, true, true, true, true])
    producer.beginTransaction()
    await producer.abortTransaction()
    await producer.close()
  })

  it('is fenced when the outcome stays unknown: only a new producer finds out', async () => {
    const { producer, connection, clock } = await open({ requestTimeoutMs: 500, transactionTimeoutMs: 1000 })
    connection.on('EndTxn', () => lost())
    append(producer, 0, 'x')
    expect(await settle(clock, errorOf(producer.commitTransaction()))).to.equal('TIMED_OUT')
    expect(() => producer.beginTransaction()).to.throw('TIMED_OUT')
    expect(() => append(producer, 0, 'x')).to.throw('TIMED_OUT')
    await producer.close()
  })

  for (const name of ['PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH'] as const) {
    it(`says PRODUCER_FENCED for ${name}, wherever it is met`, async () => {
      const produce = await open()
      produce.connection.on('Produce', (body) => produce.log.produce(body, () => name))
      append(produce.producer, 0, 'x')
      expect(await settle(produce.clock, errorOf(produce.producer.commitTransaction()))).to.equal('PRODUCER_FENCED')
      expect(() => append(produce.producer, 0, 'x')).to.throw('PRODUCER_FENCED')
      expect(await errorOf(produce.producer.abortTransaction())).to.equal('PRODUCER_FENCED')
      const end = await open()
      end.connection.on('EndTxn', () => ({ throttleTimeMs: 0, errorCode: codeOf(name) }))
      append(end.producer, 0, 'x')
      expect(await settle(end.clock, errorOf(end.producer.commitTransaction()))).to.equal('PRODUCER_FENCED')
      const offsets = await open()
      offsets.connection.on('AddOffsetsToTxn', () => ({ throttleTimeMs: 0, errorCode: codeOf(name) }))
      const one = { topic: 't', partition: 0, offset: 5, leaderEpoch: 2, metadata: 'm' }
      const member = { memberId: 'm', generationId: 3, groupInstanceId: null }
      expect(await settle(offsets.clock, errorOf(offsets.producer.sendOffsets('g', [one], member)))).to.equal(
        'PRODUCER_FENCED',
      )
      await Promise.all([produce, end, offsets].map((each) => each.producer.close()))
    })
  }

  it('aborts: forgets what was not sent, and goes on under the same epoch', async () => {
    const { producer, connection, log } = await open()
    append(producer, 0, 'x')
    await producer.flush()
    append(producer, 1, 'never sent')
    const waiting = errorOf(producer.send({ topic: 't', partition: 2, value: 'never sent' }))
    await Promise.resolve()
    await producer.abortTransaction()
    expect(await waiting).to.equal('TRANSACTION_ABORTED')
    expect(connection.bodies('EndTxn').map((body) => body.committed)).to.deep.equal([false])
    expect(connection.count('InitProducerId')).to.equal(1)
    expect(log.recordsIn('t-1') + log.recordsIn('t-2')).to.equal(0)
    producer.beginTransaction()
    append(producer, 0, 'x')
    await producer.commitTransaction()
    expect(log.batches.map((batch) => [batch.sequence, batch.epoch])).to.deep.equal([
      [0, 0],
      [1, 0],
    ])
    await producer.close()
  })

  it('raises its epoch after an abort that left a batch with unknown fate', async () => {
    const { producer, connection, log, clock } = await open()
    connection.on('Produce', (body, call) => log.produce(body, () => (call === 1 ? 'MESSAGE_TOO_LARGE' : 'NONE')))
    append(producer, 0, 'x')
    expect(await settle(clock, errorOf(producer.flush()))).to.equal('RECORD_TOO_LARGE')
    expect(() => append(producer, 0, 'x')).to.throw('RECORD_TOO_LARGE')
    expect(await settle(clock, errorOf(producer.commitTransaction()))).to.equal('RECORD_TOO_LARGE')
    await settle(clock, producer.abortTransaction())
    expect(connection.bodies('InitProducerId')[1]).to.include({ producerId: 7, producerEpoch: 0 })
    producer.beginTransaction()
    append(producer, 0, 'x')
    await producer.commitTransaction()
    expect(log.batches).to.deep.equal([{ at: 't-0', sequence: 0, count: 1, epoch: 1, baseOffset: 0 }])
    await producer.close()
  })

  it('does not wait for a batch that would be sent again, when a later one ends the transaction', async () => {
    const { producer, connection, log, clock } = await open({ batchBytes: 100 })
    append(producer, 0, 'x')
    await producer.flush()
    connection.on('Produce', (body, call) => (call === 2 ? lost() : log.produce(body, () => 'MESSAGE_TOO_LARGE')))
    append(producer, 0, 'lost on its way')
    append(producer, 0, 'y'.repeat(200))
    expect(await settle(clock, errorOf(producer.commitTransaction()))).to.equal('RECORD_TOO_LARGE')
    await settle(clock, producer.abortTransaction())
    expect(connection.count('InitProducerId')).to.equal(2)
    await producer.close()
  })

  it('sends offsets in one request, with generation, member and instance', async () => {
    const { producer, connection } = await open()
    const member = { memberId: 'm-1', generationId: 9, groupInstanceId: 'i-1' }
    await producer.sendOffsets(
      'g',
      [
        { topic: 't', partition: 0, offset: 5, leaderEpoch: 2, metadata: 'a' },
        { topic: 'u', partition: 1, offset: 6, leaderEpoch: -1, metadata: '' },
        { topic: 't', partition: 2, offset: 7, leaderEpoch: 2, metadata: 'b' },
      ],
      member,
    )
    await producer.commitTransaction()
    expect(connection.count('AddOffsetsToTxn')).to.equal(1)
    expect(connection.count('EndTxn')).to.equal(1)
    expect(connection.bodies('TxnOffsetCommit')).to.have.length(1)
    expect(connection.bodies('TxnOffsetCommit')[0]).to.deep.include({
      groupId: 'g',
      transactionalId: 'tx',
      ...member,
    })
    expect(connection.bodies('TxnOffsetCommit')[0]!.topics[0]).to.deep.equal({
      name: 't',
      partitions: [
        { partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: 2, committedMetadata: 'a' },
        { partitionIndex: 2, committedOffset: 7, committedLeaderEpoch: 2, committedMetadata: 'b' },
      ],
    })
    await producer.close()
  })

  for (const [name, code] of [
    ['UNKNOWN_MEMBER_ID', 'MEMBER_UNKNOWN'],
    ['ILLEGAL_GENERATION', 'MEMBER_UNKNOWN'],
    ['FENCED_INSTANCE_ID', 'INSTANCE_FENCED'],
    ['REBALANCE_IN_PROGRESS', 'REBALANCE_IN_PROGRESS'],
  ] as const) {
    it(`says ${code} when offsets are refused with ${name}, and can abort`, async () => {
      const { producer, connection } = await open()
      connection.on('TxnOffsetCommit', ({ topics }) => ({
        throttleTimeMs: 0,
        topics: topics.map((topic) => ({
          name: topic.name,
          partitions: topic.partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: codeOf(name) })),
        })),
      }))
      const one = { topic: 't', partition: 0, offset: 5, leaderEpoch: 2, metadata: 'm' }
      const member = { memberId: 'm', generationId: 3, groupInstanceId: null }
      expect(await errorOf(producer.sendOffsets('g', [one], member))).to.equal(code)
      expect(await errorOf(producer.commitTransaction())).to.equal(code)
      await producer.abortTransaction()
      producer.beginTransaction()
      await producer.close()
    })
  }

  it('refuses what does not belong to its state', async () => {
    const { producer, clock } = world({ transactionalId: 'tx' })
    expect(() => append(producer, 0, 'x')).to.throw('TRANSACTION_STATE_INVALID')
    expect(() => producer.beginTransaction()).to.throw('TRANSACTION_STATE_INVALID')
    await settle(clock, producer.initTransactions())
    expect(() => append(producer, 0, 'x')).to.throw('TRANSACTION_STATE_INVALID')
    expect(await errorOf(producer.commitTransaction())).to.equal('TRANSACTION_STATE_INVALID')
    expect(await errorOf(producer.abortTransaction())).to.equal('TRANSACTION_STATE_INVALID')
    expect(await errorOf(producer.initTransactions())).to.equal('TRANSACTION_STATE_INVALID')
    await producer.close()
    const plain = world()
    expect(() => plain.producer.beginTransaction()).to.throw('TRANSACTION_STATE_INVALID')
    expect(() => new Producer(plain.connection, { transactionalId: 'tx', acks: 1 })).to.throw('CONFIG_INVALID')
    await plain.producer.close()
  })

  it('aborts what is open when it is closed', async () => {
    const { producer, connection } = await open()
    append(producer, 0, 'x')
    await producer.flush()
    await producer.close()
    expect(connection.bodies('EndTxn').map((body) => body.committed)).to.deep.equal([false])
  })
})
