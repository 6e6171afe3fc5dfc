/**
 * A broker and its producers through many power cuts: after each the log is read back and compared with what the producers
 * were told (ledger.ts).
 */
import type { Files } from '../../src/base/files.ts'
import type { Random } from '../../src/base/random.ts'
import { Broker } from '../../src/broker/broker.ts'
import { Producer } from '../../src/client/producer/producer.ts'
import type { TopicPartition } from '../../src/client/topic-partition.ts'
import { Ledger } from './ledger.ts'
import { Disk, Life } from './life.ts'
import { createTopics, readAll } from './log-access.ts'

const topics = { plain: 2, accounts: 2, transfers: 1 } as const
const partitions: readonly TopicPartition[] = Object.entries(topics).flatMap(([topic, count]) =>
  Array.from({ length: count }, (_, partition) => ({ topic, partition })),
)
const transactionalIds = ['transactional-0', 'transactional-1']
const livesMax = 6

export interface HistoryOptions {
  readonly random: Random
  /** What a planted bug makes of the disk. */
  readonly faulty: (files: Files) => Files
}

export interface LogHistoryResult {
  readonly cuts: number
  readonly acknowledged: number
  readonly committed: number
}

/** Runs one history; throws what a check found wrong. */
export async function logHistory({ random, faulty }: HistoryOptions): Promise<LogHistoryResult> {
  const disk = await Disk.with('/data')
  const ledger = new Ledger()
  const cuts = 1 + random.int(livesMax)
  for (let cut = 0; cut < cuts; cut++) {
    const life = new Life(disk, random, faulty)
    await life.runUntilCut(workFrom(life, ledger), 10 + random.int(250))
  }
  const last = new Life(disk, random, faulty)
  const broker = await last.until(Broker.open(last.machine, '/data'))
  await last.until(check(broker, last, ledger))
  await last.until(broker.close())
  return { cuts, acknowledged: ledger.acknowledged, committed: ledger.committed }
}

/** Starts, checks what the last life left, works; the cut may fall anywhere in it. */
async function workFrom(life: Life, ledger: Ledger): Promise<void> {
  const broker = await Broker.open(life.machine, '/data')
  await check(broker, life, ledger)
  const plain = ['plain-0', 'plain-1'].map((name) => sendPlain(broker, life, ledger, name))
  const transactional = transactionalIds.map((name) => sendTransactions(broker, life, ledger, name))
  await Promise.all([...plain, ...transactional])
}

async function sendPlain(broker: Broker, life: Life, ledger: Ledger, name: string): Promise<never> {
  const { random } = life
  const { clock } = life.machine
  const producer = new Producer(broker.connect({ clientId: name }), { clientId: name, clock })
  for (;;) {
    const records = Array.from({ length: 1 + random.int(5) }, async () => {
      const sent = ledger.send(name, 'plain', random.int(topics.plain), null)
      const { topic, partition, id } = sent
      const value = id.padEnd(random.int(600), '.')
      const { offset } = await producer.send({ topic, partition, key: name, value, timestampMs: clock.now() })
      sent.offset = offset
    })
    await Promise.all(records)
    await clock.turn()
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
    const written: Promise<unknown>[] = []
    for (let count = 1 + random.int(6); count > 0; count--) {
      const topic = random.int(2) === 0 ? 'accounts' : 'transfers'
      const { partition, id } = ledger.send(name, topic, random.int(topics[topic]), transaction)
      const value = id.padEnd(random.int(600), '.')
      written.push(producer.send({ topic, partition, key: name, value, timestampMs: clock.now() }))
      if (random.int(2) === 0) await written.at(-1)
    }
    await Promise.all(written)
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
  await createTopics(broker, life, topics)
  for (const transactionalId of transactionalIds) {
    const connection = broker.connect({ clientId: 'checker' })
    const producer = new Producer(connection, { transactionalId, clock: life.machine.clock })
    await producer.initTransactions()
    await producer.close()
    await connection.close()
  }
  const found = await readAll(broker, life, partitions)
  ledger.check(found.map((record) => ({ ...record, id: String(record.value).replace(/\.+$/, '') })))
}
