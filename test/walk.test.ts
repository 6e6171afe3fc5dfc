import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { observeCrashPoints } from '../src/base/crash-points.ts'
import { embedded } from '../src/broker/index.ts'
import { int64, Streams, StreamsBuilder, string, topic } from '../src/index.ts'
import type { Connection, LogProvider } from '../src/protocol/connection.ts'

const root = resolve(import.meta.dirname, '..')
const input = topic('input', { key: string, value: string, partitions: 1 })
const output = topic('output', { key: string, value: int64, partitions: 1 })

/** Says which requests pass that carry the record on its way. */
function tapped(log: LogProvider, saw: (step: string) => void): LogProvider {
  const carriers = new Set(['Produce', 'TxnOffsetCommit', 'EndTxn'])
  const tap = (inner: Connection): Connection => ({
    checked: inner.checked,
    close: () => inner.close(),
    request: (api, body) => {
      if (carriers.has(api)) saw(api)
      return inner.request(api, body)
    },
  })
  return {
    description: 'a tapped log',
    acquire: async (machine) => {
      const lease = await log.acquire(machine)
      return { ...lease, connect: (clientId) => tap(lease.connect(clientId)), release: () => lease.release() }
    },
  }
}

describe('The walk of one record', () => {
  it('goes from the producer through the log, the task and the commit, in this order', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-walk-'))
    const steps: string[] = []
    const builder = new StreamsBuilder()
    builder
      .stream(input)
      .peek(() => steps.push('operator'))
      .groupByKey()
      .count({ store: 'counts' })
      .toStream()
      .peek(() => steps.push('flushed downstream'))
      .to(output)
    const log = tapped(embedded(join(folder, 'data')), (step) => steps.push(step))
    const app = await Streams.start(builder.build(), { applicationId: 'walk', log })
    // The first commit says where each partition begins: it is no part of the walk.
    await app.drained()
    steps.length = 0
    const stop = observeCrashPoints((point) => {
      if (/^commit\..*enter$|^transaction\.prepare\.leave$/.test(point)) steps.push(point)
    })
    try {
      await app.feed(input, [{ key: 'a', value: 'x' }])
      await app.drained()
    } finally {
      stop()
      await app.close()
      rmSync(folder, { recursive: true })
    }
    expect(steps.slice(0, steps.indexOf('commit.4.enter') + 1)).to.deep.equal([
      'Produce',
      'operator',
      'commit.1a.enter',
      'flushed downstream',
      'commit.1b.enter',
      'commit.2.enter',
      'Produce',
      'commit.3.enter',
      'TxnOffsetCommit',
      'EndTxn',
      'transaction.prepare.leave',
      'commit.4.enter',
    ])
  })

  it('is told in ARCHITECTURE.md with files that exist', () => {
    const page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')
    const files = [...page.matchAll(/`((?:src|dsl|state-stores|test)\/[\w/.-]+\.ts)`/g)].map((match) => match[1]!)
    expect(files.length).to.be.greaterThan(15)
    expect(files.filter((file) => !existsSync(join(root, file)))).to.deep.equal([])
  })
})
