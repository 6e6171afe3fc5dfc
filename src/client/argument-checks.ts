/** Arguments of clients, as callers without types may give them: INPUT_INVALID that names the method and what to give. */
import { StreamError } from '../base/errors.ts'
import { aName, type OptionCheck, shown, wholeFrom } from '../base/option-checks.ts'

/** `taker`: the method that was given it. */
export function requireArgument(taker: string, given: unknown, check: OptionCheck): void {
  const wanted = check(given)
  if (wanted !== null) throw new StreamError('INPUT_INVALID', `${taker} was given ${shown(given)}; give it ${wanted}`)
}

/** CONFIG_INVALID. `taker`: the client. */
export function requireConnection(taker: string, connection: unknown): void {
  if (typeof Object(connection).request === 'function') return
  const what = `${taker} was given ${shown(connection)} as its connection; give what connect() of a lease returns`
  throw new StreamError('CONFIG_INVALID', what)
}

export const aClock: OptionCheck = (value) => {
  return typeof Object(value).monotonic === 'function' ? null : 'a clock, or leave it out'
}

/** Of an int32, and of a timer's milliseconds. */
const integerMax = 0x7fffffff

export function millisecondsFrom(least: number): OptionCheck {
  return (value) => {
    if (Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= integerMax) return null
    return `a whole number of milliseconds from ${least} to ${integerMax}`
  }
}

export const anOffset: OptionCheck = wholeFrom(0)

export const anInteger: OptionCheck = (value) => {
  return Number.isInteger(value) && Math.abs(Number(value)) <= integerMax ? null : 'a whole number'
}

export const aPartition: OptionCheck = (value) => {
  return isPartition(value) ? null : 'a partition: { topic: a name, partition: a whole number from 0 on }'
}

export const aPartitionNumber: OptionCheck = (value) => (isPartitionNumber(value) ? null : 'a whole number from 0 on')

export const somePartitions: OptionCheck = (value) => {
  return Array.isArray(value) && value.every(isPartition) ? null : 'a list of partitions: [{ topic, partition }]'
}

/** Offsets to commit. */
export const someOffsets: OptionCheck = (value) => {
  return Array.isArray(value) && value.every(isOffset)
    ? null
    : 'a list of { topic, partition, offset: a whole number from 0 on, leaderEpoch: a whole number, metadata: a text }'
}

export const someEnds: OptionCheck = (value) => {
  return Array.isArray(value) && value.every((each) => isPartition(each) && wholeFrom(-1)(Object(each).offset) === null)
    ? null
    : 'a list of { topic, partition, offset: a whole number, -1 for all }'
}

function isPartition(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { topic, partition } = value as { readonly [name: string]: unknown }
  return aName(topic) === null && isPartitionNumber(partition)
}

function isPartitionNumber(value: unknown): boolean {
  return anInteger(value) === null && Number(value) >= 0
}

function isOffset(value: unknown): boolean {
  const at = value as { readonly [name: string]: unknown }
  return (
    isPartition(value) &&
    anOffset(at.offset) === null &&
    anInteger(at.leaderEpoch) === null &&
    typeof at.metadata === 'string'
  )
}
