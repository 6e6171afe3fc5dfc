import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type ErrorCode, StreamError } from '../../../src/base/errors.ts'
import { systemMachine } from '../../../src/base/machine.ts'
import { Broker } from '../../../src/broker/broker.ts'
import { Admin } from '../../../src/client/admin/admin.ts'
import { Consumer } from '../../../src/client/consumer/consumer.ts'
import type { ConsumerRecord } from '../../../src/client/consumer/consumer-record.ts'
import type { ConsumerOptions } from '../../../src/client/consumer/options.ts'
import { Producer, type ProducerOptions } from '../../../src/client/producer/producer.ts'
import type { TopicPartition } from '../../../src/client/topic-partition.ts'
import type { Connection } from '../../../src/protocol/connection.ts'

export type Carrier = (broker: Broker, clientId: string) => Connection

export async function errorOf(run: Promise<unknown>): Promise<ErrorCode | 'none'> {
  try {
    await run
  } catch (error) {
    if (StreamError.is(error)) return error.code
    throw error
  }
  return 'none'
}

/** A broker in a folder of its own, and clients on one carrier. */
export class World {
  readonly directory = mkdtempSync(join(tmpdir(), 'millrace-client-'))
  readonly #carrier: Carrier
  readonly #closing: (() => Promise<unknown>)[] = []
  broker!: Broker
  admin!: Admin

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  async open(): Promise<void> {
    this.broker = await Broker.open(systemMachine, this.directory, { flush: 'os' })
    this.admin = new Admin(this.connect())
  }

  connect(): Connection {
    return this.#carrier(this.broker, 'suite')
  }

  producer(options: ProducerOptions = {}): Producer {
    const producer = new Producer(this.connect(), options)
    this.#closing.push(() => errorOf(producer.close()))
    return producer
  }

  consumer(options: ConsumerOptions = {}): Consumer {
    const consumer = new Consumer(this.connect(), {
      autoOffsetReset: 'earliest',
      sessionTimeoutMs: 2000,
      heartbeatIntervalMs: 20,
      fetchWaitMs: 50,
      ...options,
    })
    this.#closing.push(() => errorOf(consumer.close()))
    return consumer
  }

  async transactional(transactionalId: string): Promise<Producer> {
    const producer = this.producer({ transactionalId })
    await producer.initTransactions()
    return producer
  }

  async topic(name: string, partitions = 1): Promise<TopicPartition[]> {
    await this.admin.createTopics([{ name, partitions }])
    return Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition }))
  }

  async close(): Promise<void> {
    for (const close of this.#closing.reverse()) await close()
    await this.broker.close()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** Polls until so many records came. */
export async function take(consumer: Consumer, count: number): Promise<ConsumerRecord[]> {
  const records: ConsumerRecord[] = []
  for (let polls = 0; records.length < count && polls < 3000; polls++) records.push(...(await consumer.poll(50)))
  return records
}

export function values(records: readonly ConsumerRecord[]): string[] {
  return records.map((record) => String(record.value))
}

/** Polls all of them until the condition holds. */
export async function pollUntil(consumers: readonly Consumer[], holds: () => boolean): Promise<ConsumerRecord[]> {
  const records: ConsumerRecord[] = []
  for (let polls = 0; !holds() && polls < 300; polls++) {
    for (const polled of await Promise.all(consumers.map((consumer) => consumer.poll(10)))) records.push(...polled)
  }
  expect(holds(), 'the condition came true').to.equal(true)
  return records
}
