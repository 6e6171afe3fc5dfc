import { expect } from 'chai'
import { SeededRandom } from '../../src/base/random.ts'
import { Broker } from '../../src/broker/broker.ts'
import type { Connection } from '../../src/protocol/connection.ts'
import { codeToName } from '../../src/protocol/error-codes.ts'
import { zeroUuid } from '../../src/protocol/schema.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { SimulatedFiles } from '../../src/testing/simulated-files.ts'
import { batchOf, recordsOf } from './fixture.ts'

const partitions = 3
const producers = 3
const lives = 3
const turnsMax = 60

type Outcome = 'open' | 'committing' | 'committed' | 'ended'

interface Written {
  readonly value: string
  readonly partitions: Set<number>
  /** The offset it commits for its producer's group, or null. */
  offset: number | null
  outcome: Outcome
}

/** What was done and what was answered. */
class Ledger {
  readonly transactions: Written[][] = Array.from({ length: producers }, () => [])
  /** value → partition, answered under acks=all */
  readonly acknowledged = new Map<string, number>()
}

/** One life of a broker on a simulated disk, until the power goes. */
class Life {
  readonly #random: SeededRandom
  readonly #ledger: Ledger
  readonly #connection: Connection
  readonly #life: number
  #count = 0

  constructor(connection: Connection, random: SeededRandom, ledger: Ledger, life: number) {
    this.#connection = connection
    this.#random = random
    this.#ledger = ledger
    this.#life = life
  }

  async #produce(value: string, partition: number, header: Parameters<typeof batchOf>[1]): Promise<boolean> {
    const { responses } = await this.#connection.request('Produce', {
      transactionalId: null,
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ name: 't', partitionData: [{ index: partition, records: batchOf([value], header) }] }],
    })
    return responses[0]!.partitionResponses[0]!.errorCode === 0
  }

  async plain(): Promise<void> {
    for (;;) {
      const value = `plain-${this.#life}-${this.#count++}`
      const partition = this.#random.int(partitions)
      if (await this.#produce(value, partition, undefined)) this.#ledger.acknowledged.set(value, partition)
    }
  }

  /** Transaction after transaction, as one producer does it. */
  async producer(number: number): Promise<void> {
    const transactionalId = `tx-${number}`
    const init = await this.#connection.request('InitProducerId', {
      transactionalId,
      transactionTimeoutMs: 10_000,
      producerId: -1,
      producerEpoch: -1,
    })
    expect(codeToName(init.errorCode)).to.equal('NONE')
    const { producerId, producerEpoch } = init
    const sequences = new Map<number, number>()
    for (;;) {
      const written: Written = {
        value: `${transactionalId}-${this.#life}-${this.#count++}`,
        partitions: new Set(),
        offset: null,
        outcome: 'open',
      }
      this.#ledger.transactions[number]!.push(written)
      for (let count = 1 + this.#random.int(partitions); count > 0; count--) {
        const partition = this.#random.int(partitions)
        await this.#connection.request('AddPartitionsToTxn', {
          v3AndBelowTransactionalId: transactionalId,
          v3AndBelowProducerId: producerId,
          v3AndBelowProducerEpoch: producerEpoch,
          v3AndBelowTopics: [{ name: 't', partitions: [partition] }],
        })
        const baseSequence = sequences.get(partition) ?? 0
        const header = { producerId, producerEpoch, baseSequence, transactional: true }
        written.partitions.add(partition)
        expect(await this.#produce(written.value, partition, header)).to.equal(true)
        sequences.set(partition, baseSequence + 1)
      }
      const who = { transactionalId, producerId, producerEpoch, groupId: `g-${number}` }
      if (this.#random.int(2) === 0) {
        await this.#connection.request('AddOffsetsToTxn', who)
        written.offset = this.#life * 1000 + this.#count
        await this.#connection.request('TxnOffsetCommit', {
          ...who,
          generationId: -1,
          memberId: '',
          groupInstanceId: null,
          topics: [
            {
              name: 't',
              partitions: [
                {
                  partitionIndex: 0,
                  committedOffset: written.offset,
                  committedLeaderEpoch: -1,
                  committedMetadata: '',
                },
              ],
            },
          ],
        })
      }
      const committed = this.#random.int(4) > 0
      if (committed) written.outcome = 'committing'
      const { errorCode } = await this.#connection.request('EndTxn', { ...who, committed })
      expect(codeToName(errorCode)).to.equal('NONE')
      written.outcome = committed ? 'committed' : 'ended'
    }
  }
}

