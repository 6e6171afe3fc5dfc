import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StreamsBuilder, topic } from '../../dsl/index.ts'
import { embedded } from '../../src/broker/index.ts'
import { Admin, type Connection, Consumer, type ConsumerRecord, type LogProvider } from '../../src/client/index.ts'
import type { StreamsConfig } from '../../src/runtime/config.ts'
import { Streams } from '../../src/runtime/streams.ts'
import { int64, string } from '../../src/serdes/index.ts'
import type { Topology } from '../../src/topology/topology.ts'

export const input = topic('input', { key: string, value: string, partitions: 4 })
export const output = topic('output', { key: string, value: int64, partitions: 4 })

/** Counts records per key, telling each step; the store is `counts`. */
export function countTopology() {
  const builder = new StreamsBuilder()
  const counts = builder.stream(input).groupByKey().count({ store: 'counts', emit: 'everyUpdate' })
  counts.toStream().to(output)
  return { topology: builder.build(), counts }
}

const listeners = { warning: () => {}, dropped: () => {} }

/** A log in a temporary folder, and what a test needs around it. */
export class World {
  readonly folder = mkdtempSync(join(tmpdir(), 'millrace-runtime-'))
  readonly log: LogProvider = embedded(join(this.folder, 'data'))
  readonly #apps: Streams[] = []

  async start(topology: Topology, config: Partial<StreamsConfig> = {}): Promise<Streams> {
    const app = await Streams.start(topology, {
      applicationId: 'app',
      log: this.log,
      commitIntervalMs: 20,
      listeners,
      ...config,
    })
    this.#apps.push(app)
    return app
  }

  stateDir(name: string): string {
    return join(this.folder, name)
  }

  /** Works on the log beside the application. */
  async use<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const lease = await this.log.acquire()
    try {
      return await work(lease.connect('test'))
    } finally {
      await lease.release()
    }
  }

  admin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    return this.use((connection) => work(new Admin(connection)))
  }

  /** What a read_committed reader of `output` sees: the values of each key, in order. */
  async readOutput(): Promise<Map<string, number[]>> {
    const values = new Map<string, number[]>()
    for (const record of await this.read(output.name, 4)) {
      const key = String(record.key)
      const value = Number(record.value!.readBigInt64BE(0))
      values.set(key, [...(values.get(key) ?? []), value])
    }
    return values
  }

  /** What a read_committed reader sees, one partition after the other. */
  read(name: string, partitionCount: number): Promise<ConsumerRecord[]> {
    return this.use(async (connection) => {
      const partitions = Array.from({ length: partitionCount }, (_, partition) => ({ topic: name, partition }))
      const ends = await new Admin(connection).listOffsets(partitions, 'latest', { isolation: 'readCommitted' })
      const consumer = new Consumer(connection, { isolation: 'readCommitted', autoOffsetReset: 'earliest' })
      consumer.assign(partitions)
      const found: ConsumerRecord[] = []
      for (const [index, partition] of partitions.entries()) {
        while ((await consumer.position(partition)) < ends[index]!.offset) found.push(...(await consumer.poll(200)))
      }
      await consumer.close()
      return found
    })
  }

  async close(): Promise<void> {
    for (const app of this.#apps) await app.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** `count` records over `keys` keys. */
export function records(count: number, keys = 10): { key: string; value: string; timestampMs: number }[] {
  return Array.from({ length: count }, (_, index) => ({ key: `k${index % keys}`, value: 'x', timestampMs: index }))
}

export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}

/** The error with which a promise is rejected. */
export async function rejectionOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
  } catch (error) {
    return error
  }
  throw new Error('it was not rejected')
}
