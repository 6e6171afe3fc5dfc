import type { Clock } from '../../base/clock.ts'
import type { Consumer } from '../../client/consumer/consumer.ts'
import type { Connection } from '../../client/index.ts'
import { Producer } from '../../client/producer/producer.ts'
import { closeAll } from '../closing.ts'
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
  readonly #consumer: Consumer
  /** When the open transaction began, monotonic; null: none has. */
  #begunMs: number | null = null

  /** `consumer`: the member in whose name offsets are committed. */
  constructor(connection: Connection, consumer: Consumer, config: ResolvedConfig, processId: string) {
    this.#connection = connection
    this.#consumer = consumer
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
    if (this.#exactlyOnce) {
      await this.producer.initTransactions()
      this.producer.beginTransaction()
    }
    this.#begunMs = this.#clock.monotonic()
  }

  /** How long the open transaction has been open, 0 when there is none; at least once: how long ago the last commit was. */
  get transactionAgeMs(): number {
    return this.#begunMs === null ? 0 : this.#clock.monotonic() - this.#begunMs
  }

  flush(): Promise<void> {
    return this.producer.flush()
  }

  async sendOffsets(offsets: readonly TaskOffset[]): Promise<void> {
    const encoded = offsets.map(({ topic, partition, offset, leaderEpoch, metadata }) => {
      return { topic, partition, offset, leaderEpoch, metadata: encodeOffsetMetadata(metadata) }
    })
    if (encoded.length === 0) return
    if (this.#exactlyOnce) await this.producer.sendOffsets(this.#groupId, encoded, this.#consumer.groupMetadata())
    else await this.#consumer.commit(encoded)
  }

  /** Everything is flushed by then, so that the next transaction has begun when this returns. */
  commit(): Promise<void> {
    this.#begunMs = this.#clock.monotonic()
    return this.#exactlyOnce ? this.producer.commitAndBeginTransaction() : Promise.resolve()
  }

  /** Aborts what is open. Idempotent. */
  close(): Promise<void> {
    return closeAll([() => this.producer.close(), () => this.#connection.close()])
  }
}
