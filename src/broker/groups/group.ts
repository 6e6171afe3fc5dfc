/**
 * One consumer group: Kafka's classic membership protocol. Everything here is synchronous but the answers to join and
 * sync, which wait for the other members.
 *
 * Laws
 *  G1  every change of state is an arrow of group-states.ts
 *  G2  a member that waits for an answer gets one: at the next generation, when it is removed, or when the group dies
 *  G3  an instance id belongs to one member id at a time (member-table.ts); the member it was taken from is fenced
 *  G4  members of a generation got their assignment from the leader of that generation
 *
 * Not here: offsets (offset-table.ts), where groups are kept (group-coordinator.ts).
 */
import { assert } from '../../base/assert.ts'
import type { Clock } from '../../base/clock.ts'
import { deferred } from '../../base/deferred.ts'
import { StreamError } from '../../base/errors.ts'
import { groupNewMemberMsMax } from '../../base/limits.ts'
import type { Random } from '../../base/random.ts'
import { step } from '../../base/state-table.ts'
import type { KafkaError } from '../../protocol/error-codes.ts'
import { Deadline } from '../deadline.ts'
import type { BrokerSettings } from '../options.ts'
import type { StoredGroup } from './group-records.ts'
import { type GroupState, groupStates } from './group-states.ts'
import {
  failedJoin,
  failedSync,
  type JoinCall,
  type JoinResult,
  Member,
  type MemberClaim,
  type MemberDescription,
  noBytes,
  type SyncCall,
  type SyncResult,
} from './member.ts'
import { MemberTable } from './member-table.ts'
import { OffsetTable } from './offset-table.ts'
import { electProtocol, supportsOneOf } from './protocol-election.ts'

export interface GroupHooks {
  readonly clock: Clock
  readonly random: Random
  readonly settings: BrokerSettings
  /** Writes the group as it is to the log. */
  store(group: Group): void
  /** The last member is gone. */
  emptied(group: Group): void
}

export class Group {
  readonly groupId: string
  readonly offsets = new OffsetTable()
  readonly #hooks: GroupHooks
  readonly #members = new MemberTable()
  /** Members that were told an id and have not joined with it yet. */
  readonly #promised = new Map<string, Deadline>()
  readonly #joinDeadline: Deadline
  readonly #syncDeadline: Deadline
  /** Members of the generation that have not asked for their assignment yet. */
  readonly #unsynced = new Set<string>()
  #state: GroupState = 'Empty'
  #generationId = 0
  #protocolType: string | null = null
  #protocolName: string | null = null
  #leaderId: string | null = null
  /** The first generation waits a little for more members, and a little more for each that comes, up to an end. */
  #gathering = false
  #gatherEndMs = 0

  constructor(groupId: string, hooks: GroupHooks) {
    this.groupId = groupId
    this.#hooks = hooks
    this.#joinDeadline = new Deadline(hooks.clock, () => this.#completeJoin())
    this.#syncDeadline = new Deadline(hooks.clock, () => this.#expireUnsynced())
  }

  get state(): GroupState {
    return this.#state
  }

  get generationId(): number {
    return this.#generationId
  }

  get protocolType(): string | null {
    return this.#protocolType
  }

  get protocolName(): string | null {
    return this.#protocolName
  }

