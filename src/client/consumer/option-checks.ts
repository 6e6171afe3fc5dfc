/** What callers without types may get wrong with a consumer. */
import { aBoolean, aName, type OptionCheck, type OptionChecks, oneOf, wholeFrom } from '../../base/option-checks.ts'
import { aClock, millisecondsFrom } from '../argument-checks.ts'
import type { ConsumerOptions } from './options.ts'

const someAssignors: OptionCheck = (value) => {
  const isAssignor = (each: unknown): boolean => {
    const { name, assign }: { readonly name?: unknown; readonly assign?: unknown } = Object(each)
    return aName(name) === null && typeof assign === 'function'
  }
  const areAssignors = Array.isArray(value) && value.length > 0 && value.every(isAssignor)
  return areAssignors ? null : 'a list of assignors, as [new RangeAssignor()]'
}

export const consumerChecks = {
  clientId: aName,
  groupId: aName,
  groupInstanceId: aName,
  isolation: oneOf('readCommitted', 'readUncommitted'),
  autoOffsetReset: oneOf('earliest', 'latest', 'none'),
  assignors: someAssignors,
  sessionTimeoutMs: millisecondsFrom(1),
  rebalanceTimeoutMs: millisecondsFrom(1),
  heartbeatIntervalMs: millisecondsFrom(1),
  fetchWaitMs: millisecondsFrom(0),
  fetchMinBytes: wholeFrom(0),
  fetchBytesMax: wholeFrom(1),
  partitionBytesMax: wholeFrom(1),
  topicLookupTimeoutMs: millisecondsFrom(0),
  metadataMaxAgeMs: millisecondsFrom(0),
  requestTimeoutMs: millisecondsFrom(1),
  clock: aClock,
} satisfies OptionChecks<ConsumerOptions>

export const committedChecks = { requireStable: aBoolean, timeoutMs: millisecondsFrom(0) }
export const closingChecks = { leaveGroup: aBoolean }

/** It may have more about it than its callbacks. */
export const aListener: OptionCheck = (value) => {
  const { onAssigned, onRevoked, onLost } = Object(value) as { readonly [name: string]: unknown }
  const areCallbacks = [onAssigned, onRevoked, onLost].every((each) => each === undefined || typeof each === 'function')
  return typeof value === 'object' && value !== null && areCallbacks
    ? null
    : 'a listener: { onAssigned, onRevoked, onLost }, functions'
}

export const anEnd: OptionCheck = oneOf('earliest', 'latest')

/** One that has passed already is none. */
export const aTimeout: OptionCheck = (value) => {
  return typeof value === 'number' && !Number.isNaN(value) ? null : 'how many milliseconds to wait'
}
