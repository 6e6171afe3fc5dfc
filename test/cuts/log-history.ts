/**
 * A broker and its producers through many power cuts and clean stops: after each the log is read back and compared with
 * what the producers were told (ledger.ts).
 */
import { StreamError } from '../../src/base/errors.ts'
import type { Files } from '../../src/base/files.ts'
import type { Random } from '../../src/base/random.ts'
import { Broker } from '../../src/broker/broker.ts'
import { Admin } from '../../src/client/admin/admin.ts'
import { Producer } from '../../src/client/producer/producer.ts'
import type { TopicPartition } from '../../src/client/topic-partition.ts'
import { type CutPlan, drawHabit, drawPlan } from './cut-plan.ts'
import { Ledger } from './ledger.ts'
import { Disk, Life } from './life.ts'
import { createTopics, readAll, requireOnline } from './log-access.ts'

/** `even` has batches of one size that nobody waits for: what an older life left fits where a newer one writes. */
const topics = { plain: 2, accounts: 2, transfers: 1, even: 1 } as const
const partitions: readonly TopicPartition[] = Object.entries(topics).flatMap(([topic, count]) =>
  Array.from({ length: count }, (_, partition) => ({ topic, partition })),
)
const transactionalIds = ['transactional-0', 'transactional-1']
const livesMax = 6
const stepsMax = 150
const evenBytes = 900
const evenPerSync = 12
const observeMs = 3
/** Time may run fast; a wait that ends too early is another test's business. */
const patience = { requestTimeoutMs: 600_000, deliveryTimeoutMs: 600_000, transactionTimeoutMs: 600_000 }
const nobody = { memberId: '', generationId: -1, groupInstanceId: null }

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
  const lives = 1 + random.int(livesMax)
  let cuts = 0
  const habit = drawHabit(random)
  for (let count = 0; count < lives; count++) {
    const plan = drawPlan(random, stepsMax, habit)
    if (plan.end === 'cut') cuts++
    const life = new Life(disk, random, faulty)
    await life.runToEnd(workFrom(life, plan, ledger), plan)
  }
  const last = new Life(disk, random, faulty)
  const broker = await last.until(Broker.open(last.machine, '/data'))
  await last.until(check(broker, last, ledger))
  await last.until(broker.close())
  return { cuts, acknowledged: ledger.acknowledged, committed: ledger.committed }
}

/** Starts, checks what the last life left, works until it is told to stop; the cut may fall anywhere in it. */
async function workFrom(life: Life, plan: CutPlan, ledger: Ledger): Promise<void> {
  const broker = await Broker.open(life.machine, '/data')
  await check(broker, life, ledger)
  life.begin(plan)
  const plain = ['plain-0', 'plain-1'].map((name) => sendPlain(broker, life, ledger, name))
  const transactional = transactionalIds.map((name) => sendTransactions(broker, life, ledger, name))
  const observers = transactionalIds.map((name) => observeOffsets(broker, life, ledger, name))
  const work = Promise.all([...plain, ...transactional, sendEven(broker, life, ledger)])
  await Promise.race([work, ...observers])
  await broker.close()
}

