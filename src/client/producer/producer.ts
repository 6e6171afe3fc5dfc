/**
 * Writes records. They are laid down once, in the final form of a batch, and sent when a batch is full, at `flush`, or
 * after `lingerMs`.
 *
 * With `acks: 'all'` it is idempotent: a record is in the log once, in order, whatever answers are lost. With a
 * `transactionalId`, what is written between begin and commit, offsets of a consumer group included, is visible to
 * read_committed readers all at once or not at all.
 */
import { type Clock, systemClock } from '../../base/clock.ts'
import { StreamError } from '../../base/errors.ts'
import {
  batchBytesDefault,
  deliveryTimeoutMsDefault,
  lingerMsDefault,
  producerBufferBytes,
  requestTimeoutMsDefault,
  topicLookupTimeoutMsDefault,
  transactionTimeoutMsDefault,
} from '../../base/limits.ts'
import { aName, checkOptions } from '../../base/option-checks.ts'
import { type Headers, noHeaders, type Serde } from '../../base/serde.ts'
import type { Connection } from '../../protocol/connection.ts'
import { partitionForKey } from '../../records/partitioning.ts'
import { aPartition, requireArgument, requireConnection, someOffsets } from '../argument-checks.ts'
import { Caller } from '../caller.ts'
import { Metadata } from '../metadata.ts'
import { closedError } from '../retry.ts'
import { Accumulator } from './accumulator.ts'
import { Entrance } from './entrance.ts'
import { IdentitySource } from './identity-source.ts'
import { aMember, producerChecks, requireRecord } from './option-checks.ts'
import type { PartitionAppender } from './partition-appender.ts'
import type { RecordMetadata } from './pending-batch.ts'
import { Sender } from './sender.ts'
import { type GroupMember, type OffsetToCommit, Transactions } from './transactions.ts'

export interface ProducerOptions {
  /** Names the client in error messages. Default 'producer'. */
  readonly clientId?: string
  /** Makes the producer transactional: of all producers with this id only the last one initialized can write. */
  readonly transactionalId?: string
  /** After this long the broker aborts an open transaction by itself. Default 10,000. */
  readonly transactionTimeoutMs?: number
  /** When a batch counts as written: durable ('all', default), taken over by the broker (1), sent (0). */
  readonly acks?: 'all' | 1 | 0
  /**
   * How long an open batch waits for company. Default 0: until the next turn of the loop. In a transaction and with 0,
   * records of `append` wait for `flush`, commit, or a full batch.
   */
  readonly lingerMs?: number
  /** A batch is sent when it has this many bytes, before compression. Default 64 KiB. */
  readonly batchBytes?: number
  /** `full` turns true when as many bytes wait for their answers. Default 32 MiB. */
  readonly bufferBytes?: number
  /** Default 'none'. */
  readonly compression?: 'none' | 'gzip'
  /** How long a batch is tried, from when it is complete. Default 120,000. */
  readonly deliveryTimeoutMs?: number
  /** How long to look for a topic that is not there. Default 5,000. */
  readonly topicLookupTimeoutMs?: number
  /** How long one request may take. Default 30,000. */
  readonly requestTimeoutMs?: number
  readonly clock?: Clock
}

/** A record for `send`. Texts are written as UTF-8. What a consumer read may be sent on; other fields than these are INPUT_INVALID. */
export interface RecordToSend {
  readonly topic: string
  /** Default: by the key's murmur2, as all Kafka clients do; records without key take turns. */
  readonly partition?: number
  readonly key?: Buffer | string | null
  readonly value?: Buffer | string | null
  /** Milliseconds since 1970. Default: now. */
  readonly timestampMs?: number
  readonly headers?: Headers
}

export class Producer {
  readonly #caller: Caller
  readonly #metadata: Metadata
  readonly #accumulator: Accumulator
  readonly #entrance = new Entrance()
  readonly #transactions: Transactions | null
  readonly #sender: Sender
  readonly #lingerMs: number
  readonly #topicLookupTimeoutMs: number
  #lingering: boolean = false
  #turns = 0
  #closed: boolean = false

