/**
 * Reads records: of partitions that are assigned by hand, or by a consumer group.
 *
 * A consumer has one caller at a time. Group membership is driven by `poll` (rebalancing.ts), its heartbeats are not:
 * a consumer that polls rarely stays in its group, and holds up a rebalance until it polls.
 */
import { assert } from '../../base/assert.ts'
import { systemClock } from '../../base/clock.ts'
import { StreamError } from '../../base/errors.ts'
import { requestTimeoutMsDefault } from '../../base/limits.ts'
import { checkOptions, texts } from '../../base/option-checks.ts'
import type { Connection } from '../../protocol/connection.ts'
import {
  anInteger,
  anOffset,
  aPartition,
  requireArgument,
  requireConnection,
  someOffsets,
  somePartitions,
} from '../argument-checks.ts'
import { Caller } from '../caller.ts'
import { Metadata } from '../metadata.ts'
import type { GroupMember, OffsetToCommit } from '../producer/transactions.ts'
import { closedError } from '../retry.ts'
import { Signal } from '../signal.ts'
import { nameOf, type TopicPartition } from '../topic-partition.ts'
import { Background } from './background.ts'
import { type CommittedOffset, CommittedOffsets } from './committed-offsets.ts'
import { type ConsumerRecord, recordsOf } from './consumer-record.ts'
import { Fetcher } from './fetcher.ts'
import { Membership } from './membership.ts'
import { aListener, anEnd, aTimeout, closingChecks, committedChecks, consumerChecks } from './option-checks.ts'
import { type ConsumerOptions, fetcherOptions, membershipOptions, topicsCheckMs } from './options.ts'
import { type FetchedPartition, type PartitionState, PartitionStates } from './partition-state.ts'
import { Positions } from './positions.ts'
import { type RebalanceListener, Rebalancing } from './rebalancing.ts'

/** Who a consumer is in its group; -1 and '' before it joined. */
export interface GroupMetadata extends GroupMember {
  readonly groupId: string
}

interface Group {
  readonly groupId: string
  readonly groupInstanceId: string | null
  readonly committed: CommittedOffsets
  readonly membership: Membership
  readonly rebalancing: Rebalancing
}

export class Consumer {
  readonly #caller: Caller
  readonly #states = new PartitionStates()
  readonly #signal: Signal
  readonly #fetcher: Fetcher
  readonly #positions: Positions
  readonly #finding: Background
  readonly #group: Group | null
  #mode: 'none' | 'assigned' | 'subscribed' = 'none'
  #polling: boolean = false
  #woken: boolean = false
  #closed: boolean = false

  /** CONFIG_INVALID names an option that there is not, or that cannot have its value. */
  constructor(connection: Connection, options: ConsumerOptions = {}) {
    requireConnection('the consumer', connection)
    checkOptions('the consumer', options, consumerChecks)
    const clock = options.clock ?? systemClock
    const fetching = fetcherOptions(options)
    this.#caller = new Caller(
      connection,
      clock,
      options.requestTimeoutMs ?? requestTimeoutMsDefault,
      options.clientId ?? 'consumer',
    )
    this.#signal = new Signal(clock)
    const metadata = new Metadata(this.#caller)
    const wake = (): void => this.#signal.set()
    this.#group = options.groupId === undefined ? null : this.#newGroup(metadata, options.groupId, options, wake)
    this.#fetcher = new Fetcher(this.#caller, metadata, this.#states, fetching, wake)
    this.#positions = new Positions(this.#caller, metadata, this.#states, this.#group?.committed ?? null, fetching)
    this.#finding = new Background(wake)
  }

