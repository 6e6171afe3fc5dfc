import type { Clock } from '../../base/clock.ts'
import type { Consumer } from '../../client/consumer/consumer.ts'
import type { Connection } from '../../client/index.ts'
import { Producer } from '../../client/producer/producer.ts'
import type { CommitTarget } from '../commit.ts'
import type { ResolvedConfig } from '../config.ts'
import { encodeOffsetMetadata } from '../task/offset-metadata.ts'
import type { TaskOffset } from '../task/task.ts'

/**
 * The thread's one producer and how a commit uses it (EOS v2: one transaction per thread). Under exactly-once a transaction is
 * always open between `begin` and the next commit.
 */
export class ProducingSide implements CommitTarget {
  readonly producer: Producer
  readonly #connection: Connection
  readonly #exactlyOnce: boolean
  readonly #groupId: string
  readonly #clock: Clock
  #consumer: Consumer | null = null
  /** When the open transaction began, monotonic. */
  begunMs = 0

  constructor(connection: Connection, config: ResolvedConfig, processId: string) {
    this.#connection = connection
    this.#exactlyOnce = config.guarantee === 'exactlyOnce'
    this.#groupId = config.applicationId
    this.#clock = config.machine.clock
    this.producer = new Producer(connection, {
      ...(this.#exactlyOnce ? { transactionalId: `${config.applicationId}-${processId}-0` } : {}),
      transactionTimeoutMs: config.transactionTimeoutMs,
      clock: config.machine.clock,
    })
  }

  /** First of all: what an earlier process of this id left open is ended at once. */
  async start(): Promise<void> {
    if (this.#exactlyOnce) await this.producer.initTransactions()
    this.#begin()
  }

  /** Offsets are committed in this member's name. */
  commitFor(consumer: Consumer): void {
    this.#consumer = consumer
  }

  #begin(): void {
    if (this.#exactlyOnce) this.producer.beginTransaction()
    this.begunMs = this.#clock.monotonic()
  }

  flush(): Promise<void> {
    return this.producer.flush()
  }

  async sendOffsets(offsets: readonly TaskOffset[]): Promise<void> {
    const encoded = offsets.map(({ topic, partition, offset, leaderEpoch, metadata }) => {
      return { topic, partition, offset, leaderEpoch, metadata: encodeOffsetMetadata(metadata) }
    })
    if (encoded.length === 0) return
    const consumer = this.#consumer!
    if (this.#exactlyOnce) await this.producer.sendOffsets(this.#groupId, encoded, consumer.groupMetadata())
    else await consumer.commit(encoded)
  }

  async commit(): Promise<void> {
    if (this.#exactlyOnce) await this.producer.commitTransaction()
    this.#begin()
  }

  /** Aborts what is open. Idempotent. */
  async close(): Promise<void> {
    try {
      await this.producer.close()
    } finally {
      await this.#connection.close()
    }
  }
}
