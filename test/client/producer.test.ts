import { expect } from 'chai'
import { ByteWriter } from '../../src/base/bytes.ts'
import { type Deferred, deferred } from '../../src/base/deferred.ts'
import { StreamError } from '../../src/base/errors.ts'
import { noHeaders, type Serde } from '../../src/base/serde.ts'
import { sequenceAfter } from '../../src/client/producer/partition-appender.ts'
import { codeOf, lost } from '../support/scripted-connection.ts'
import { append, errorOf, settle, text, world } from './producer-world.ts'

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

  it('refuses a timestamp that is no whole number, and goes on', async () => {
    const { producer } = world()
    for (const timestampMs of [1.5, Number.NaN, '5' as unknown as number]) {
      expect(await errorOf(producer.send({ topic: 't', partition: 0, value: 'x', timestampMs }))).to.equal(
        'INPUT_INVALID',
      )
    }
    expect((await producer.send({ topic: 't', partition: 0, value: 'x', timestampMs: 5 })).offset).to.equal(0)
    await producer.close()
  })

  it('keeps batches within what the topic takes, and refuses at once a record that is larger, without loss', async () => {
    const { producer, connection, log } = world({ lingerMs: 1000 })
    const appender = producer.partition('t', 0)
    appender.messageBytesMax = 300
    for (let index = 0; index < 10; index++) append(producer, 0, 'x'.repeat(50))
    expect(() => append(producer, 0, 'x'.repeat(500))).to.throw('RECORD_TOO_LARGE')
    append(producer, 0, 'y')
    append(producer, 1, 'x'.repeat(500))
    await producer.flush()
    expect(log.recordsIn('t-0')).to.equal(11)
    expect(log.recordsIn('t-1')).to.equal(1)
    const sizes = connection.bodies('Produce').flatMap(({ topicData }) => {
      const ours = topicData.flatMap(({ partitionData }) => partitionData.filter(({ index }) => index === 0))
      return ours.map(({ records }) => records!.length)
    })
    expect(Math.max(...sizes)).to.be.within(200, 300)
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
    expect(await errorOf(producer.flush())).to.equal('INPUT_INVALID')
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

  it('acknowledges at flush what waited for room in the buffer, too, in the order of sending', async () => {
    const { producer, log, clock } = world({ batchBytes: 200, bufferBytes: 1000 })
    const offsets: number[] = []
    for (let count = 0; count < 50; count++) {
      void producer
        .send({ topic: 't', partition: 0, value: 'x'.repeat(100) })
        .then(({ offset }) => offsets.push(offset))
    }
    await settle(clock, producer.flush())
    expect(log.recordsIn('t-0')).to.equal(50)
    expect(offsets).to.deep.equal(Array.from({ length: 50 }, (_, index) => index))
    await producer.close()
  })

  it('looks a topic up once for many who send to it', async () => {
    const { producer, connection } = world()
    await Promise.all(Array.from({ length: 50 }, () => producer.send({ topic: 't', value: 'x' })))
    expect(connection.count('Metadata')).to.equal(1)
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