  /** CONFIG_INVALID names an option that there is not, or that cannot have its value. */
  constructor(connection: Connection, options: ProducerOptions = {}) {
    requireConnection('the producer', connection)
    checkOptions('the producer', options, producerChecks)
    const acks = options.acks ?? 'all'
    if (options.transactionalId !== undefined && acks !== 'all') {
      throw new StreamError('CONFIG_INVALID', `acks ${acks} with a transactionalId; use acks 'all'`)
    }
    const clock = options.clock ?? systemClock
    const timeoutMs = options.transactionTimeoutMs ?? transactionTimeoutMsDefault
    this.#caller = new Caller(
      connection,
      clock,
      options.requestTimeoutMs ?? requestTimeoutMsDefault,
      options.clientId ?? 'producer',
    )
    this.#metadata = new Metadata(this.#caller)
    this.#lingerMs = options.lingerMs ?? lingerMsDefault
    this.#topicLookupTimeoutMs = options.topicLookupTimeoutMs ?? topicLookupTimeoutMsDefault
    this.#accumulator = new Accumulator(clock, {
      batchBytes: options.batchBytes ?? batchBytesDefault,
      bufferBytes: options.bufferBytes ?? producerBufferBytes,
      compression: options.compression ?? 'none',
      deliveryTimeoutMs: options.deliveryTimeoutMs ?? deliveryTimeoutMsDefault,
    })
    this.#transactions =
      options.transactionalId === undefined
        ? null
        : new Transactions(this.#caller, options.transactionalId, timeoutMs, this.#accumulator)
    const own = acks === 'all' ? new IdentitySource(this.#caller, null, timeoutMs, null) : null
    const identity = this.#transactions?.identity ?? own
    this.#sender = new Sender(this.#caller, this.#accumulator, this.#metadata, this.#transactions, identity, {
      acks: acks === 'all' ? -1 : acks,
      topicLookupTimeoutMs: this.#topicLookupTimeoutMs,
    })
    this.#accumulator.onSealed = () => this.#sender.wake()
    this.#accumulator.onOpened = () => this.#opened()
  }

  /** A handle on one partition, for code that appends very often. */
  partition(topic: string, partition: number): PartitionAppender {
    requireArgument('Producer.partition', { topic, partition }, aPartition)
    return this.#accumulator.partition(topic, partition)
  }

  /**
   * Lays one record down in the open batch of that partition. Synchronous, no promise: what goes wrong later is thrown
   * by `flush` or commit, the first error first. When `full`, await `ready()`.
   */
  append<K, V>(
    topic: string,
    partition: number,
    timestampMs: number,
    key: K | null,
    keySerde: Serde<K>,
    value: V | null,
    valueSerde: Serde<V>,
    headers: Headers,
  ): void {
    this.#accumulator.partition(topic, partition).append(timestampMs, key, keySerde, value, valueSerde, headers)
  }

  /** As `append`, for bytes: `key[keyStart, keyEnd)` and `value[valueStart, valueEnd)`. */
  appendBytes(
    topic: string,
    partition: number,
    timestampMs: number,
    key: Buffer | null,
    keyStart: number,
    keyEnd: number,
    value: Buffer | null,
    valueStart: number,
    valueEnd: number,
    headers: Headers,
  ): void {
    this.#accumulator
      .partition(topic, partition)
      .appendBytes(timestampMs, key, keyStart, keyEnd, value, valueStart, valueEnd, headers)
  }

  /**
   * Sends one record; resolves when it is acknowledged. Rejects with TOPIC_UNKNOWN, INPUT_INVALID, RECORD_TOO_LARGE, PRODUCER_FENCED,
   * TIMED_OUT and what else the broker says. A valid record that cannot be laid down fails its transaction, too, so that
   * nobody commits without it who did not wait for this promise (KafkaProducer.send); one that is refused as INPUT_INVALID for
   * what it is fails nothing.
   */
  async send(record: RecordToSend): Promise<RecordMetadata> {
    requireRecord(record)
    // Read before anything is awaited: the caller may use the object again.
    const { topic, value = null, headers = noHeaders, timestampMs = this.#caller.clock.now() } = record
    const key = bytesOf(record.key)
    const wanted = record.partition ?? null
    if (this.#accumulator.refusal !== null) throw this.#accumulator.refusal
    const lay = (): Promise<RecordMetadata> => {
      const partition = wanted ?? this.#partitionFor(topic, key)
      const sent = this.#existing(topic, partition).appendAwaited(timestampMs, key, value, headers)
      this.#linger()
      return sent
    }
    if (!this.#entrance.isFree(topic) || !this.#isReady(topic))
      return this.#entrance.enter(topic, () => this.#readyFor(topic), lay, this.#lost)
    try {
      return lay()
    } catch (error) {
      this.#lost(error)
      throw error
    }
  }

  /** A record of the open transaction could not even be laid down. */
  readonly #lost = (error: unknown): void => {
    if (StreamError.is(error)) this.#transactions?.failed(error)
  }

  #isReady(topic: string): boolean {
    return !this.#accumulator.full && this.#metadata.get(topic) !== undefined
  }

  async #readyFor(topic: string): Promise<void> {
    while (!this.#isReady(topic)) {
      await this.#accumulator.ready()
      await this.#metadata.ensure([topic], this.#topicLookupTimeoutMs)
    }
  }

  #partitionFor(topic: string, key: Buffer | null): number {
    const count = this.#partitionCount(topic)
    return key === null ? this.#turns++ % count : partitionForKey(key, 0, key.length, count)
  }

  #existing(topic: string, partition: number): PartitionAppender {
    const count = this.#partitionCount(topic)
    if (partition >= 0 && partition < count) return this.#accumulator.partition(topic, partition)
    throw new StreamError('TOPIC_UNKNOWN', `${topic} has partitions 0 to ${count - 1}, not ${partition}`)
  }

  #partitionCount(topic: string): number {
    return this.#metadata.get(topic)!.leaderEpochs.length
  }

  /** Too much waits for its answers: await `ready()` before appending more. */
  get full(): boolean {
    return this.#accumulator.full
  }

  /** With this error appends are refused now: no transaction is open, or it failed, or the producer is closed. */
  get refusal(): StreamError | null {
    return this.#accumulator.refusal
  }

  /** Resolves when the buffer has room again. */
  ready(): Promise<void> {
    return this.#accumulator.ready()
  }

  /** Everything appended is acknowledged when this resolves; throws the first error that was not thrown yet. */
  async flush(): Promise<void> {
    const entering = this.#entrance.settled()
    if (entering !== null) await entering
    this.#accumulator.sealAll()
    await this.#sender.flush()
  }

  /** The offset after the last acknowledged record that this producer wrote there; -1: none yet. */
  endOffset(topic: string, partition: number): number {
    requireArgument('endOffset', { topic, partition }, aPartition)
    return this.#accumulator.partition(topic, partition).endOffset
  }

  /** Once, before the first transaction. Ends what an earlier producer of this id left open, and fences it. */
  async initTransactions(): Promise<void> {
    await this.#transactional().init()
  }

  beginTransaction(): void {
    this.#transactional().begin()
  }

  /**
   * Offsets of a group join the open transaction. Throws MEMBER_UNKNOWN, REBALANCE_IN_PROGRESS or INSTANCE_FENCED when
   * the group went on without this member: abort then.
   */
  async sendOffsets(groupId: string, offsets: readonly OffsetToCommit[], group: GroupMember): Promise<void> {
    const transactions = this.#transactional()
    requireArgument('sendOffsets', groupId, aName)
    requireArgument('sendOffsets', offsets, someOffsets)
    requireArgument('sendOffsets', group, aMember)
    transactions.check()
    if (offsets.length > 0) await transactions.addOffsets(groupId, offsets, group)
  }

  /**
   * Flushes and commits. PRODUCER_FENCED: another producer took over. TIMED_OUT: the outcome is not known, the next
   * producer of this id finds out. Any other error: abort.
   */
  commitTransaction(): Promise<void> {
    return this.#commit(false)
  }

  /**
   * As `commitTransaction`, and the next transaction begins as soon as everything of this one is flushed: what is appended
   * from then on waits unsent until the commit is known. After an error there is no next one.
   */
  commitAndBeginTransaction(): Promise<void> {
    return this.#commit(true)
  }

  async #commit(nextBegins: boolean): Promise<void> {
    const transactions = this.#transactional()
    transactions.check()
    const entering = this.#entrance.settled()
    if (entering !== null) await entering
    this.#entrance.close()
    this.#accumulator.sealAll()
    transactions.startCommit()
    // With nothing to flush the next transaction begins before this returns: its caller goes on at once.
    if (this.#accumulator.busy.size > 0) await this.#sender.flush()
    transactions.check()
    try {
      await transactions.commit(nextBegins)
    } finally {
      // What was laid down meanwhile goes, or is given up.
      this.#sender.wake()
    }
  }

  /** Forgets what was not sent, and aborts. PRODUCER_FENCED: there is nothing to abort any more. */
  async abortTransaction(): Promise<void> {
    const transactions = this.#transactional()
    transactions.startAbort()
    this.#entrance.close()
    const aborted = new StreamError('TRANSACTION_ABORTED', 'not sent, its transaction was aborted')
    this.#accumulator.dropOpen(aborted)
    this.#sender.dropQueued(aborted)
    await this.#accumulator.allFinished()
    this.#sender.forgetError()
    const { current } = transactions.identity
    await transactions.abort()
    if (transactions.identity.current !== current) {
      for (const appender of this.#accumulator.partitions()) appender.resetSequence()
    }
  }

  /** Flushes, or aborts an open transaction, and ends. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    try {
      if (this.#transactions === null) await this.flush()
      else if (this.#transactions.active) await this.abortTransaction()
    } catch (error) {
      // Fenced: whoever took over has aborted the transaction.
      if (this.#transactions === null || !StreamError.is(error, 'PRODUCER_FENCED')) throw error
    } finally {
      this.#accumulator.refuse(closedError)
      this.#accumulator.onOpened = null
      this.#accumulator.dropOpen(closedError())
      this.#sender.dropQueued(closedError())
      this.#caller.close()
    }
  }

  #transactional(): Transactions {
    if (this.#transactions === null) {
      throw new StreamError('TRANSACTION_STATE_INVALID', 'the producer has no transactionalId; give it one')
    }
    return this.#transactions
  }

  #opened(): void {
    if (this.#transactions === null || this.#lingerMs > 0) this.#linger()
  }

  /** Seals what is open, a little later. */
  #linger(): void {
    if (this.#lingering) return
    this.#lingering = true
    const { clock } = this.#caller
    const over = (): void => {
      this.#lingering = false
      this.#accumulator.sealAll()
    }
    if (this.#lingerMs === 0) void clock.turn().then(over)
    else clock.timer(this.#lingerMs, over, true)
  }
}

function bytesOf(value: Buffer | string | null | undefined): Buffer | null {
  if (value === null || value === undefined) return null
  return typeof value === 'string' ? Buffer.from(value) : value
}
