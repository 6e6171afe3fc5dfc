/**
 * One member of a consumer group, in the classic protocol with eager rebalances.
 *
 *   outside ──> joining ──> stable ──> outside      the group rebalances, or went on without us: join again
 *      └───────────┴──────────┴──> left | fenced    the end
 *
 * Laws
 *  M1  heartbeats are sent in `stable` only, by a timer: a member that polls rarely stays
 *  M2  a member keeps its id through rebalances, until the coordinator says that it does not know it
 *  M3  FENCED_INSTANCE_ID ends the membership: another process has our group.instance.id
 */
import type { Timer } from '../../base/clock.ts'
import { StreamError } from '../../base/errors.ts'
import { step } from '../../base/state-table.ts'
import type { ResponseOf } from '../../protocol/api.ts'
import { codeToName, type KafkaError } from '../../protocol/error-codes.ts'
import { brokerError, isRetriable } from '../broker-error.ts'
import type { Caller } from '../caller.ts'
import { Coordinator } from '../coordinator.ts'
import type { Metadata } from '../metadata.ts'
import type { GroupMember } from '../producer/transactions.ts'
import type { Assignor, MemberAssignment } from './assignor.ts'
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './group-messages.ts'

const arrows = {
  outside: ['joining', 'left', 'fenced'],
  joining: ['stable', 'outside', 'left', 'fenced'],
  stable: ['outside', 'left', 'fenced'],
  left: [],
  fenced: ['left'],
} as const

const protocolType = 'consumer'
const leaveTimeoutMs = 5000

export interface MembershipOptions {
  readonly groupId: string
  readonly groupInstanceId: string | null
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly assignors: readonly Assignor[]
}

export class Membership {
  /** A rebalance was noticed, or the end. */
  onChange: (() => void) | null = null
  /** The group went on without us: what we held may be with others already. */
  lost: boolean = false
  topics: readonly string[] = []
  readonly #caller: Caller
  readonly #metadata: Metadata
  readonly #options: MembershipOptions
  readonly #coordinator: Coordinator
  #state: keyof typeof arrows = 'outside'
  #memberId = ''
  #generationId = -1
  #heartbeat: Timer | null = null
  /** Counts the times that heartbeats were stopped: a late answer to an earlier one is nobody's. */
  #period = 0
  #error: StreamError | null = null
  /** The leader's view: partition counts when it assigned. Null: we do not lead. */
  #counts: Map<string, number> | null = null

  constructor(caller: Caller, metadata: Metadata, options: MembershipOptions) {
    this.#caller = caller
    this.#metadata = metadata
    this.#options = options
    this.#coordinator = new Coordinator(caller, 'group', options.groupId)
  }

