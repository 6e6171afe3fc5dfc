/**
 * The groups of this broker, kept in __consumer_offsets.
 *
 * Laws
 *  K1  what was answered is in the log: groups when the operating system has them, offsets when the disk has them
 *      (offsets of a transaction when it commits)
 *  K2  an offset is committed only up to what is durable: the partition it points into is synced before the offset is
 *      written (for a transaction: before its commit counts)
 *  K3  replaying the log gives the groups and offsets there were
 *
 * Not here: the membership protocol (group.ts), the record formats (group-records.ts).
 */
import { StreamError } from '../../base/errors.ts'
import { groupsMax, offsetMetadataBytesMax } from '../../base/limits.ts'
import type { Machine } from '../../base/machine.ts'
import type { KafkaError } from '../../protocol/error-codes.ts'
import { damageOf, type InternalLog, type KeyedRecord } from '../internal-log.ts'
import { answerTo } from '../kafka-answers.ts'
import type { BrokerSettings } from '../options.ts'
import type { Partition } from '../topics/partition.ts'
import { Group } from './group.ts'
import { decodeGroupRecord, encodeGroupRecord, type OffsetValue, type StoredGroup } from './group-records.ts'
import {
  failedJoin,
  failedSync,
  type JoinCall,
  type JoinResult,
  type MemberClaim,
  type SyncCall,
  type SyncResult,
} from './member.ts'
import type { CommittedOffset } from './offset-table.ts'

export interface OffsetToCommit {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
}

export interface TransactionProducer {
  readonly producerId: number
  readonly producerEpoch: number
}

export class GroupCoordinator {
  readonly #machine: Machine
  readonly #settings: BrokerSettings
  #log: InternalLog | null
  #failure: StreamError | null = null
  readonly #find: (topic: string, partition: number) => Partition | null
  readonly #groups = new Map<string, Group>()
  /** Which groups have pending offsets of a producer's transaction. */
  readonly #pending = new Map<number, Set<Group>>()
  #closed = false

  /** `log` is null when __consumer_offsets could not be opened: every call then answers COORDINATOR_NOT_AVAILABLE. */
  constructor(
    machine: Machine,
    settings: BrokerSettings,
    log: InternalLog | null,
    find: (topic: string, partition: number) => Partition | null,
  ) {
    this.#machine = machine
    this.#settings = settings
    this.#log = log
    this.#find = find
  }

  /** Why there are no groups, when the log could be opened but not read. */
  get failure(): StreamError | null {
    return this.#failure
  }

  /** K3. Markers of transactions that had ended must be in the log by now. */
  load(): void {
    if (this.#log === null) return
    try {
      this.#replay(this.#log)
    } catch (error) {
      this.#failure = damageOf(error)
      this.#log = null
      this.#groups.clear()
      this.#pending.clear()
      return
    }
    this.#forgetDeleted()
    for (const group of this.#groups.values()) this.#forgetIfVoid(group)
  }

  #replay(log: InternalLog): void {
    const stored = new Map<string, StoredGroup | null>()
    log.replay({
      record: (key, value, recordOffset, producerId) => {
        const record = decodeGroupRecord(key, value)
        if (record.kind === 'group') {
          stored.set(record.groupId, record.value)
          return
        }
        const { topic, partition } = record
        const group = this.#groupFor(record.groupId)
        if (record.value === null) group.offsets.remove(topic, partition)
        else if (producerId < 0) group.offsets.commit(topic, partition, { ...record.value, recordOffset })
        else this.#addPending(group, producerId, topic, partition, { ...record.value, recordOffset })
      },
      marker: (producerId, commit) => this.finishTransaction(producerId, commit),
    })
    for (const [groupId, value] of stored) if (value !== null) this.#groupFor(groupId).restore(value)
  }

  /** A crash may have come between the deletion of a topic and that of the offsets into it. */
  #forgetDeleted(): void {
    const topics = new Set<string>()
    for (const { offsets } of this.#groups.values()) {
      for (const { topic } of [...offsets.committed(), ...offsets.pendingPartitions()]) topics.add(topic)
    }
    for (const topic of topics) if (this.#find(topic, 0) === null) this.forgetTopic(topic)
  }

  /** For good, until the broker is opened again. */
  get offline(): boolean {
    return this.#log === null
  }

  get available(): boolean {
    return this.#log !== null && !this.#closed
  }

  // ---- membership

  join(groupId: string, call: JoinCall): Promise<JoinResult> {
    const error = this.#refuse(groupId) ?? this.#refuseSession(call)
    if (error !== null) return Promise.resolve(failedJoin(error, call.memberId))
    const known = this.#groups.get(groupId)
    if (known === undefined && call.memberId !== '')
      return Promise.resolve(failedJoin('UNKNOWN_MEMBER_ID', call.memberId))
    if (known === undefined && this.#groups.size >= groupsMax) {
      return Promise.resolve(failedJoin('COORDINATOR_NOT_AVAILABLE', call.memberId))
    }
    const group = known ?? this.#groupFor(groupId)
    const answer = group.join(call)
    this.#forgetIfVoid(group)
    return answer
  }

  #refuseSession(call: JoinCall): KafkaError | null {
    const { groupSessionTimeoutMsMin, groupSessionTimeoutMsMax } = this.#settings
    const fits = call.sessionTimeoutMs >= groupSessionTimeoutMsMin && call.sessionTimeoutMs <= groupSessionTimeoutMsMax
    return fits ? null : 'INVALID_SESSION_TIMEOUT'
  }