async function sendPlain(broker: Broker, life: Life, ledger: Ledger, name: string): Promise<void> {
  const { random } = life
  const { clock } = life.machine
  const producer = new Producer(broker.connect({ clientId: name }), { clientId: name, clock, ...patience })
  while (!life.stopping) {
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

/**
 * Most are acknowledged before the disk has them: these may be lost, but never come back. One in so many asks for the disk,
 * which then has segments of them to sync.
 */
async function sendEven(broker: Broker, life: Life, ledger: Ledger): Promise<void> {
  const { clock } = life.machine
  const producers = (['hasty', 'even'] as const).map((name) => {
    const acks = name === 'hasty' ? 1 : 'all'
    return new Producer(broker.connect({ clientId: name }), { clientId: name, acks, clock, ...patience })
  })
  const acknowledged: Promise<void>[] = []
  const send = async (patient: boolean): Promise<void> => {
    const sent = ledger.send(patient ? 'even' : 'hasty', 'even', 0, null)
    const { topic, partition, id } = sent
    const value = id.padEnd(evenBytes, '.')
    const { offset } = await producers[patient ? 1 : 0]!.send({ topic, partition, value, timestampMs: clock.now() })
    if (patient) sent.offset = offset
  }
  for (let count = 1; !life.stopping; count++) {
    if (count % evenPerSync === 0) acknowledged.push(send(true))
    else await send(false)
    if (life.random.int(2) === 0) await clock.turn()
  }
  await Promise.all(acknowledged)
}

async function sendTransactions(broker: Broker, life: Life, ledger: Ledger, name: string): Promise<void> {
  const { clock } = life.machine
  const connection = broker.connect({ clientId: name })
  const producer = new Producer(connection, { clientId: name, transactionalId: name, clock, ...patience })
  await producer.initTransactions()
  while (!life.stopping) await sendTransaction(producer, life, ledger, name)
}

/** One transaction: records, offsets of the group of the same name, or both. */
async function sendTransaction(producer: Producer, life: Life, ledger: Ledger, name: string): Promise<void> {
  const { random } = life
  const { clock } = life.machine
  const transaction = ledger.begin()
  producer.beginTransaction()
  const written: Promise<unknown>[] = []
  for (let count = random.int(6); count > 0; count--) {
    const topic = random.int(2) === 0 ? 'accounts' : 'transfers'
    const { partition, id } = ledger.send(name, topic, random.int(topics[topic]), transaction)
    const value = id.padEnd(random.int(600), '.')
    written.push(producer.send({ topic, partition, key: name, value, timestampMs: clock.now() }))
    if (random.int(2) === 0) await written.at(-1)
  }
  if (random.int(2) === 0) {
    const offset = ledger.claim(transaction, name)
    const offsets = [0, 1].map((partition) => ({ topic: 'plain', partition, offset, leaderEpoch: -1, metadata: '' }))
    await producer.sendOffsets(name, offsets, nobody)
    ledger.claimed(transaction)
  }
  await Promise.all(written)
  // Some stay open for as long as a checkpoint takes.
  const turnsMax = random.int(4) === 0 ? 400 : 10
  for (let turns = random.int(turnsMax); turns > 0 && !life.stopping; turns--) await clock.turn()
  // A transaction may be open while everything is closed in order.
  if (life.stopping) return
  if (random.int(3) === 0) {
    ledger.tell(transaction, 'aborted')
    await producer.abortTransaction()
  } else {
    ledger.tell(transaction, 'committing')
    await producer.commitTransaction()
    ledger.tell(transaction, 'committed')
  }
}

/** K7, all the time. Ends only with what it finds wrong. */
async function observeOffsets(broker: Broker, life: Life, ledger: Ledger, group: string): Promise<never> {
  const { clock } = life.machine
  const admin = new Admin(broker.connect({ clientId: 'observer' }), {
    clock,
    requestTimeoutMs: patience.requestTimeoutMs,
  })
  for (;;) {
    await clock.sleep(observeMs)
    const before = ledger.holding(group)
    try {
      await admin.committedOffsets(group, { requireStable: true })
    } catch (error) {
      if (life.stopping && StreamError.is(error)) return new Promise(() => {})
      throw error
    }
    if (before === undefined || ledger.holding(group) !== before) continue
    throw new Error(`K7: ${before} is open, and its offsets of ${group} are reported as stable`)
  }
}

/** Ends the transactions that a cut left open, reads everything back, and compares. */
async function check(broker: Broker, life: Life, ledger: Ledger): Promise<void> {
  requireOnline(broker)
  await createTopics(broker, life, topics)
  const offsets = new Map<string, number | null>()
  for (const transactionalId of transactionalIds) {
    const connection = broker.connect({ clientId: 'checker' })
    const { clock } = life.machine
    const producer = new Producer(connection, { transactionalId, clock })
    await producer.initTransactions()
    await producer.close()
    const admin = new Admin(connection, { clock })
    const [first = null, ...others] = (await admin.committedOffsets(transactionalId)).map(
      ({ committed }) => committed?.offset ?? null,
    )
    if (others.some((offset) => offset !== first)) {
      throw new Error(`K6: the offsets of ${transactionalId} are ${first} and ${others}, one transaction wrote them`)
    }
    offsets.set(transactionalId, first)
    await admin.close()
    await connection.close()
  }
  const found = await readAll(broker, life, partitions)
  ledger.check(
    found.map((record) => ({ ...record, id: String(record.value).replace(/\.+$/, '') })),
    offsets,
  )
}