  /** What went wrong. Once, unless it ended the membership. */
  takeError(): StreamError | null {
    const error = this.#error
    if (this.#state !== 'fenced') this.#error = null
    return error
  }

  /** Throws when the membership has ended. */
  checkFenced(): void {
    if (this.#state === 'fenced' && this.#error !== null) throw this.#error
  }

  get outside(): boolean {
    return this.#state === 'outside'
  }

  get member(): GroupMember {
    const { groupInstanceId } = this.#options
    return { memberId: this.#memberId, generationId: this.#generationId, groupInstanceId }
  }

  /** Leaves the generation, to join the next one. */
  rejoin(): void {
    if (this.#state === 'stable') this.#outside(false)
  }

  /** An answer elsewhere (a commit) showed that the group went on. */
  noticed(error: unknown): void {
    if (this.#state !== 'stable') return
    if (StreamError.is(error, 'INSTANCE_FENCED')) this.#fenced(error)
    else if (StreamError.is(error, 'MEMBER_UNKNOWN')) this.#outside(true)
    else if (StreamError.is(error, 'REBALANCE_IN_PROGRESS')) this.#outside(false)
  }

  /** Joins, and resolves with what this member is to read. */
  async join(): Promise<MemberAssignment> {
    this.#state = step(arrows, this.#state, 'joining')
    this.lost = false
    const { topics } = this
    try {
      const assignment = await this.#joinUntilAssigned()
      this.#state = step(arrows, this.#state, 'stable')
      // Subscribed anew meanwhile: this generation is not for us.
      if (topics !== this.topics) this.#outside(false)
      else this.#scheduleHeartbeat()
      return assignment
    } catch (error) {
      if (StreamError.is(error, 'INSTANCE_FENCED')) this.#fenced(error)
      else if (this.#state === 'joining') this.#outside(false)
      throw error
    }
  }

  async #joinUntilAssigned(): Promise<MemberAssignment> {
    const retry = this.#caller.retry(Number.MAX_SAFE_INTEGER, { pauseMsMax: 1000 })
    for (;;) {
      try {
        await this.#coordinator.find()
        const joined = await this.#joinOnce()
        if (joined !== null) {
          const assignment = await this.#sync(joined)
          if (assignment !== null) return assignment
        }
      } catch (error) {
        if (!this.#caller.isTransient(error) && !StreamError.is(error, 'BROKER_UNAVAILABLE')) throw error
        await retry.wait(error)
      }
    }
  }

  async #joinOnce(): Promise<ResponseOf<'JoinGroup'> | null> {
    const { groupId, groupInstanceId, sessionTimeoutMs, rebalanceTimeoutMs, assignors } = this.#options
    const response = await this.#caller.request(
      'JoinGroup',
      {
        groupId,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        memberId: this.#memberId,
        groupInstanceId,
        protocolType,
        protocols: assignors.map((assignor) => ({
          name: assignor.name,
          metadata: encodeSubscription(this.topics, assignor.subscriptionUserData?.(this.topics) ?? null),
        })),
        reason: null,
      },
      // The answer comes when all members have joined.
      rebalanceTimeoutMs + this.#caller.requestTimeoutMs,
    )
    const name = codeToName(response.errorCode)
    if (name === 'NONE') {
      this.#memberId = response.memberId
      this.#generationId = response.generationId
      return response
    }
    if (name === 'MEMBER_ID_REQUIRED') this.#memberId = response.memberId
    else this.#refused(name, response.errorCode, `join group ${groupId}`)
    return null
  }

  async #sync(joined: ResponseOf<'JoinGroup'>): Promise<MemberAssignment | null> {
    const { groupId, groupInstanceId } = this.#options
    const assignor = this.#options.assignors.find((each) => each.name === joined.protocolName)
    if (assignor === undefined) {
      throw new StreamError('BROKER_ERROR', `group ${groupId} chose ${joined.protocolName}, which this member has not`)
    }
    this.#counts = null
    const leads = joined.leader === joined.memberId && !joined.skipAssignment
    const response = await this.#caller.request('SyncGroup', {
      groupId,
      generationId: joined.generationId,
      memberId: joined.memberId,
      groupInstanceId,
      protocolType,
      protocolName: joined.protocolName,
      assignments: leads ? await this.#assign(assignor, joined.members) : [],
    })
    const name = codeToName(response.errorCode)
    if (name !== 'NONE') {
      this.#refused(name, response.errorCode, `sync with group ${groupId}`)
      return null
    }
    const assignment = decodeAssignment(response.assignment)
    assignor.onAssignment?.(assignment.partitions, assignment.userData)
    return assignment
  }

  async #assign(
    assignor: Assignor,
    members: ResponseOf<'JoinGroup'>['members'],
  ): Promise<{ memberId: string; assignment: Buffer }[]> {
    const subscribed = members.map(({ memberId, groupInstanceId, metadata }) => {
      return { memberId, groupInstanceId, ...decodeSubscription(metadata) }
    })
    const topics = [...new Set(subscribed.flatMap((member) => member.topics))]
    const counts = await this.#countPartitions(topics)
    const assigned = assignor.assign(subscribed, {
      partitionsOf: (topic) => this.#metadata.get(topic)?.leaderEpochs.length ?? 0,
    })
    this.#counts = counts
    return [...assigned].map(([memberId, assignment]) => ({ memberId, assignment: encodeAssignment(assignment) }))
  }