  sync(groupId: string, call: SyncCall): Promise<SyncResult> {
    const error = this.#refuse(groupId)
    if (error !== null) return Promise.resolve(failedSync(error))
    return this.#groups.get(groupId)?.sync(call) ?? Promise.resolve(failedSync('UNKNOWN_MEMBER_ID'))
  }

  heartbeat(groupId: string, claim: MemberClaim): KafkaError {
    return this.#refuse(groupId) ?? this.#groups.get(groupId)?.heartbeat(claim) ?? 'UNKNOWN_MEMBER_ID'
  }

  leave(groupId: string, memberId: string, groupInstanceId: string | null): KafkaError {
    return this.#refuse(groupId) ?? this.#groups.get(groupId)?.leave(memberId, groupInstanceId) ?? 'UNKNOWN_MEMBER_ID'
  }

  /** Why nothing can be asked of this group now, or null. */
  #refuse(groupId: string): KafkaError | null {
    if (!this.available) return 'COORDINATOR_NOT_AVAILABLE'
    return groupId === '' ? 'INVALID_GROUP_ID' : null
  }

  /** The groups there are. */
  list(): readonly Group[] {
    return [...this.#groups.values()]
  }

  find(groupId: string): Group | undefined {
    return this.#groups.get(groupId)
  }

  async delete(groupId: string): Promise<KafkaError> {
    if (!this.available) return 'COORDINATOR_NOT_AVAILABLE'
    const group = this.#groups.get(groupId)
    if (group === undefined) return 'GROUP_ID_NOT_FOUND'
    if (group.state !== 'Empty') return 'NON_EMPTY_GROUP'
    const tombstones: KeyedRecord[] = [encodeGroupRecord({ kind: 'group', groupId, value: null })]
    for (const { topic, partition } of [...group.offsets.committed(), ...group.offsets.pendingPartitions()]) {
      tombstones.push(encodeGroupRecord({ kind: 'offset', groupId, topic, partition, value: null }))
    }
    try {
      this.#log!.append(tombstones)
      group.die()
      this.#groups.delete(groupId)
      await this.#log!.sync()
      return 'NONE'
    } catch (error) {
      return coordinatorError(error)
    }
  }

  // ---- offsets

  /** Commits offsets outside a transaction. One error for each, in their order. */
  async commit(groupId: string, claim: MemberClaim, offsets: readonly OffsetToCommit[]): Promise<KafkaError[]> {
    const error = this.#refuseCommit(groupId, claim, false)
    if (error !== 'NONE') return offsets.map(() => error)
    const errors = offsets.map((offset) => this.#refuseOffset(offset))
    await this.#syncInputs(offsets, errors)
    // While the inputs were synced the group may have gone on to another generation.
    const late = this.#refuseCommit(groupId, claim, false)
    if (late !== 'NONE') return offsets.map(() => late)
    const accepted = offsets.filter((_, index) => errors[index] === 'NONE')
    if (accepted.length === 0) return errors
    try {
      this.#write(groupId, accepted, null)
      await this.#log!.sync()
      return errors
    } catch (failure) {
      const answer = coordinatorError(failure)
      return errors.map((known) => (known === 'NONE' ? answer : known))
    }
  }

  /** Adds offsets to the producer's transaction; they count once it commits. The transaction was verified by the caller. */
  commitInTransaction(
    groupId: string,
    claim: MemberClaim,
    producer: TransactionProducer,
    offsets: readonly OffsetToCommit[],
  ): KafkaError[] {
    const error = this.#refuseCommit(groupId, claim, true)
    if (error !== 'NONE') return offsets.map(() => error)
    const errors = offsets.map((offset) => this.#refuseOffset(offset))
    const accepted = offsets.filter((_, index) => errors[index] === 'NONE')
    if (accepted.length === 0) return errors
    try {
      this.#write(groupId, accepted, producer)
      return errors
    } catch (failure) {
      const answer = coordinatorError(failure)
      return errors.map((known) => (known === 'NONE' ? answer : known))
    }
  }

  #refuseCommit(groupId: string, claim: MemberClaim, transactional: boolean): KafkaError {
    const error = this.#refuse(groupId)
    if (error !== null) return error
    const group = this.#groups.get(groupId)
    if (group !== undefined) return group.checkCommit(claim, transactional)
    // A group nobody joined: only a consumer that assigns itself may commit there.
    if (claim.generationId >= 0) return 'ILLEGAL_GENERATION'
    return this.#groups.size >= groupsMax ? 'COORDINATOR_NOT_AVAILABLE' : 'NONE'
  }

  #refuseOffset(offset: OffsetToCommit): KafkaError {
    if (Buffer.byteLength(offset.metadata) > offsetMetadataBytesMax) return 'OFFSET_METADATA_TOO_LARGE'
    return this.#find(offset.topic, offset.partition) === null ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'NONE'
  }

  /** K2 */
  async #syncInputs(offsets: readonly OffsetToCommit[], errors: KafkaError[]): Promise<void> {
    const waiting: Promise<void>[] = []
    offsets.forEach(({ topic, partition, offset }, index) => {
      const log = errors[index] === 'NONE' ? this.#find(topic, partition)?.online : null
      if (log == null || !log.unsynced) return
      const failed = (error: unknown): void => {
        errors[index] = answerTo(error)
      }
      waiting.push(log.syncBefore(offset).catch(failed))
    })
    if (waiting.length > 0) await Promise.all(waiting)
  }

  #write(groupId: string, offsets: readonly OffsetToCommit[], producer: TransactionProducer | null): void {
    const committedAtMs = this.#machine.clock.now()
    const values = offsets.map(({ offset, leaderEpoch, metadata }): OffsetValue => {
      return { offset, leaderEpoch, metadata, committedAtMs }
    })
    const records = offsets.map(({ topic, partition }, index) => {
      return encodeGroupRecord({ kind: 'offset', groupId, topic, partition, value: values[index]! })
    })
    const first = this.#log!.append(records, producer)
    const group = this.#groupFor(groupId)
    offsets.forEach(({ topic, partition }, index) => {
      const value: CommittedOffset = { ...values[index]!, recordOffset: first + index }
      if (producer === null) group.offsets.commit(topic, partition, value)
      else this.#addPending(group, producer.producerId, topic, partition, value)
    })
  }

  #addPending(group: Group, producerId: number, topic: string, partition: number, value: CommittedOffset): void {
    group.offsets.addPending(producerId, topic, partition, value)
    const groups = this.#pending.get(producerId)
    if (groups === undefined) this.#pending.set(producerId, new Set([group]))
    else groups.add(group)
  }

  /** Where pending offsets of this producer point to (K2). */
  pendingInputs(producerId: number): { topic: string; partition: number; offset: number }[] {
    const inputs: { topic: string; partition: number; offset: number }[] = []
    for (const group of this.#pending.get(producerId) ?? []) inputs.push(...group.offsets.pendingOf(producerId))
    return inputs
  }

  /** The marker of this producer is in the log. */
  finishTransaction(producerId: number, commit: boolean): void {
    for (const group of this.#pending.get(producerId) ?? []) {
      group.offsets.finish(producerId, commit)
      this.#forgetIfVoid(group)
    }
    this.#pending.delete(producerId)
  }

  /** A topic is gone: so are the offsets into it. */
  forgetTopic(topic: string): void {
    if (!this.available) return
    const tombstones: KeyedRecord[] = []
    for (const group of this.#groups.values()) {
      const { groupId } = group
      for (const partition of group.offsets.partitionsOf(topic)) {
        tombstones.push(encodeGroupRecord({ kind: 'offset', groupId, topic, partition, value: null }))
        group.offsets.remove(topic, partition)
      }
    }
    if (tombstones.length > 0) this.#log!.append(tombstones)
  }

  // ---- groups

  #groupFor(groupId: string): Group {
    const known = this.#groups.get(groupId)
    if (known !== undefined) return known
    const group = new Group(groupId, {
      clock: this.#machine.clock,
      random: this.#machine.random,
      settings: this.#settings,
      store: (changed) => {
        this.#log!.append([encodeGroupRecord({ kind: 'group', groupId, value: changed.toStored() })])
      },
      emptied: (empty) => this.#forgetIfVoid(empty),
    })
    this.#groups.set(groupId, group)
    return group
  }

  /** A group without members and offsets is nothing to keep. */
  #forgetIfVoid(group: Group): void {
    if (group.isVoid && this.#groups.get(group.groupId) === group) this.#groups.delete(group.groupId)
  }

  /** Answers all that wait. */
  close(): void {
    this.#closed = true
    for (const group of this.#groups.values()) group.die()
  }
}

function coordinatorError(error: unknown): KafkaError {
  if (StreamError.is(error, 'RECORD_TOO_LARGE')) return 'INVALID_COMMIT_OFFSET_SIZE'
  answerTo(error)
  return 'COORDINATOR_NOT_AVAILABLE'
}
