import type { Clock } from '../../base/clock.ts'
import type { Deferred } from '../../base/deferred.ts'
import type { KafkaError } from '../../protocol/error-codes.ts'
import { Deadline } from '../deadline.ts'
import type { StoredMember } from './group-records.ts'

export interface MemberProtocol {
  readonly name: string
  readonly metadata: Buffer
}

/** What a member asks when it joins. */
export interface JoinCall {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly MemberProtocol[]
  /** A dynamic member is told its id first and joins with it (version 4 and later). */
  readonly requireMemberId: boolean
  /** The client understands skipAssignment (version 9 and later). */
  readonly supportsSkipAssignment: boolean
}

/** Who says it is a member, of which generation. */
export interface MemberClaim {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly generationId: number
}

export interface SyncCall extends MemberClaim {
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignments: readonly { memberId: string; assignment: Buffer }[]
}

export interface JoinResult {
  readonly error: KafkaError
  readonly generationId: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly leader: string
  readonly skipAssignment: boolean
  readonly memberId: string
  readonly members: readonly { memberId: string; groupInstanceId: string | null; metadata: Buffer }[]
}

export interface SyncResult {
  readonly error: KafkaError
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignment: Buffer
}

export const noBytes: Buffer = Buffer.alloc(0)

export function failedJoin(error: KafkaError, memberId: string): JoinResult {
  return {
    error,
    generationId: -1,
    protocolType: null,
    protocolName: null,
    leader: '',
    skipAssignment: false,
    memberId,
    members: [],
  }
}

export function failedSync(error: KafkaError): SyncResult {
  return { error, protocolType: null, protocolName: null, assignment: noBytes }
}

export interface MemberDescription {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocols: readonly MemberProtocol[]
}

/** One member of a group: what it said of itself, its assignment, its session, and the answers it waits for. */
export class Member {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  protocols: readonly MemberProtocol[]
  assignment: Buffer = noBytes
  /** Has joined, and was in no generation yet. */
  isNew = false
  join: Deferred<JoinResult> | null = null
  sync: Deferred<SyncResult> | null = null
  readonly #session: Deadline

  constructor(description: MemberDescription, clock: Clock, expired: (member: Member) => void) {
    this.memberId = description.memberId
    this.groupInstanceId = description.groupInstanceId
    this.clientId = description.clientId
    this.clientHost = description.clientHost
    this.sessionTimeoutMs = description.sessionTimeoutMs
    this.rebalanceTimeoutMs = description.rebalanceTimeoutMs
    this.protocols = description.protocols
    this.#session = new Deadline(clock, () => {
      // Who waits for our answer is alive; only a member that never was in a generation must show itself again.
      if (!this.isNew && (this.join !== null || this.sync !== null)) this.heard()
      else expired(this)
    })
  }

  /** The member gave a sign of life. */
  heard(): void {
    this.#session.set(this.sessionTimeoutMs)
  }

  /** A new member that waits for its first generation has longer than a session. */
  heardNew(timeoutMs: number): void {
    this.#session.set(timeoutMs)
  }

  stopSession(): void {
    this.#session.clear()
  }

  answerJoin(result: JoinResult): void {
    this.join?.resolve(result)
    this.join = null
  }

  answerSync(result: SyncResult): void {
    this.sync?.resolve(result)
    this.sync = null
  }

  metadataFor(protocolName: string): Buffer {
    return this.protocols.find((protocol) => protocol.name === protocolName)?.metadata ?? noBytes
  }

  /** As the leader sees it. */
  joined(protocolName: string): { memberId: string; groupInstanceId: string | null; metadata: Buffer } {
    const { memberId, groupInstanceId } = this
    return { memberId, groupInstanceId, metadata: this.metadataFor(protocolName) }
  }

  toStored(protocolName: string): StoredMember {
    return {
      memberId: this.memberId,
      groupInstanceId: this.groupInstanceId,
      clientId: this.clientId,
      clientHost: this.clientHost,
      rebalanceTimeoutMs: this.rebalanceTimeoutMs,
      sessionTimeoutMs: this.sessionTimeoutMs,
      subscription: this.metadataFor(protocolName),
      assignment: this.assignment,
    }
  }

  /** Would joining with these protocols change nothing? */
  matches(protocols: readonly MemberProtocol[]): boolean {
    if (protocols.length !== this.protocols.length) return false
    return protocols.every((protocol, index) => {
      const own = this.protocols[index]!
      return own.name === protocol.name && own.metadata.equals(protocol.metadata)
    })
  }
}