  #newGroup(metadata: Metadata, groupId: string, options: ConsumerOptions, wake: () => void): Group {
    const membership = new Membership(this.#caller, metadata, membershipOptions(groupId, options))
    return {
      groupId,
      groupInstanceId: options.groupInstanceId ?? null,
      committed: new CommittedOffsets(this.#caller, groupId),
      membership,
      rebalancing: new Rebalancing(this.#caller, membership, this.#states, topicsCheckMs(options), wake),
    }
  }

  /** Reads what the group assigns to this member, from the next poll on. Replaces an earlier subscription. */
  subscribe(topics: readonly string[], listener: RebalanceListener = {}): void {
    requireArgument('subscribe', topics, texts)
    requireArgument('subscribe', listener, aListener)
    const { membership, rebalancing } = this.#needGroup()
    this.#enter('subscribed')
    membership.topics = [...topics]
    membership.rejoin()
    rebalancing.listener = listener
  }

  /** Reads these partitions and no others. Those that were assigned before go on where they are. */
  assign(partitions: readonly TopicPartition[]): void {
    requireArgument('assign', partitions, somePartitions)
    this.#enter('assigned')
    this.#states.assign(partitions)
    this.#signal.set()
  }

  #enter(mode: 'assigned' | 'subscribed'): void {
    if (this.#closed) throw closedError()
    if (this.#mode !== 'none' && this.#mode !== mode) {
      throw new StreamError('CONFIG_INVALID', 'assign and subscribe exclude each other; use another consumer')
    }
    this.#mode = mode
  }

  #needGroup(): Group {
    if (this.#group === null) throw new StreamError('CONFIG_INVALID', 'the consumer has no groupId; give it one')
    return this.#group
  }

  /** The next records, at the latest after `timeoutMs`, perhaps none. Throws as `pollBatches` does. */
  async poll(timeoutMs: number): Promise<ConsumerRecord[]> {
    return (await this.pollBatches(timeoutMs)).flatMap(recordsOf)
  }

  /**
   * What is fetched of each partition that is not paused, batches undecoded; at the latest after `timeoutMs`, and
   * perhaps nothing, as when the end of a new partition became known. A piece may hold no batch to read and still move
   * the position: markers, aborted records.
   *
   * Throws LOG_OFFSET_OUT_OF_RANGE, BATCH_CORRUPT, TOPIC_UNKNOWN, INSTANCE_FENCED, or what a listener throws.
   */
  async pollBatches(timeoutMs: number): Promise<FetchedPartition[]> {
    requireArgument('poll', timeoutMs, aTimeout)
    assert(!this.#polling, 'one poll at a time')
    this.#polling = true
    try {
      const deadlineMs = this.#caller.clock.monotonic() + timeoutMs
      for (;;) {
        this.#checkOpen()
        if (this.#mode === 'subscribed') await this.#needGroup().rebalancing.drive()
        this.#checkOpen()
        this.#findPositions()
        const taken = this.#fetcher.take()
        this.#fetcher.send()
        if (taken.length > 0 || this.#fetcher.learned() || this.#woken) return taken
        const remainingMs = deadlineMs - this.#caller.clock.monotonic()
        if (remainingMs <= 0) return []
        await this.#signal.wait(remainingMs)
      }
    } finally {
      this.#polling = false
      this.#woken = false
    }
  }

  /** The poll under way, else the next one, ends at once with what it has. Unlike KafkaConsumer.wakeup it throws nothing there. */
  wakeup(): void {
    this.#woken = true
    this.#signal.set()
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError()
  }

  #findPositions(): void {
    this.#finding.check()
    if (this.#positions.missing && !this.#finding.running) this.#finding.run(() => this.#positions.find())
  }

  /** Hands nothing over of these until `resume`; what is fetched already waits. */
  pause(partitions: readonly TopicPartition[]): void {
    requireArgument('pause', partitions, somePartitions)
    for (const at of partitions) this.#states.get(at).paused = true
  }

  resume(partitions: readonly TopicPartition[]): void {
    requireArgument('resume', partitions, somePartitions)
    for (const at of partitions) this.#states.get(at).paused = false
    this.#signal.set()
  }

  /** Goes on at this offset; what is fetched already is dropped. `leaderEpoch`: of the record before it, if known. */
  seek(at: TopicPartition, offset: number, leaderEpoch = -1): void {
    requireArgument('seek', offset, anOffset)
    requireArgument('seek', leaderEpoch, anInteger)
    this.#state('seek', at).seek(offset, leaderEpoch)
    this.#signal.set()
  }

  /** Goes on at an end of the log, looked up at the next poll. */
  seekToEnd(at: TopicPartition, end: 'earliest' | 'latest'): void {
    requireArgument('seekToEnd', end, anEnd)
    this.#state('seekToEnd', at).findPosition(end)
    this.#signal.set()
  }

  /** The offset of the next record to hand over; -1: not known before the next poll. */
  position(at: TopicPartition): number {
    return this.#state('position', at).position
  }

  assignment(): TopicPartition[] {
    return [...this.#states.all()].map(({ topic, partition }) => ({ topic, partition }))
  }

  /** How many offsets lie between the position and the end of the partition, as of the last answer; null: unknown. */
  lag(at: TopicPartition): number | null {
    const { position, endOffset } = this.#state('lag', at)
    return position < 0 || endOffset < 0 ? null : Math.max(0, endOffset - position)
  }

  #state(asked: string, at: TopicPartition): PartitionState {
    requireArgument(asked, at, aPartition)
    return this.#states.get(at)
  }

  groupMetadata(): GroupMetadata {
    const { groupId, membership } = this.#needGroup()
    return { groupId, ...membership.member }
  }

  /**
   * Commits these offsets, or else all positions. Throws MEMBER_UNKNOWN, REBALANCE_IN_PROGRESS or INSTANCE_FENCED when
   * the group went on without this member.
   */
  async commit(offsets: readonly OffsetToCommit[] = this.#offsets()): Promise<void> {
    requireArgument('commit', offsets, someOffsets)
    const { committed, membership } = this.#needGroup()
    if (this.#mode === 'subscribed') membership.checkFenced()
    const member =
      this.#mode === 'subscribed' ? membership.member : { memberId: '', generationId: -1, groupInstanceId: null }
    try {
      await committed.commit(offsets, member)
    } catch (error) {
      membership.noticed(error)
      throw error
    }
  }

  #offsets(): OffsetToCommit[] {
    return [...this.#states.all()]
      .filter((state) => state.position >= 0)
      .map(({ topic, partition, position, leaderEpoch }) => ({
        topic,
        partition,
        offset: position,
        leaderEpoch,
        metadata: '',
      }))
  }

  /**
   * What the group has committed, by `<topic>-<partition>`; null where it has nothing. With `requireStable` it waits
   * while open transactions hold offsets of these partitions: OFFSETS_UNSTABLE after `timeoutMs` (default 30,000).
   */
  async committed(
    partitions: readonly TopicPartition[],
    options: { readonly requireStable?: boolean; readonly timeoutMs?: number } = {},
  ): Promise<Map<string, CommittedOffset | null>> {
    requireArgument('committed', partitions, somePartitions)
    checkOptions('committed', options, committedChecks)
    const { committed } = this.#needGroup()
    const timeoutMs = options.timeoutMs ?? this.#caller.requestTimeoutMs
    const found = await committed.fetch(partitions, options.requireStable ?? false, timeoutMs)
    const result = new Map<string, CommittedOffset | null>(partitions.map((at) => [nameOf(at), null]))
    for (const each of found) result.set(nameOf(each), each.committed)
    return result
  }

  /**
   * Gives its partitions back (`onRevoked`) and ends. Leaves the group by name, unless `leaveGroup` is false: then the
   * others wait for the session to end, and a static member that comes back before finds its place. Idempotent.
   */
  async close(options: { readonly leaveGroup?: boolean } = {}): Promise<void> {
    checkOptions('close', options, closingChecks)
    if (this.#closed) return
    this.#closed = true
    this.#signal.set()
    try {
      if (this.#mode !== 'subscribed' || this.#group === null) return
      await this.#group.rebalancing.giveBack()
      await this.#group.membership.leave(options.leaveGroup ?? true)
    } finally {
      this.#caller.close()
    }
  }
}
