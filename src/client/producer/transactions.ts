/**
 * The transactions of one producer.
 *
 *   uninitialized ──> ready ──> active ──> committing ──> ending ──> ready
 *                               │  │           │
 *                               │  └─> failed <┘      a batch or an offset could not be written: only abort helps
 *                               └──────┴─> aborting ──> ready
 *   any ──> fenced      another producer took over, or the outcome is unknown: only a new producer helps
 *
 * Laws
 *  T1  a partition is in the transaction (AddPartitionsToTxn answered) before its first batch is sent
 *  T2  EndTxn is sent when nothing is in flight, and again until its answer is known
 *  T3  after an abort that left a batch with unknown fate, the epoch is raised before anything is sent again
 *  T4  the next transaction may begin while this one is ending: what it writes is laid down, and waits unsent until the
 *      end is known
 */
import { assert } from '../../base/assert.ts'
import { StreamError } from '../../base/errors.ts'
import { step } from '../../base/state-table.ts'
import type { RequestOf, ResponseOf } from '../../protocol/api.ts'
import { codeToName, kafkaErrors } from '../../protocol/error-codes.ts'
import { isRetriable } from '../broker-error.ts'
import type { Caller, CallOptions } from '../caller.ts'
import { Coordinator } from '../coordinator.ts'
import { byTopic, type TopicPartition } from '../topic-partition.ts'
import type { Accumulator } from './accumulator.ts'
import { IdentitySource } from './identity-source.ts'
import type { PartitionAppender } from './partition-appender.ts'

const arrows = {
  uninitialized: ['ready', 'fenced'],
  ready: ['active', 'fenced'],
  active: ['committing', 'aborting', 'failed', 'fenced'],
  failed: ['aborting', 'fenced'],
  committing: ['ending', 'failed', 'fenced'],
  ending: ['ready', 'fenced'],
  aborting: ['ready', 'fenced'],
  fenced: [],
} as const

type State = keyof typeof arrows

/** An offset that joins a transaction. */
export interface OffsetToCommit extends TopicPartition {
  readonly offset: number
  /** Of the last record read; -1: unknown. */
  readonly leaderEpoch: number
  readonly metadata: string
}

/** Who commits offsets, as the group knows him. */
export interface GroupMember {
  readonly memberId: string
  readonly generationId: number
  readonly groupInstanceId: string | null
}

export class Transactions {
  readonly transactionalId: string
  readonly identity: IdentitySource
  readonly #caller: Caller
  readonly #coordinator: Coordinator
  readonly #endTimeoutMs: number
  /** Groups whose offsets are in the open transaction. */
  readonly #groups = new Set<string>()
  readonly #groupCoordinators = new Map<string, Coordinator>()
  readonly #partitions = new Set<PartitionAppender>()
  readonly #accumulator: Accumulator
  #state: State = 'uninitialized'
  /** While one is ending: the next has begun (T4). */
  #nextBegun = false
  #nextError: StreamError | null = null
  #error: StreamError | null = null
  #bumpNeeded = false

