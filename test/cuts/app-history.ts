/**
 * A whole application through many power cuts: words are produced, counted exactly once and told, while the power goes and
 * comes. In the end every word that was acknowledged is counted, every count was told once, in order, and the store holds what
 * a recount from scratch gives.
 */

import { StreamsBuilder, topic } from '../../dsl/index.ts'
import { Broker } from '../../src/broker/broker.ts'
import { Producer } from '../../src/client/producer/producer.ts'
import type { TopicPartition } from '../../src/client/topic-partition.ts'
import type { LogProvider } from '../../src/protocol/connection.ts'
import { Streams } from '../../src/runtime/streams.ts'
import { int64, string } from '../../src/serdes/index.ts'
import { MemoryEngines } from '../../state-stores/engines/memory-engine.ts'
import { type Found, Ledger } from './ledger.ts'
import { Disk, Life } from './life.ts'
import { createTopics, readAll } from './log-access.ts'
import type { HistoryOptions } from './log-history.ts'

const words = topic('words', { key: string, value: string })
const counts = topic('counts', { key: string, value: int64 })
const partitionCount = 2
const vocabulary = ['to', 'be', 'or', 'not', 'that', 'is', 'the', 'question']
const livesMax = 6

export interface AppHistoryResult {
  readonly cuts: number
  readonly counted: number
}

export async function appHistory({ random, faulty }: HistoryOptions): Promise<AppHistoryResult> {
  const disk = await Disk.with('/data')
  const engines = new MemoryEngines()
  const ledger = new Ledger()
  const cuts = 1 + random.int(livesMax)
  for (let cut = 0; cut < cuts; cut++) {
    const life = new Life(disk, random, faulty)
    await life.runUntilCut(workFrom(life, engines, ledger), 50 + random.int(900))
    engines.crash()
  }
  const last = new Life(disk, random, faulty)
  const counted = await last.until(checkCounts(last, engines, ledger))
  return { cuts, counted }
}

async function workFrom(life: Life, engines: MemoryEngines, ledger: Ledger): Promise<void> {
  const broker = await Broker.open(life.machine, '/data')
  await createTopics(broker, life, { words: partitionCount, counts: partitionCount })
  const sending = sendWords(broker, life, ledger)
  const { app } = await startApp(broker, life, engines)
  await Promise.race([sending, ended(app)])
}

/** Rejects when the application ends by itself, which a power cut is no reason for. */
function ended(app: Streams): Promise<never> {
  return new Promise((_resolve, reject) => app.on('error', reject))
}

async function startApp(broker: Broker, life: Life, engines: MemoryEngines) {
  const builder = new StreamsBuilder()
  const table = builder
    .stream(words)
    .groupBy((word) => word.split(' ')[0]!, { key: string })
    .count({ store: { name: 'word-counts', engine: engines.supplier() }, emit: 'everyUpdate' })
  table.toStream().to(counts)
  const app = await Streams.start(builder.build(), {
    applicationId: 'words',
    log: logOf(broker),
    stateDir: '/data/state',
    commitIntervalMs: 10,
    machine: life.machine,
  })
  return { app, table }
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

async function sendWords(broker: Broker, life: Life, ledger: Ledger): Promise<never> {
  const { random } = life
  const { clock } = life.machine
  const producer = new Producer(broker.connect({ clientId: 'writer' }), { clientId: 'writer', clock })
  for (;;) {
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
  await createTopics(broker, life, { words: partitionCount, counts: partitionCount })
  const { app, table } = await startApp(broker, life, engines)
  await app.drained()
  const written = await readAll(broker, life, partitionsOf('words'))
  ledger.check(written.map((record): Found => ({ ...record, id: String(record.value).split(' ')[1]! })))
  const recount = new Map<string, number>()
  for (const { value } of written) {
    const word = String(value).split(' ')[0]!
    recount.set(word, (recount.get(word) ?? 0) + 1)
  }
  for (const [word, count] of recount) {
    const stored = await app.store(table).get(word)
    if (stored !== count) throw new Error(`the store says ${word} came ${stored} times, a recount says ${count}`)
  }
  const told = new Map<string, number>()
  for (const { key, value } of await readAll(broker, life, partitionsOf('counts'))) {
    const [word, count] = [String(key), Number(value?.readBigInt64BE())]
    if (count !== (told.get(word) ?? 0) + 1)
      throw new Error(`of ${word} ${count} was told after ${told.get(word) ?? 0}`)
    told.set(word, count)
  }
  for (const [word, count] of recount) {
    if (told.get(word) !== count)
      throw new Error(`of ${word} ${told.get(word) ?? 0} was told last, a recount says ${count}`)
  }
  await app.close()
  await broker.close()
  return written.length
}

function partitionsOf(name: string): TopicPartition[] {
  return Array.from({ length: partitionCount }, (_, partition) => ({ topic: name, partition }))
}
