import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { StreamError } from '../../src/base/errors.ts'
import { systemMachine } from '../../src/base/machine.ts'
import { SeededRandom } from '../../src/base/random.ts'
import { Broker } from '../../src/broker/broker.ts'
import { Admin } from '../../src/client/admin/admin.ts'
import { Consumer } from '../../src/client/consumer/consumer.ts'
import { Producer } from '../../src/client/producer/producer.ts'
import { nameOf } from '../../src/client/topic-partition.ts'
import { FaultyConnection } from '../support/faulty-connection.ts'

const seed = Number(process.env.MILLRACE_SEED ?? 1)
const partitions = [0, 1].map((partition) => ({ topic: 't', partition }))

describe(`a client that loses requests and answers (seed ${seed})`, () => {
  let directory: string
  let broker: Broker

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'millrace-faults-'))
    broker = await Broker.open(systemMachine, directory, { flush: 'os' })
    await new Admin(broker.connect()).createTopics([{ name: 't', partitions: 2 }])
  })

  afterEach(async () => {
    await broker.close()
    rmSync(directory, { recursive: true, force: true })
  })

  /** The values of both partitions, as one consumer reads them over a faulty connection. */
  async function readAll(random: SeededRandom): Promise<string[][]> {
    const ends = await new Admin(broker.connect()).listOffsets(partitions, 'latest', { isolation: 'readCommitted' })
    const connection = new FaultyConnection(broker.connect(), random, 0.05)
    const consumer = new Consumer(connection, {
      isolation: 'readCommitted',
      autoOffsetReset: 'earliest',
      fetchWaitMs: 20,
      partitionBytesMax: 300,
    })
    consumer.assign(partitions)
    const values: string[][] = [[], []]
    while (ends.some((end) => consumer.position(end) < end.offset)) {
      for (const record of await consumer.poll(50)) values[record.partition]!.push(String(record.value))
    }
    await consumer.close()
    return values
  }

  it('writes each record once and in order, when it is idempotent', async () => {
    const random = new SeededRandom(seed)
    const connection = new FaultyConnection(broker.connect(), random, 0.1)
    const producer = new Producer(connection, { batchBytes: 120 })
    const expected: string[][] = [[], []]
    for (let index = 0; index < 400; index++) {
      const value = Buffer.from(`${index}`)
      producer.appendBytes('t', index % 2, 1, null, 0, 0, value, 0, value.length, [])
      expected[index % 2]!.push(`${index}`)
      if (index % 40 === 0) await producer.flush()
    }
    await producer.close()
    expect(connection.lost).to.be.greaterThan(5)
    expect(await readAll(random)).to.deep.equal(expected)
  })

  it('commits exactly what it was told was committed, whatever is lost on the way', async () => {
    const random = new SeededRandom(seed + 1)
    const connection = new FaultyConnection(broker.connect(), random, 0.08)
    const producer = new Producer(connection, { transactionalId: 'tx', batchBytes: 120 })
    await producer.initTransactions()
    const expected: string[][] = [[], []]
    let committedOffset = -1
    for (let round = 0; round < 60; round++) {
      const written: string[][] = [[], []]
      producer.beginTransaction()
      for (let index = random.int(12); index >= 0; index--) {
        const partition = random.int(2)
        const value = Buffer.from(`${round}.${index}`)
        producer.appendBytes('t', partition, 1, null, 0, 0, value, 0, value.length, [])
        written[partition]!.push(String(value))
        if (random.int(4) === 0) await producer.flush()
      }
      const member = { memberId: '', generationId: -1, groupInstanceId: null }
      await producer.sendOffsets('g', [{ ...partitions[0]!, offset: round, leaderEpoch: -1, metadata: '' }], member)
      if (random.int(4) === 0) {
        await producer.abortTransaction()
      } else {
        await producer.commitTransaction()
        committedOffset = round
        for (const [partition, values] of written.entries()) expected[partition]!.push(...values)
      }
    }
    await producer.close()
    expect(connection.lost).to.be.greaterThan(20)
    expect(await readAll(random)).to.deep.equal(expected)
    const [offset] = await new Admin(broker.connect()).committedOffsets('g', { requireStable: true })
    expect(offset!.committed!.offset).to.equal(committedOffset)
  })

  it('goes on after aborts that raise the epoch, with new producers in between', async () => {
    const random = new SeededRandom(seed + 2)
    const expected: string[][] = [[], []]
    for (let life = 0; life < 6; life++) {
      const connection = new FaultyConnection(broker.connect(), random, 0.05)
      const producer = new Producer(connection, { transactionalId: 'tx', batchBytes: 200 })
      await producer.initTransactions()
      for (let round = 0; round < 6; round++) {
        producer.beginTransaction()
        const value = Buffer.from(`${life}.${round}`)
        producer.appendBytes('t', round % 2, 1, null, 0, 0, value, 0, value.length, [])
        const tooLarge = random.int(3) === 0
        if (tooLarge) producer.appendBytes('t', 1, 1, null, 0, 0, Buffer.alloc(2 << 20), 0, 2 << 20, [])
        try {
          await producer.commitTransaction()
          expect(tooLarge).to.equal(false)
          expected[round % 2]!.push(String(value))
        } catch (error) {
          if (!StreamError.is(error, 'RECORD_TOO_LARGE')) throw error
          await producer.abortTransaction()
        }
      }
      // The last transaction is left open: the next producer ends it.
      producer.beginTransaction()
      producer.appendBytes('t', 0, 1, null, 0, 0, Buffer.from('open'), 0, 4, [])
      await producer.flush()
    }
    const last = new Producer(broker.connect(), { transactionalId: 'tx' })
    await last.initTransactions()
    await last.close()
    expect(await readAll(random)).to.deep.equal(expected)
  })

  it('shares all partitions in the end, whoever comes and goes', async () => {
    const random = new SeededRandom(seed + 3)
    await new Admin(broker.connect()).createTopics([{ name: 'u', partitions: 6 }])
    const held = new Map<Consumer, string[]>()
    const join = (): void => {
      const connection = new FaultyConnection(broker.connect(), random, 0.03)
      const consumer = new Consumer(connection, {
        groupId: 'g',
        sessionTimeoutMs: 2000,
        heartbeatIntervalMs: 20,
        fetchWaitMs: 20,
        autoOffsetReset: 'earliest',
      })
      const lose = async (): Promise<void> => {
        held.set(consumer, [])
      }
      consumer.subscribe(['u'], {
        onAssigned: async (partitions) => {
          for (const at of partitions) {
            for (const [other, theirs] of held)
              expect(other !== consumer && theirs.includes(nameOf(at))).to.equal(false)
          }
          held.set(consumer, partitions.map(nameOf))
        },
        onRevoked: lose,
        onLost: lose,
      })
      held.set(consumer, [])
    }
    const poll = async (): Promise<void> => {
      await Promise.all([...held.keys()].map((consumer) => consumer.poll(10)))
    }
    for (let round = 0; round < 12; round++) {
      if (held.size < 2 || (held.size < 4 && random.int(2) === 0)) join()
      else {
        const leaving = [...held.keys()][random.int(held.size)]!
        await leaving.close()
        held.delete(leaving)
      }
      for (let polls = random.int(20); polls >= 0; polls--) await poll()
    }
    const settled = (): boolean => {
      const counts = [...held.values()].map((partitions) => partitions.length)
      return new Set([...held.values()].flat()).size === 6 && Math.max(...counts) - Math.min(...counts) <= 1
    }
    for (let polls = 0; polls < 500 && !settled(); polls++) await poll()
    expect(settled()).to.equal(true)
    for (const consumer of held.keys()) await consumer.close()
  })
})
