/**
 * ListOffsets for many partitions: the offset at a point in time, or at an end.
 */
import type { StreamError } from '../base/errors.ts'
import { brokerError, isRetriable } from './broker-error.ts'
import type { Caller } from './caller.ts'
import type { Metadata } from './metadata.ts'
import { byTopic, nameOf, type TopicPartition } from './topic-partition.ts'

/** The first or the next offset of a partition, or that of the first record at or after a time (milliseconds since 1970). */
export type OffsetSpec = 'earliest' | 'latest' | number

export type Isolation = 'readCommitted' | 'readUncommitted'

export interface OffsetQuery extends TopicPartition {
  readonly spec: OffsetSpec
}

export interface FoundOffset extends TopicPartition {
  /** -1: no record is that late. */
  readonly offset: number
  /** Of the record found; -1 for an end. */
  readonly timestampMs: number
  readonly leaderEpoch: number
}

const specials = { earliest: -2, latest: -1 } as const

export async function listOffsets(
  caller: Caller,
  metadata: Metadata,
  queries: readonly OffsetQuery[],
  isolation: Isolation,
  timeoutMs: number,
): Promise<FoundOffset[]> {
  const retry = caller.retry(timeoutMs)
  const found: FoundOffset[] = []
  let open = queries
  while (open.length > 0) {
    await metadata.ensure(
      open.map((query) => query.topic),
      timeoutMs,
    )
    const failed = await attempt(caller, metadata, open, isolation, found)
    open = failed.map(({ query }) => query)
    if (open.length > 0) await retry.wait(failed[0]!.error)
  }
  return found
}

interface Failed {
  readonly query: OffsetQuery
  readonly error: StreamError
}

async function attempt(
  caller: Caller,
  metadata: Metadata,
  queries: readonly OffsetQuery[],
  isolation: Isolation,
  found: FoundOffset[],
): Promise<Failed[]> {
  const topics = [...byTopic(queries)].map(([name, list]) => ({
    name,
    partitions: list.map(({ partition, spec }) => ({
      partitionIndex: partition,
      currentLeaderEpoch: metadata.get(name)?.leaderEpochs[partition] ?? -1,
      timestamp: typeof spec === 'string' ? specials[spec] : spec,
    })),
  }))
  const response = await caller.call(
    'ListOffsets',
    { replicaId: -1, isolationLevel: isolation === 'readCommitted' ? 1 : 0, topics },
    { codeOf: () => 0, what: 'list offsets' },
  )
  const waiting = new Map(queries.map((query) => [nameOf(query), query]))
  const failed: Failed[] = []
  for (const { name, partitions } of response.topics) {
    for (const { partitionIndex, errorCode, offset, timestamp, leaderEpoch } of partitions) {
      const query = waiting.get(nameOf({ topic: name, partition: partitionIndex }))
      if (query === undefined) continue
      waiting.delete(nameOf(query))
      if (errorCode === 0) {
        found.push({ topic: name, partition: partitionIndex, offset, timestampMs: timestamp, leaderEpoch })
        continue
      }
      const error = brokerError(errorCode, `list offsets of ${nameOf(query)}`)
      if (!isRetriable(errorCode)) throw error
      metadata.forget(name)
      failed.push({ query, error })
    }
  }
  for (const query of waiting.values())
    failed.push({ query, error: brokerError(-1, `list offsets of ${nameOf(query)}`) })
  return failed
}