  get #nowMs(): number {
    return this.#hooks.clock.monotonic()
  }

  get #delayMs(): number {
    return this.#hooks.settings.groupInitialRebalanceDelayMs
  }

  get members(): readonly Member[] {
    return this.#members.all()
  }

  /** Nothing would be lost if the group were forgotten. */
  get isVoid(): boolean {
    return this.#state === 'Empty' && this.#promised.size === 0 && this.offsets.isEmpty
  }

  // ---- joining

  join(call: JoinCall): Promise<JoinResult> {
    const error = this.#refuseJoin(call)
    if (error !== 'NONE') return Promise.resolve(failedJoin(error, call.memberId))
    const instance = call.groupInstanceId
    if (call.memberId === '') {
      const known = this.#members.idOfInstance(instance)
      if (known !== undefined) return this.#replaceStatic(call, known)
      const memberId = this.#newMemberId(call)
      if (instance !== null || !call.requireMemberId) return this.#addMember(call, memberId)
      this.#promise(memberId, call.sessionTimeoutMs)
      return Promise.resolve(failedJoin('MEMBER_ID_REQUIRED', memberId))
    }
    const promised = this.#promised.get(call.memberId)
    if (promised !== undefined) {
      promised.clear()
      this.#promised.delete(call.memberId)
      return this.#addMember(call, call.memberId)
    }
    return this.#rejoin(call, this.#members.get(call.memberId))
  }

  #refuseJoin(call: JoinCall): KafkaError {
    if (this.#state === 'Dead') return 'COORDINATOR_NOT_AVAILABLE'
    const joins = call.memberId === '' || this.#promised.has(call.memberId)
    if (!joins) {
      const error = this.#check(call.memberId, call.groupInstanceId)
      if (error !== 'NONE') return error
    } else if (this.#members.size + this.#promised.size >= this.#hooks.settings.groupMembersMax) {
      return 'GROUP_MAX_SIZE_REACHED'
    }
    if (call.protocolType === '' || call.protocols.length === 0) return 'INCONSISTENT_GROUP_PROTOCOL'
    if (this.#members.size === 0) return 'NONE'
    if (call.protocolType !== this.#protocolType) return 'INCONSISTENT_GROUP_PROTOCOL'
    // The one that asks again, or takes over, counts with what it says now.
    const { memberId, groupInstanceId } = call
    const others = this.members.filter((member) => {
      return member.memberId !== memberId && (groupInstanceId === null || member.groupInstanceId !== groupInstanceId)
    })
    return supportsOneOf(others, call.protocols) ? 'NONE' : 'INCONSISTENT_GROUP_PROTOCOL'
  }

  #newMemberId(call: JoinCall): string {
    return `${call.groupInstanceId ?? call.clientId}-${this.#hooks.random.uuid()}`
  }

  #promise(memberId: string, timeoutMs: number): void {
    const deadline = new Deadline(this.#hooks.clock, () => this.#unpromise(memberId))
    this.#promised.set(memberId, deadline)
    deadline.set(timeoutMs)
  }

  #newMember(description: MemberDescription): Member {
    return new Member(description, this.#hooks.clock, (member) => this.#removeMember(member))
  }

  #addMember(call: JoinCall, memberId: string): Promise<JoinResult> {
    const member = this.#newMember({ ...call, memberId })
    if (this.#members.size === 0) this.#protocolType = call.protocolType
    this.#members.add(member)
    this.#leaderId ??= memberId
    member.isNew = true
    member.join = deferred()
    member.heardNew(Math.max(groupNewMemberMsMax, member.sessionTimeoutMs))
    if (this.#gathering) this.#joinDeadline.set(Math.min(this.#delayMs, this.#gatherEndMs - this.#nowMs))
    return this.#awaitGeneration(member.join.promise)
  }

  #rejoin(call: JoinCall, member: Member): Promise<JoinResult> {
    const same = member.matches(call.protocols)
    const isLeader = member.memberId === this.#leaderId
    // A leader that joins a stable group again wants a new assignment.
    const answersNow = same && (this.#state === 'CompletingRebalance' || (this.#state === 'Stable' && !isLeader))
    member.protocols = call.protocols
    member.sessionTimeoutMs = call.sessionTimeoutMs
    member.rebalanceTimeoutMs = call.rebalanceTimeoutMs
    member.heard()
    if (answersNow) return Promise.resolve(this.#joined(member))
    // Of two joins of one member the later counts; who waits for the first gets the same answer.
    member.join ??= deferred()
    return this.#awaitGeneration(member.join.promise)
  }

  /** G3: the instance came back under a new member id. In a stable group it keeps its assignment and nobody else notices. */
  #replaceStatic(call: JoinCall, oldId: string): Promise<JoinResult> {
    const old = this.#members.get(oldId)
    const member = this.#newMember({ ...call, memberId: this.#newMemberId(call) })
    member.assignment = old.assignment
    old.stopSession()
    old.answerJoin(failedJoin('FENCED_INSTANCE_ID', oldId))
    old.answerSync(failedSync('FENCED_INSTANCE_ID'))
    this.#members.remove(old)
    this.#unsynced.delete(oldId)
    this.#members.add(member)
    const led = this.#leaderId === oldId
    if (led) this.#leaderId = member.memberId
    member.heard()
    if (this.#state === 'Stable' && electProtocol(this.members) === this.#protocolName) {
      return Promise.resolve(this.#rejoinedQuietly(call, member, led ? oldId : this.#leaderId!))
    }
    member.join = deferred()
    return this.#awaitGeneration(member.join.promise)
  }

  #rejoinedQuietly(call: JoinCall, member: Member, leaderBefore: string): JoinResult {
    const error = this.#store()
    if (error !== 'NONE') return failedJoin(error, member.memberId)
    const leads = member.memberId === this.#leaderId
    if (leads && call.supportsSkipAssignment) return { ...this.#joined(member), skipAssignment: true }
    // A client that cannot skip must not take itself for the leader, or it would assign anew.
    return { ...this.#joined(member), leader: leaderBefore, members: [] }
  }

  /** Sees to it that a generation comes, and gives back the promise of its answer. */
  #awaitGeneration(answer: Promise<JoinResult>): Promise<JoinResult> {
    if (this.#state !== 'PreparingRebalance') this.#prepareRebalance()
    else this.#tryCompleteJoin()
    return answer
  }

  #prepareRebalance(): void {
    this.#syncDeadline.clear()
    this.#unsynced.clear()
    if (this.#state === 'CompletingRebalance') {
      for (const member of this.#members) {
        member.assignment = noBytes
        member.answerSync(failedSync('REBALANCE_IN_PROGRESS'))
      }
    }
    const longestMs = this.#members.longestRebalanceMs()
    this.#gathering = this.#state === 'Empty' && this.#delayMs > 0
    this.#gatherEndMs = this.#nowMs + longestMs
    this.#become('PreparingRebalance')
    this.#joinDeadline.set(this.#gathering ? Math.min(this.#delayMs, longestMs) : longestMs)
    this.#tryCompleteJoin()
  }

  #tryCompleteJoin(): void {
    if (this.#state !== 'PreparingRebalance' || this.#gathering || this.#promised.size > 0) return
    for (const member of this.#members) if (member.join === null) return
    this.#completeJoin()
  }

  /** All have joined, or the time is over: those that did not come are out, but for static members. */
  #completeJoin(): void {
    assert(this.#state === 'PreparingRebalance', 'G1: a join completes while a rebalance is prepared')
    this.#gathering = false
    for (const member of this.members) if (member.join === null && member.groupInstanceId === null) this.#forget(member)
    if (this.#members.size === 0) {
      this.#becomeEmpty()
      return
    }
    if (this.#members.find(this.#leaderId)?.join == null) {
      const next = this.members.find((member) => member.join !== null)
      // Only static members, and none of them is here: one more round, until they come or their sessions end.
      if (next === undefined) {
        this.#joinDeadline.set(this.#members.longestRebalanceMs())
        return
      }
      this.#leaderId = next.memberId
    }
    this.#joinDeadline.clear()
    this.#generationId++
    this.#protocolName = electProtocol(this.members)
    this.#become('CompletingRebalance')
    this.#syncDeadline.set(this.#members.longestRebalanceMs())
    for (const member of this.#members) {
      this.#unsynced.add(member.memberId)
      if (member.join === null) continue
      member.isNew = false
      member.heard()
      member.answerJoin(this.#joined(member))
    }
  }

  #becomeEmpty(): void {
    this.#joinDeadline.clear()
    this.#generationId++
    this.#protocolName = null
    this.#leaderId = null
    this.#become('Empty')
    // The members are gone whether or not this can be written; a restart would only wait for their sessions to end.
    this.#store()
    this.#hooks.emptied(this)
  }

  #joined(member: Member): JoinResult {
    const protocolName = this.#protocolName
    assert(protocolName !== null, 'a generation has a protocol')
    const leads = member.memberId === this.#leaderId
    return {
      error: 'NONE',
      generationId: this.#generationId,
      protocolType: this.#protocolType,
      protocolName,
      leader: this.#leaderId!,
      skipAssignment: false,
      memberId: member.memberId,
      members: leads ? this.members.map((other) => other.joined(protocolName)) : [],
    }
  }

  // ---- being a member

  sync(call: SyncCall): Promise<SyncResult> {
    const error = this.#checkGeneration(call)
    if (error !== 'NONE') return Promise.resolve(failedSync(error))
    if (call.protocolType !== null && call.protocolType !== this.#protocolType) {
      return Promise.resolve(failedSync('INCONSISTENT_GROUP_PROTOCOL'))
    }
    if (call.protocolName !== null && call.protocolName !== this.#protocolName) {
      return Promise.resolve(failedSync('INCONSISTENT_GROUP_PROTOCOL'))
    }
    const member = this.#members.get(call.memberId)
    if (this.#state === 'PreparingRebalance') return Promise.resolve(failedSync('REBALANCE_IN_PROGRESS'))
    member.heard()
    this.#unsynced.delete(member.memberId)
    if (this.#state === 'Stable') return Promise.resolve(this.#synced(member))
    member.sync ??= deferred()
    const answer = member.sync.promise
    if (member.memberId === this.#leaderId) this.#assign(call.assignments)
    return answer
  }

  /** G4: the leader's word. */
  #assign(assignments: readonly { memberId: string; assignment: Buffer }[]): void {
    for (const member of this.#members) member.assignment = noBytes
    for (const { memberId, assignment } of assignments) {
      const member = this.#members.find(memberId)
      if (member !== undefined) member.assignment = assignment
    }
    this.#become('Stable')
    const error = this.#store()
    if (error !== 'NONE') {
      for (const member of this.#members) member.answerSync(failedSync(error))
      this.#prepareRebalance()
      return
    }
    for (const member of this.#members) member.answerSync(this.#synced(member))
  }

  #synced(member: Member): SyncResult {
    const { assignment } = member
    return { error: 'NONE', protocolType: this.#protocolType, protocolName: this.#protocolName, assignment }
  }

  heartbeat(claim: MemberClaim): KafkaError {
    const error = this.#checkGeneration(claim)
    if (error !== 'NONE') return error
    this.#members.get(claim.memberId).heard()
    return this.#state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE'
  }

  leave(memberId: string, groupInstanceId: string | null): KafkaError {
    if (this.#state === 'Dead') return 'COORDINATOR_NOT_AVAILABLE'
    if (this.#promised.has(memberId)) {
      this.#unpromise(memberId)
      return 'NONE'
    }
    // An operator may remove an instance without knowing its member id.
    const id = memberId === '' ? (this.#members.idOfInstance(groupInstanceId) ?? '') : memberId
    const error = this.#check(id, groupInstanceId)
    if (error === 'NONE') this.#removeMember(this.#members.get(id))
    return error
  }

  /** May this member commit offsets of this generation? */
  checkCommit(claim: MemberClaim, transactional: boolean): KafkaError {
    if (this.#state === 'Dead') return 'COORDINATOR_NOT_AVAILABLE'
    const anonymous = claim.generationId < 0 && claim.memberId === '' && claim.groupInstanceId === null
    if (anonymous && transactional) return 'NONE'
    // Without a generation: a consumer that assigns itself, as long as the group has no members.
    if (claim.generationId < 0 && this.#members.size === 0) return 'NONE'
    const error = this.#checkGeneration(claim)
    if (error !== 'NONE') return error
    if (this.#state === 'CompletingRebalance' && !transactional) return 'REBALANCE_IN_PROGRESS'
    this.#members.get(claim.memberId).heard()
    return 'NONE'
  }

  #checkGeneration(claim: MemberClaim): KafkaError {
    const error = this.#check(claim.memberId, claim.groupInstanceId)
    if (error !== 'NONE') return error
    return claim.generationId === this.#generationId ? 'NONE' : 'ILLEGAL_GENERATION'
  }

  #check(memberId: string, groupInstanceId: string | null): KafkaError {
    if (this.#state === 'Dead') return 'COORDINATOR_NOT_AVAILABLE'
    return this.#members.check(memberId, groupInstanceId)
  }

  // ---- going

  #removeMember(member: Member): void {
    this.#forget(member)
    this.#afterDeparture()
  }

  #forget(member: Member): void {
    member.stopSession()
    this.#members.remove(member)
    this.#unsynced.delete(member.memberId)
    if (this.#leaderId === member.memberId) this.#leaderId = this.members[0]?.memberId ?? null
    member.answerJoin(failedJoin('UNKNOWN_MEMBER_ID', member.memberId))
    member.answerSync(failedSync('UNKNOWN_MEMBER_ID'))
  }

  #afterDeparture(): void {
    if (this.#state === 'Stable' || this.#state === 'CompletingRebalance') this.#prepareRebalance()
    else this.#tryCompleteJoin()
  }

  /** A member that was told its id will not come. */
  #unpromise(memberId: string): void {
    this.#promised.get(memberId)?.clear()
    this.#promised.delete(memberId)
    this.#tryCompleteJoin()
    if (this.isVoid) this.#hooks.emptied(this)
  }

  #expireUnsynced(): void {
    if (this.#unsynced.size === 0) return
    for (const memberId of [...this.#unsynced]) this.#forget(this.#members.get(memberId))
    this.#afterDeparture()
  }

  /** Answers all that wait, and is no more. */
  die(): void {
    if (this.#state === 'Dead') return
    this.#become('Dead')
    this.#joinDeadline.clear()
    this.#syncDeadline.clear()
    for (const deadline of this.#promised.values()) deadline.clear()
    for (const member of this.#members) {
      member.stopSession()
      member.answerJoin(failedJoin('COORDINATOR_NOT_AVAILABLE', member.memberId))
      member.answerSync(failedSync('COORDINATOR_NOT_AVAILABLE'))
    }
  }

  // ---- on disk

  #become(state: GroupState): void {
    this.#state = step<GroupState>(groupStates, this.#state, state)
  }

  #store(): KafkaError {
    try {
      this.#hooks.store(this)
      return 'NONE'
    } catch (error) {
      if (!StreamError.is(error)) throw error
      return error.code === 'RECORD_TOO_LARGE' ? 'UNKNOWN_SERVER_ERROR' : 'COORDINATOR_NOT_AVAILABLE'
    }
  }

  toStored(): StoredGroup {
    return {
      protocolType: this.#protocolType ?? '',
      generationId: this.#generationId,
      protocolName: this.#protocolName,
      leader: this.#leaderId,
      stateAtMs: this.#hooks.clock.now(),
      members: this.members.map((member) => member.toStored(this.#protocolName ?? '')),
    }
  }

  /** As it was when it was stored; sessions begin anew. */
  restore(stored: StoredGroup): void {
    assert(this.#members.size === 0 && this.#state === 'Empty', 'a group is restored once, before it serves')
    this.#generationId = stored.generationId
    this.#protocolType = stored.protocolType === '' ? null : stored.protocolType
    this.#protocolName = stored.protocolName
    this.#leaderId = stored.leader
    if (stored.members.length === 0) return
    for (const { subscription, assignment, ...description } of stored.members) {
      const protocols = [{ name: stored.protocolName ?? '', metadata: subscription }]
      const member = this.#newMember({ ...description, protocols })
      member.assignment = assignment
      this.#members.add(member)
      member.heard()
    }
    this.#state = 'Stable'
  }
}
