import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { embedded } from '../../src/broker/index.ts'
import { Producer } from '../../src/client/index.ts'
import { int64, Streams, StreamsBuilder, string, topic } from '../../src/index.ts'
import type { Connection } from '../../src/protocol/connection.ts'
import { readCounts } from './recount.ts'
import { StallingLog, type Tamper } from './stalling-log.ts'

/** Where in a commit the instance stalls. */
export const stallPoints = ['AddPartitionsToTxn', 'Produce', 'TxnOffsetCommit', 'EndTxn'] as const
export type StallPoint = (typeof stallPoints)[number]

const keys = 40
const input = topic('input', { key: string, value: string, partitions: 4 })
const output = topic('counts', { key: string, value: int64, partitions: 4 })
const sessionTimeoutMs = 1000
const patienceMs = 40_000

function countTopology() {
  const builder = new StreamsBuilder()
  builder.stream(input).groupByKey().count({ store: 'counts', emit: 'everyUpdate' }).toStream().to(output)
  return builder.build()
}

async function waitUntil(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = systemClock.monotonic() + patienceMs
  while (!(await holds())) {
    if (systemClock.monotonic() > end) throw new Error(`waited ${patienceMs} ms in vain until ${what}`)
    await systemClock.sleep(20)
  }
}

class Feed {
  readonly #producer: Producer
  sent = 0

  constructor(connection: Connection) {
    this.#producer = new Producer(connection, { acks: 'all' })
  }

  async send(records: number): Promise<void> {
    const acknowledged: Promise<unknown>[] = []
    for (let index = 0; index < records; index++) {
      const key = `key-${this.sent++ % keys}`
      acknowledged.push(this.#producer.send({ topic: input.name, key, value: 'x', timestampMs: this.sent }))
    }
    await Promise.all(acknowledged)
  }

  close(): Promise<void> {
    return this.#producer.close()
  }
}

/** One story; gives what happened in a sentence, throws where it is wrong. */
export async function runStory(point: StallPoint, tamper?: Tamper): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-zombie-'))
  const log = embedded(join(folder, 'data'))
  const lease = await log.acquire()
  const stalling = new StallingLog(log, tamper)
  const start = (name: string, provider: typeof log | StallingLog): Promise<Streams> =>
    Streams.start(countTopology(), {
      applicationId: 'zombies',
      log: provider,
      stateDir: join(folder, name),
      sessionTimeoutMs,
      transactionTimeoutMs: patienceMs / 4,
      commitIntervalMs: 50,
    })
  const connection = lease.connect('zombie-test')
  const zombie = await start('zombie', stalling)
  const other = await start('other', log)
  const feed = new Feed(connection)
  try {
    await waitUntil(
      'both instances have two tasks',
      () => zombie.activeTasks.length === 2 && other.activeTasks.length === 2,
    )
    await feed.send(1000)
    const stalled = stalling.stallAt(point)
    await feed.send(400)
    await stalled
    await waitUntil('the other has taken over', () => other.activeTasks.length === 4)
    await feed.send(400)
    // The zombie wakes only after the other has counted something of what was the zombie's.
    await systemClock.sleep(sessionTimeoutMs)
    stalling.resume()
    await waitUntil('the zombie has come back', () => zombie.activeTasks.length === 2 && other.activeTasks.length === 2)
    await feed.send(400)
    await waitUntil('everything is counted', async () => (await readCounts(connection)).total >= feed.sent)
    const { wrong } = await readCounts(connection)
    if (wrong.length > 0) throw new Error(`counted wrong: ${wrong.slice(0, 3).join('; ')}`)
    return `fenced, back with two tasks, ${feed.sent} records counted once`
  } finally {
    stalling.resume()
    await feed.close()
    await zombie.close()
    await other.close()
    await lease.release()
    rmSync(folder, { recursive: true, force: true })
  }
}
