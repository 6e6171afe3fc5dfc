/**
 * A broker and its producers through many power cuts: after each the log is read back and compared with what the producers
 * were told (ledger.ts).
 */

import type { Files } from '../../src/base/files.ts'
import type { Random } from '../../src/base/random.ts'
import { Broker } from '../../src/broker/broker.ts'
import { Admin } from '../../src/client/admin/admin.ts'
import { Consumer } from '../../src/client/consumer/consumer.ts'
import { Producer } from '../../src/client/producer/producer.ts'
import type { TopicPartition } from '../../src/client/topic-partition.ts'
import { type Found, Ledger } from './ledger.ts'
import { Disk, Life } from './life.ts'

const topics = { plain: 2, accounts: 2, transfers: 1 } as const
const partitions: readonly TopicPartition[] = Object.entries(topics).flatMap(([topic, count]) =>
  Array.from({ length: count }, (_, partition) => ({ topic, partition })),
)
const livesMax = 6
const pollMs = 50

export interface HistoryOptions {
  readonly random: Random
  /** At most so many cuts. */
  readonly cutsMax: number
  readonly faulty: (files: Files) => Files
}

export interface HistoryResult {
  readonly cuts: number
  readonly acknowledged: number
  readonly committed: number
}

/** Runs one history; throws what a check found wrong. */
export async function logHistory({ random, cutsMax, faulty }: HistoryOptions): Promise<HistoryResult> {
  const disk = new Disk()
  const ledger = new Ledger()
  const cuts = Math.min(cutsMax, 1 + random.int(livesMax))
  for (let cut = 0; cut < cuts; cut++) {
    const life = new Life(disk, random, faulty)
    await runUntilCut(life, ledger)
  }
  const last = new Life(disk, random, faulty)
  const broker = await last.until(Broker.open(last.machine, '/data'))
  await last.until(check(broker, last, ledger))
  await last.until(broker.close())
  return { cuts, acknowledged: ledger.acknowledged, committed: ledger.committed }
}

/** Starts, checks, works; the cut may fall anywhere in it. */
async function runUntilCut(life: Life, ledger: Ledger): Promise<void> {
  let failure: { readonly error: unknown } | null = null
  const work = workFrom(life, ledger).catch((error: unknown) => {
    failure = { error }
  })
  void work
  for (let steps = 20 + life.random.int(600); steps > 0 && failure === null; steps--) await life.step()
  life.cut()
  if (failure !== null) throw (failure as { readonly error: unknown }).error
}

async function workFrom(life: Life, ledger: Ledger): Promise<void> {
  const broker = await Broker.open(life.machine, '/data')
  await check(broker, life, ledger)
  const plain = [0, 1].map((index) => sendPlain(broker, life, ledger, `plain-${index}`))
  const transactional = [0, 1].map((index) => sendTransactions(broker, life, ledger, `transactional-${index}`))
  await Promise.all([...plain, ...transactional])
}

async function createTopics(broker: Broker, life: Life): Promise<void> {
  const admin = new Admin(broker.connect({ clientId: 'admin' }), { clock: life.machine.clock })
  const created = Object.entries(topics).map(([name, count]) => ({ name, partitions: count }))
  await admin.createTopics(created, { ifNotExists: true })
}

async function sendPlain(broker: Broker, life: Life, ledger: Ledger, name: string): Promise<never> {
  const { random } = life
  const producer = new Producer(broker.connect({ clientId: name }), { clientId: name, clock: life.machine.clock })
  for (;;) {
    const records = Array.from({ length: 1 + random.int(5) }, async () => {
      const sent = ledger.send(name, 'plain', random.int(topics.plain), null)
      const { topic, partition, id } = sent
      const value = id.padEnd(random.int(600), '.')
      const { offset } = await producer.send({
        topic,
        partition,
        key: name,
        value,
        timestampMs: life.machine.clock.now(),
      })
      sent.offset = offset
    })
    await Promise.all(records)
    await life.machine.clock.turn()
  }
}

async function sendTransactions(broker: Broker, life: Life, ledger: Ledger, name: string): Promise<never> {
  const { random } = life
  const { clock } = life.machine
  const producer = new Producer(broker.connect({ clientId: name }), { clientId: name, transactionalId: name, clock })
  await producer.initTransactions()
  for (;;) {
    const transaction = ledger.begin()
    producer.beginTransaction()
    for (let count = 1 + random.int(6); count > 0; count--) {
      const [topic, partitionCount] = random.int(2) === 0 ? (['accounts', 2] as const) : (['transfers', 1] as const)
      const { partition, id } = ledger.send(name, topic, random.int(partitionCount), transaction)
      const written = producer.send({
        topic,
        partition,
        key: name,
        value: id.padEnd(random.int(600), '.'),
        timestampMs: clock.now(),
      })
      if (random.int(2) === 0) await written
    }
    if (random.int(4) === 0) {
      await producer.abortTransaction()
      ledger.tell(transaction, 'aborted')
    } else {
      ledger.tell(transaction, 'committing')
      await producer.commitTransaction()
      ledger.tell(transaction, 'committed')
    }
  }
}

/** Ends the transactions that a cut left open, reads everything back, and compares. */
async function check(broker: Broker, life: Life, ledger: Ledger): Promise<void> {
  await createTopics(broker, life)
  for (const transactionalId of ['transactional-0', 'transactional-1']) {
    const connection = broker.connect({ clientId: 'checker' })
    const producer = new Producer(connection, { transactionalId, clock: life.machine.clock })
    await producer.initTransactions()
    await producer.close()
    await connection.close()
  }
  ledger.check(await readAll(broker, life))
}

async function readAll(broker: Broker, life: Life): Promise<Found[]> {
  const connection = broker.connect({ clientId: 'reader' })
  const { clock } = life.machine
  const admin = new Admin(connection, { clock })
  const ends = await admin.listOffsets(partitions, 'latest', { isolation: 'readUncommitted' })
  const consumer = new Consumer(connection, { isolation: 'readCommitted', autoOffsetReset: 'earliest', clock })
  consumer.assign(partitions)
  const found: Found[] = []
  for (const at of partitions) {
    const end = ends.find(({ topic, partition }) => topic === at.topic && partition === at.partition)!.offset
    while ((await consumer.position(at)) < end) {
      for (const { topic, partition, offset, value } of await consumer.poll(pollMs)) {
        found.push({ id: String(value).replace(/\.+$/, ''), topic, partition, offset })
      }
    }
  }
  await consumer.close()
  await connection.close()
  return found
}
