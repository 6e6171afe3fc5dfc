/**
 * A whole application through many power cuts: words are produced, counted exactly once and told, while the power goes and
 * comes. In the end every word that was acknowledged is counted, every count was told once, in order, and the store holds what
 * a recount from scratch gives.
 */

import { StreamsBuilder, topic, tumbling } from '../../dsl/index.ts'
import { Broker } from '../../src/broker/broker.ts'
import { Producer } from '../../src/client/producer/producer.ts'
import type { TopicPartition } from '../../src/client/topic-partition.ts'
import type { LogProvider } from '../../src/protocol/connection.ts'
import { Streams } from '../../src/runtime/streams.ts'
import { int64, string } from '../../src/serdes/index.ts'
import { MemoryEngines } from '../../state-stores/engines/memory-engine.ts'
import { type CutPlan, drawHabit, drawPlan } from './cut-plan.ts'
import { Ledger } from './ledger.ts'
import { Disk, Life } from './life.ts'
import { createTopics, type ReadRecord, readAll, requireOnline } from './log-access.ts'
import type { HistoryOptions } from './log-history.ts'
import { slowed } from './slow-engine.ts'

const words = topic('words', { key: string, value: string })
const counts = topic('counts', { key: string, value: int64 })
const partitionCount = 2
const vocabulary = ['to', 'be', 'or', 'not', 'that', 'is', 'the', 'question']
const windowMs = 1000
const livesMax = 6
const stepsMax = 600

export interface AppHistoryResult {
  readonly cuts: number
  readonly counted: number
  readonly restarts: number
}

export async function appHistory({ random, faulty }: HistoryOptions): Promise<AppHistoryResult> {
  const disk = await Disk.with('/data')
  const engines = new MemoryEngines()
  const ledger = new Ledger()
  const lives = 1 + random.int(livesMax)
  let cuts = 0
  const habit = drawHabit(random)
  for (let count = 0; count < lives; count++) {
    const plan = drawPlan(random, stepsMax, habit)
    if (plan.end === 'cut') cuts++
    const life = new Life(disk, random, faulty)
    await life.runToEnd(workFrom(life, plan, engines, ledger), plan)
    engines.crash()
  }
  const last = new Life(disk, random, faulty)
  const counted = await last.until(checkCounts(last, engines, ledger))
  return { cuts, counted, restarts: lives }
}

async function workFrom(life: Life, plan: CutPlan, engines: MemoryEngines, ledger: Ledger): Promise<void> {
  const broker = await Broker.open(life.machine, '/data')
  requireOnline(broker)
  await createTopics(broker, life, { words: partitionCount, counts: partitionCount })
  life.begin(plan)
  const sending = sendWords(broker, life, ledger)
  const { app } = await startApp(broker, life, engines)
  await Promise.race([sending, ended(app)])
  await app.close()
  await broker.close()
}

/** Rejects when the application ends by itself, which a power cut is no reason for. */
function ended(app: Streams): Promise<never> {
  return new Promise((_resolve, reject) => app.on('error', reject))
}

async function startApp(broker: Broker, life: Life, engines: MemoryEngines) {
  const engine = slowed(engines.supplier(), life.random)
  const builder = new StreamsBuilder()
  const grouped = builder.stream(words).groupBy((line) => wordOf(line), { key: string, name: 'by-word' })
  const table = grouped.count({ store: { name: 'word-counts', engine }, emit: 'everyUpdate' })
  table.toStream().to(counts)
  const windows = grouped
    .windowedBy(tumbling(windowMs, { graceMs: 500_000_000 }))
    .count({ store: { name: 'word-windows', engine }, retentionMs: 1_000_000_000 })
  const app = await Streams.start(builder.build(), {
    applicationId: 'words',
    log: logOf(broker),
    stateDir: '/data/state',
    commitIntervalMs: 10,
    machine: life.machine,
    // What goes wrong for good ends the application, and is seen there.
    listeners: { warning: () => undefined },
  })
  return { app, table, windows }
}

/** A broker that is open already, as a log to run on. */
function logOf(broker: Broker): LogProvider {
  return {
    description: 'the simulated log',
    acquire: async () => ({
      directory: '/data',
      connect: (clientId) => broker.connect({ clientId }),
      release: async () => {},
    }),
  }
}

async function sendWords(broker: Broker, life: Life, ledger: Ledger): Promise<void> {
  const { random } = life
  const { clock } = life.machine
  const producer = new Producer(broker.connect({ clientId: 'writer' }), { clientId: 'writer', clock })
  while (!life.stopping) {
    const sends = Array.from({ length: 1 + random.int(4) }, async () => {
      const sent = ledger.send('writer', 'words', random.int(partitionCount), null)
      const word = vocabulary[random.int(vocabulary.length)]!
      const value = `${word} ${sent.id}`
      const { offset } = await producer.send({
        topic: 'words',
        partition: sent.partition,
        value,
        timestampMs: clock.now(),
      })
      sent.offset = offset
    })
    await Promise.all(sends)
    await clock.sleep(random.int(6))
  }
}

/** The calm after the cuts: the application works everything off and is recounted. Gives how many words there were. */
async function checkCounts(life: Life, engines: MemoryEngines, ledger: Ledger): Promise<number> {
  const broker = await Broker.open(life.machine, '/data')
  requireOnline(broker)
  await createTopics(broker, life, { words: partitionCount, counts: partitionCount })
  const { app, table, windows } = await startApp(broker, life, engines)
  await app.drained()
  const written = await readAll(broker, life, partitionsOf('words'))
  ledger.check(
    written.map((record) => ({ ...record, id: String(record.value).split(' ')[1]! })),
    new Map(),
  )
  const recount = countBy(written, ({ value }) => wordOf(String(value)))
  const stored = new Map<string, number>()
  for await (const [word, count] of app.store(table).all()) stored.set(word, count)
  same('the store', stored, recount)
  const inWindows = new Map<string, number>()
  for await (const [word, startMs, count] of app.store(windows).all()) inWindows.set(`${word}@${startMs}`, count)
  const windowOf = (timestampMs: number): number => timestampMs - (timestampMs % windowMs)
  same(
    'the window store',
    inWindows,
    countBy(written, ({ value, timestampMs }) => `${wordOf(String(value))}@${windowOf(timestampMs)}`),
  )
  const told = new Map<string, number>()
  for (const { key, value } of await readAll(broker, life, partitionsOf('counts'))) {
    const [word, count] = [String(key), Number(value?.readBigInt64BE())]
    if (count !== (told.get(word) ?? 0) + 1)
      throw new Error(`of ${word} ${count} was told after ${told.get(word) ?? 0}`)
    told.set(word, count)
  }
  same('what was told last', told, recount)
  await app.close()
  await broker.close()
  return written.length
}

function wordOf(line: string): string {
  return line.slice(0, line.indexOf(' '))
}

function countBy(records: readonly ReadRecord[], keyOf: (record: ReadRecord) => string): Map<string, number> {
  const counted = new Map<string, number>()
  for (const record of records) counted.set(keyOf(record), (counted.get(keyOf(record)) ?? 0) + 1)
  return counted
}

function same(what: string, found: ReadonlyMap<string, number>, recount: ReadonlyMap<string, number>): void {
  for (const key of new Set([...found.keys(), ...recount.keys()])) {
    if (found.get(key) === recount.get(key)) continue
    throw new Error(`${what} says ${key} came ${found.get(key)} times, a recount says ${recount.get(key)}`)
  }
}

function partitionsOf(name: string): TopicPartition[] {
  return Array.from({ length: partitionCount }, (_, partition) => ({ topic: name, partition }))
}
