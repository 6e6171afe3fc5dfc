/**
 * What a consumer can be told, and what it does when it is not told.
 */
import type { Clock } from '../../base/clock.ts'
import {
  fetchBytesMax,
  fetchPartitionBytesMax,
  fetchWaitMsDefault,
  metadataMaxAgeMsDefault,
  rebalanceTimeoutMsDefault,
  sessionTimeoutMsDefault,
  topicLookupTimeoutMsDefault,
} from '../../base/limits.ts'
import type { Isolation } from '../list-offsets.ts'
import { type Assignor, RangeAssignor } from './assignor.ts'
import type { FetcherOptions } from './fetcher.ts'
import type { MembershipOptions } from './membership.ts'
import type { ResetPolicy } from './partition-state.ts'

export interface ConsumerOptions {
  /** Names the client in error messages. Default 'consumer'. */
  readonly clientId?: string
  /** Needed to subscribe and to commit. */
  readonly groupId?: string
  /** Makes the member static: it keeps its partitions through a restart shorter than its session. */
  readonly groupInstanceId?: string
  /** Default 'readUncommitted'. */
  readonly isolation?: Isolation
  /** Where to begin without a committed offset, and when the log no longer has the position. Default 'latest'. */
  readonly autoOffsetReset?: ResetPolicy
  /** In order of preference; the group takes one that all members have. Default: range. */
  readonly assignors?: readonly Assignor[]
  /** A member that is not heard of for so long is out. Default 10,000. */
  readonly sessionTimeoutMs?: number
  /** How long members have to join a rebalance. Default 60,000. */
  readonly rebalanceTimeoutMs?: number
  /** How soon a member hears of a rebalance. Default: a tenth of the session time-out. */
  readonly heartbeatIntervalMs?: number
  /** How long the broker may wait for data. Default 500. */
  readonly fetchWaitMs?: number
  /** How much data the broker waits for. Default 1. */
  readonly fetchMinBytes?: number
  /** Of one answer; one batch at least comes, however large. Default 8 MiB. */
  readonly fetchBytesMax?: number
  /** Of one partition in an answer. Default 1 MiB. */
  readonly partitionBytesMax?: number
  /** How long to look for a topic that is not there. Default 5,000. */
  readonly topicLookupTimeoutMs?: number
  /** How often a group's leader looks whether topics have changed. Default 60,000. */
  readonly metadataMaxAgeMs?: number
  /** How long one request may take. Default 30,000. */
  readonly requestTimeoutMs?: number
  readonly clock?: Clock
}

export function fetcherOptions(options: ConsumerOptions): FetcherOptions {
  return {
    isolation: options.isolation ?? 'readUncommitted',
    autoOffsetReset: options.autoOffsetReset ?? 'latest',
    fetchWaitMs: options.fetchWaitMs ?? fetchWaitMsDefault,
    fetchMinBytes: options.fetchMinBytes ?? 1,
    fetchBytesMax: options.fetchBytesMax ?? fetchBytesMax,
    partitionBytesMax: options.partitionBytesMax ?? fetchPartitionBytesMax,
    topicLookupTimeoutMs: options.topicLookupTimeoutMs ?? topicLookupTimeoutMsDefault,
  }
}

export function membershipOptions(groupId: string, options: ConsumerOptions): MembershipOptions {
  const sessionTimeoutMs = options.sessionTimeoutMs ?? sessionTimeoutMsDefault
  return {
    groupId,
    groupInstanceId: options.groupInstanceId ?? null,
    sessionTimeoutMs,
    rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? rebalanceTimeoutMsDefault,
    heartbeatIntervalMs: options.heartbeatIntervalMs ?? Math.ceil(sessionTimeoutMs / 10),
    assignors: options.assignors ?? [new RangeAssignor()],
  }
}

export function topicsCheckMs(options: ConsumerOptions): number {
  return options.metadataMaxAgeMs ?? metadataMaxAgeMsDefault
}