  async #countPartitions(topics: readonly string[]): Promise<Map<string, number>> {
    if (topics.length > 0) await this.#metadata.refresh(topics)
    return new Map(topics.map((topic) => [topic, this.#metadata.get(topic)?.leaderEpochs.length ?? 0]))
  }

  /** Does one of the topics that we assigned have other partitions now? Then the group has to be assigned anew. */
  async checkTopics(): Promise<void> {
    const known = this.#counts
    if (known === null || this.#state !== 'stable') return
    const counts = await this.#countPartitions([...known.keys()])
    if (known === this.#counts && [...counts].some(([topic, count]) => known.get(topic) !== count)) this.rejoin()
  }

  /** A subscribed topic that does not exist may be made any moment. */
  get missesTopics(): boolean {
    return this.#counts !== null && [...this.#counts.values()].includes(0)
  }

  /** Join or sync was answered with an error: try again (returns), or throw. */
  #refused(name: KafkaError, code: number, what: string): void {
    this.#coordinator.noticed(code)
    if (name === 'UNKNOWN_MEMBER_ID' || name === 'ILLEGAL_GENERATION') this.#forgetMember()
    else if (name !== 'REBALANCE_IN_PROGRESS') {
      const error = brokerError(code, what)
      throw isRetriable(code) ? new StreamError('BROKER_UNAVAILABLE', error.message, { cause: error }) : error
    }
  }

  #forgetMember(): void {
    this.#memberId = ''
    this.#generationId = -1
  }

  #scheduleHeartbeat(): void {
    this.#heartbeat = this.#caller.clock.timer(this.#options.heartbeatIntervalMs, () => void this.#beat())
  }

  #stopHeartbeats(): void {
    this.#heartbeat?.cancel()
    this.#period++
  }

  /** M1 */
  async #beat(): Promise<void> {
    const { groupId, sessionTimeoutMs } = this.#options
    const period = this.#period
    try {
      const response = await this.#caller.request('Heartbeat', { groupId, ...this.member }, sessionTimeoutMs)
      if (period !== this.#period) return
      if (response.errorCode !== 0) this.#heartbeatRefused(response.errorCode)
    } catch (error) {
      if (!this.#caller.isTransient(error) && !StreamError.is(error, 'CLOSED')) this.#fail(error)
    }
    if (period === this.#period && !this.#caller.closed) this.#scheduleHeartbeat()
  }

  #heartbeatRefused(code: number): void {
    this.#coordinator.noticed(code)
    const name = codeToName(code)
    if (name === 'REBALANCE_IN_PROGRESS') this.#outside(false)
    else if (name === 'UNKNOWN_MEMBER_ID' || name === 'ILLEGAL_GENERATION') this.#outside(true)
    else if (name === 'NOT_COORDINATOR' || name === 'COORDINATOR_NOT_AVAILABLE') void this.#findAgain()
    else if (!isRetriable(code)) this.#fail(brokerError(code, `stay in group ${this.#options.groupId}`))
  }

  async #findAgain(): Promise<void> {
    try {
      await this.#coordinator.find()
    } catch (error) {
      // The next heartbeat tries again; being closed is no news.
      if (!StreamError.is(error)) throw error
    }
  }

  #outside(lost: boolean): void {
    this.#stopHeartbeats()
    this.lost ||= lost
    if (lost) this.#forgetMember()
    this.#state = step(arrows, this.#state, 'outside')
    this.onChange?.()
  }

  /** M3, and what else no new attempt would change. */
  #fail(error: unknown): void {
    if (!StreamError.is(error)) throw error
    if (StreamError.is(error, 'INSTANCE_FENCED')) this.#fenced(error)
    else {
      this.#error = error
      this.#outside(true)
    }
  }

  #fenced(error: StreamError): void {
    this.#stopHeartbeats()
    this.#error = error
    this.lost = true
    this.#state = step(arrows, this.#state, 'fenced')
    this.onChange?.()
  }

  /**
   * Leaves the group, by name: the others need not wait for the session to end. Tried once: where that fails, the end
   * of the session does the same later.
   */
  async leave(tellGroup: boolean): Promise<void> {
    this.#stopHeartbeats()
    const { state, member } = { state: this.#state, member: this.member }
    if (state === 'left') return
    this.#state = step(arrows, state, 'left')
    if (!tellGroup || member.memberId === '' || state === 'fenced') return
    const { memberId, groupInstanceId } = member
    try {
      const members = [{ memberId, groupInstanceId, reason: null }]
      await this.#caller.request('LeaveGroup', { groupId: this.#options.groupId, memberId, members }, leaveTimeoutMs)
    } catch (error) {
      if (!StreamError.is(error)) throw error
    }
  }
}