  constructor(caller: Caller, transactionalId: string, transactionTimeoutMs: number, accumulator: Accumulator) {
    this.#caller = caller
    this.transactionalId = transactionalId
    this.#coordinator = new Coordinator(caller, 'transaction', transactionalId)
    this.identity = new IdentitySource(caller, transactionalId, transactionTimeoutMs, this.#coordinator)
    // By then the coordinator has decided by itself.
    this.#endTimeoutMs = transactionTimeoutMs + caller.requestTimeoutMs
    this.#accumulator = accumulator
    this.#tell()
  }

  get active(): boolean {
    return this.#state === 'active' || this.#state === 'failed'
  }

  /** Nothing is sent now, and nothing given up: see T4. */
  get ending(): boolean {
    return this.#state === 'ending'
  }

  /** May batches be sent? */
  get sending(): boolean {
    return this.#state === 'active' || this.#state === 'committing'
  }

  /** Ends what an earlier producer of this id left open, and fences it. */
  async init(): Promise<void> {
    if (this.#state !== 'uninitialized') throw this.#error ?? this.#wrong('uninitialized')
    try {
      await this.identity.renew('fresh')
    } catch (error) {
      this.#fenceIf(error)
      throw error
    }
    this.#go('ready')
  }

  begin(): void {
    if (this.#state !== 'ready') throw this.#error ?? this.#wrong('ready')
    this.#go('active')
  }

  /** Something of the open transaction could not be written; while one is ending, of the next (T4). */
  failed(error: StreamError): void {
    if (this.#state === 'fenced') return
    if (error.code === 'PRODUCER_FENCED') this.#fence(error)
    else if (this.#state === 'active' || this.#state === 'committing') this.#go('failed', error)
    else if (this.#state === 'ending' && this.#nextBegun) this.#nextError ??= error
  }

  /** A batch was sent and its fate is not known, or it leaves a hole in the sequences (T3). */
  leavesHole(): void {
    this.#bumpNeeded = true
  }

  /** Throws the error of a failed or fenced transaction. */
  check(): void {
    if (this.#error !== null) throw this.#error
    if (this.#state !== 'active' && this.#state !== 'committing') throw this.#wrong('open')
  }

  /** T1. All of them at once. `onUnknown`: the coordinator does not know one of them; throws when it is gone. */
  async addPartitions(appenders: readonly PartitionAppender[], onUnknown: () => Promise<void>): Promise<void> {
    const { producerId, epoch } = this.identity.current
    const topics = [...byTopic(appenders)].map(([name, list]) => ({
      name,
      partitions: list.map((each) => each.partition),
    }))
    await this.#joining(
      'AddPartitionsToTxn',
      {
        v3AndBelowTransactionalId: this.transactionalId,
        v3AndBelowProducerId: producerId,
        v3AndBelowProducerEpoch: epoch,
        v3AndBelowTopics: topics,
      },
      {
        codeOf: (response) => {
          const results = response.resultsByTopicV3AndBelow.flatMap((topic) => topic.resultsByPartition)
          return decisive(results.map((result) => result.partitionErrorCode))
        },
        again: isConcurrent,
        beforeAgain: async (code) => {
          if (code === kafkaErrors.UNKNOWN_TOPIC_OR_PARTITION.code) await onUnknown()
        },
        what: `add ${appenders.length} partitions to the transaction of ${this.transactionalId}`,
      },
    )
    for (const appender of appenders) {
      appender.inTransaction = true
      this.#partitions.add(appender)
    }
  }

  /** Offsets of a group become part of the transaction, in one request. */
  async addOffsets(groupId: string, offsets: readonly OffsetToCommit[], member: GroupMember): Promise<void> {
    this.check()
    try {
      await this.#addGroup(groupId)
      await this.#commitOffsets(groupId, offsets, member)
    } catch (error) {
      if (StreamError.is(error)) this.failed(error)
      throw error
    }
  }

  async #addGroup(groupId: string): Promise<void> {
    if (this.#groups.has(groupId)) return
    const { producerId, epoch } = this.identity.current
    await this.#joining(
      'AddOffsetsToTxn',
      { transactionalId: this.transactionalId, producerId, producerEpoch: epoch, groupId },
      {
        codeOf: (response) => response.errorCode,
        again: isConcurrent,
        what: `add the offsets of ${groupId} to the transaction of ${this.transactionalId}`,
      },
    )
    this.#groups.add(groupId)
  }

  async #commitOffsets(groupId: string, offsets: readonly OffsetToCommit[], member: GroupMember): Promise<void> {
    const { producerId, epoch } = this.identity.current
    const topics = [...byTopic(offsets)].map(([name, list]) => ({
      name,
      partitions: list.map(({ partition, offset, leaderEpoch, metadata }) => {
        return {
          partitionIndex: partition,
          committedOffset: offset,
          committedLeaderEpoch: leaderEpoch,
          committedMetadata: metadata,
        }
      }),
    }))
    const { generationId, memberId, groupInstanceId } = member
    await this.#groupCoordinator(groupId).call(
      'TxnOffsetCommit',
      {
        transactionalId: this.transactionalId,
        groupId,
        producerId,
        producerEpoch: epoch,
        generationId,
        memberId,
        groupInstanceId,
        topics,
      },
      {
        codeOf: (response) => {
          return decisive(response.topics.flatMap((topic) => topic.partitions.map((each) => each.errorCode)))
        },
        again: isConcurrent,
        what: `commit offsets of ${groupId} in the transaction of ${this.transactionalId}`,
      },
    )
  }

  /** Without an answer the coordinator may have begun the transaction, or not: only a new epoch ends it for sure (T3). */
  async #joining<A extends 'AddPartitionsToTxn' | 'AddOffsetsToTxn'>(
    api: A,
    body: RequestOf<A>,
    options: CallOptions<ResponseOf<A>>,
  ): Promise<void> {
    try {
      await this.#coordinator.call(api, body, options)
    } catch (error) {
      if (StreamError.is(error, 'TIMED_OUT') || StreamError.is(error, 'NET_DISCONNECTED')) this.#bumpNeeded = true
      throw error
    }
  }

  #groupCoordinator(groupId: string): Coordinator {
    let coordinator = this.#groupCoordinators.get(groupId)
    if (coordinator === undefined) {
      coordinator = new Coordinator(this.#caller, 'group', groupId)
      this.#groupCoordinators.set(groupId, coordinator)
    }
    return coordinator
  }

  /** T2: everything is acknowledged when this is called. `nextBegins`: at once (T4). */
  async commit(nextBegins: boolean): Promise<void> {
    assert(this.#state === 'committing', 'T2: a transaction commits after its flush')
    this.#nextBegun = nextBegins
    this.#go('ending')
    await this.#end(true)
    this.#go('ready')
    if (!nextBegins) return
    this.#go('active')
    const error = this.#nextError
    this.#nextError = null
    if (error !== null) this.failed(error)
  }

  startCommit(): void {
    this.check()
    this.#go('committing')
  }

  startAbort(): void {
    if (this.#state === 'fenced') throw this.#error ?? this.#wrong('open')
    if (!this.active) throw this.#wrong('open')
    this.#go('aborting')
  }

  async abort(): Promise<void> {
    assert(this.#state === 'aborting', 'T2: a transaction aborts when nothing is in flight')
    await this.#end(false)
    if (this.#bumpNeeded) {
      try {
        await this.identity.renew('bump')
      } catch (error) {
        this.#fence(error)
        throw error
      }
      this.#bumpNeeded = false
    }
    this.#go('ready')
  }

  async #end(committed: boolean): Promise<void> {
    try {
      if (this.#partitions.size > 0 || this.#groups.size > 0) {
        const { producerId, epoch } = this.identity.current
        await this.#coordinator.call(
          'EndTxn',
          { transactionalId: this.transactionalId, producerId, producerEpoch: epoch, committed },
          {
            codeOf: (response) => response.errorCode,
            again: isConcurrent,
            timeoutMs: this.#endTimeoutMs,
            what: `${committed ? 'commit' : 'abort'} the transaction of ${this.transactionalId}`,
          },
        )
      }
    } catch (error) {
      // Fenced, or the outcome is not known: the next producer of this id finds out.
      this.#fence(error)
      throw error
    }
    for (const appender of this.#partitions) appender.inTransaction = false
    this.#partitions.clear()
    this.#groups.clear()
  }

  #fenceIf(error: unknown): void {
    if (StreamError.is(error, 'PRODUCER_FENCED')) this.#fence(error)
  }

  #fence(error: unknown): void {
    if (this.#state !== 'fenced') this.#go('fenced', StreamError.is(error) ? error : this.#wrong('known', error))
  }

  #go(state: State, error: StreamError | null = null): void {
    this.#state = step(arrows, this.#state, state)
    this.#error = error
    this.#tell()
  }

  /** Appends are accepted in an open transaction only. */
  #tell(): void {
    const isOpen = this.#state === 'active' || (this.#state === 'ending' && this.#nextBegun)
    if (isOpen) this.#accumulator.accept()
    else this.#accumulator.refuse(() => this.#error ?? this.#wrong('open'))
  }

  #wrong(wanted: string, cause?: unknown): StreamError {
    return new StreamError(
      'TRANSACTION_STATE_INVALID',
      `the transactions of ${this.transactionalId} have to be ${wanted}, and are ${this.#state}; ` +
        'call initTransactions, beginTransaction, and then commit or abort',
      { cause },
    )
  }
}

function isConcurrent(code: number): boolean {
  return codeToName(code) === 'CONCURRENT_TRANSACTIONS'
}

/** Of several codes the one that decides: final before retriable, a cause before its consequences. */
function decisive(codes: readonly number[]): number {
  const failures = codes.filter((code) => code !== 0)
  const causes = failures.filter((code) => codeToName(code) !== 'OPERATION_NOT_ATTEMPTED')
  return causes.find((code) => !isRetriable(code)) ?? causes[0] ?? failures[0] ?? 0
}
