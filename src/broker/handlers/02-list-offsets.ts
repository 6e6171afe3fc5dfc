/**
 * ListOffsets, versions 1–9.
 * Earliest (-2, and -4, which is the same without tiers), latest (-1; the last stable offset for read_committed), the
 * largest timestamp (-3), or the first record at or after a timestamp. Latest tiered (-5) is always none.
 * Left out: replicas other than the leader.
 */
import type { PartitionLog } from '../../log/partition-log.ts'
import type { ResponseOf } from '../../protocol/api.ts'
import type { KafkaError } from '../../protocol/error-codes.ts'
import { type BrokerRooms, handler } from '../handler.ts'
import { answerTo, codeOf } from '../kafka-answers.ts'
import { epochProblem } from '../leader-epoch.ts'

type Answer = ResponseOf<'ListOffsets'>['topics'][number]['partitions'][number]
type Found = { readonly offset: number; readonly timestamp: number; readonly leaderEpoch: number }

const latest = -1
const earliest = -2
const largestTimestamp = -3
const earliestLocal = -4
const latestTiered = -5
const none: Found = { offset: -1, timestamp: -1, leaderEpoch: -1 }

export const listOffsets = handler('ListOffsets', { min: 1, max: 9 }, (request, broker) => ({
  throttleTimeMs: 0,
  topics: request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((asked) => answer(broker, name, asked, request.isolationLevel === 1)),
  })),
}))

function answer(
  broker: BrokerRooms,
  topic: string,
  asked: { partitionIndex: number; currentLeaderEpoch: number; timestamp: number },
  committed: boolean,
): Answer {
  const { partitionIndex } = asked
  const partition = broker.topics.find(topic, partitionIndex)
  if (partition === null) return failed(partitionIndex, 'UNKNOWN_TOPIC_OR_PARTITION')
  try {
    const { log } = partition
    const error = epochProblem(log, asked.currentLeaderEpoch)
    if (error !== 'NONE') return failed(partitionIndex, error)
    return { partitionIndex, errorCode: 0, ...find(log, asked.timestamp, committed) }
  } catch (failure) {
    return failed(partitionIndex, answerTo(failure))
  }
}

function failed(partitionIndex: number, error: KafkaError): Answer {
  return { partitionIndex, errorCode: codeOf(error), ...none }
}

function find(log: PartitionLog, timestamp: number, committed: boolean): Found {
  const end = committed ? log.lastStableOffset : log.highWatermark
  const { leaderEpoch } = log
  if (timestamp === latest) return { offset: end, timestamp: -1, leaderEpoch }
  if (timestamp === earliest || timestamp === earliestLocal)
    return { offset: log.startOffset, timestamp: -1, leaderEpoch }
  if (timestamp === latestTiered) return none
  const found = timestamp === largestTimestamp ? findLargest(log) : log.offsetForTimestamp(timestamp)
  if (found === null || found.offset >= end) return none
  return { offset: found.offset, timestamp: found.timestampMs, leaderEpoch: found.leaderEpoch }
}

/** The first record with the largest timestamp: halving the span of timestamps that have a record after them. */
function findLargest(log: PartitionLog): ReturnType<PartitionLog['offsetForTimestamp']> {
  let found = log.offsetForTimestamp(0)
  if (found === null) return null
  let beyond = Number.MAX_SAFE_INTEGER
  while (found.timestampMs + 1 < beyond) {
    const middle: number = found.timestampMs + Math.ceil((beyond - found.timestampMs) / 2)
    const later = log.offsetForTimestamp(middle)
    if (later === null) beyond = middle
    else found = later
  }
  return log.offsetForTimestamp(found.timestampMs)
}