async function readCommitted(connection: Connection, topicId: string, partition: number): Promise<string[]> {
  const values: string[] = []
  for (let offset = 0; ; ) {
    const { responses } = await connection.request('Fetch', {
      replicaId: -1,
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 1 << 20,
      isolationLevel: 1,
      sessionId: 0,
      sessionEpoch: -1,
      topics: [
        {
          topic: 't',
          topicId,
          partitions: [
            {
              partition,
              currentLeaderEpoch: -1,
              fetchOffset: offset,
              lastFetchedEpoch: -1,
              logStartOffset: -1,
              partitionMaxBytes: 1 << 20,
            },
          ],
        },
      ],
      forgottenTopicsData: [],
      rackId: '',
    })
    const answer = responses[0]!.partitions[0]!
    expect(codeToName(answer.errorCode)).to.equal('NONE')
    expect(answer.lastStableOffset, 'nothing hangs').to.equal(answer.highWatermark)
    values.push(...recordsOf(answer).map(({ value }) => value!))
    if (answer.records === null || answer.records.length === 0 || offset === answer.highWatermark) return values
    offset = answer.highWatermark
  }
}

async function committedOffset(connection: Connection, groupId: string): Promise<number> {
  const { groups } = await connection.request('OffsetFetch', {
    groupId: '',
    topics: [],
    groups: [{ groupId, memberId: null, memberEpoch: -1, topics: [{ name: 't', partitionIndexes: [0] }] }],
    requireStable: true,
  })
  const found = groups[0]!.topics[0]!.partitions[0]!
  expect(codeToName(found.errorCode)).to.equal('NONE')
  return found.committedOffset
}

/** Compares what is there with what was answered, and settles what was in doubt. */
async function check(connection: Connection, ledger: Ledger): Promise<void> {
  const { topics } = await connection.request('Metadata', {
    topics: [{ name: 't', topicId: zeroUuid }],
    allowAutoTopicCreation: false,
    includeClusterAuthorizedOperations: false,
    includeTopicAuthorizedOperations: false,
  })
  const found: Set<string>[] = []
  for (let partition = 0; partition < partitions; partition++) {
    const values = await readCommitted(connection, topics[0]!.topicId, partition)
    found.push(new Set(values))
  }
  for (const [value, partition] of ledger.acknowledged) expect(found[partition]!.has(value), value).to.equal(true)
  for (const [number, transactions] of ledger.transactions.entries()) {
    let offset = -1
    for (const written of transactions) {
      const seen = [...written.partitions].filter((partition) => found[partition]!.has(written.value))
      if (written.outcome === 'committing') written.outcome = seen.length > 0 ? 'committed' : 'ended'
      const expected = written.outcome === 'committed' ? written.partitions.size : 0
      expect(seen.length, `${written.value} ${written.outcome}`).to.equal(expected)
      if (written.outcome === 'committed' && written.offset !== null) offset = written.offset
      if (written.outcome === 'open') written.outcome = 'ended'
    }
    expect(await committedOffset(connection, `g-${number}`), `offset of producer ${number}`).to.equal(offset)
  }
}

async function story(seed: number): Promise<number> {
  const random = new SeededRandom(seed)
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  const settle = async (): Promise<void> => {
    for (let turns = random.int(4); turns > 0; turns--) await turn()
  }
  let files = new SimulatedFiles({ settle })
  const ledger = new Ledger()
  for (let life = 0; life <= lives; life++) {
    const clock = new ManualClock()
    const broker = await Broker.open({ clock, files, random }, '/data', { minFreeBytes: 0 })
    const connection = broker.connect()
    if (life === 0) {
      const topic = { name: 't', numPartitions: partitions, replicationFactor: -1, assignments: [], configs: [] }
      await connection.request('CreateTopics', { topics: [topic], timeoutMs: 1000, validateOnly: false })
    }
    await check(connection, ledger)
    if (life === lives) break
    const running = new Life(connection, random, ledger, life)
    let failure: unknown = null
    let powered = true
    const watch = (work: Promise<void>): void => {
      work.catch((error: unknown) => {
        if (powered) failure ??= error
      })
    }
    watch(running.plain())
    for (let number = 0; number < producers; number++) watch(running.producer(number))
    for (let turns = 1 + random.int(turnsMax); turns > 0; turns--) await turn()
    if (failure !== null) throw failure
    powered = false
    files = files.cut(random)
  }
  return ledger.transactions.flat().filter(({ outcome }) => outcome === 'committed').length
}

describe('Power cuts', () => {
  const from = Number(process.env.MILLRACE_SEED ?? 1)
  const count = Number(process.env.MILLRACE_CUTS ?? 25)

  it(`lose nothing that was answered, and leave every transaction whole or gone (${count} seeds from ${from})`, async () => {
    let committed = 0
    for (let seed = from; seed < from + count; seed++) {
      try {
        committed += await story(seed)
      } catch (error) {
        throw new Error(`MILLRACE_SEED=${seed}: ${(error as Error).message}`, { cause: error })
      }
    }
    expect(committed).to.be.greaterThan(count)
  }).timeout(120_000)
})
