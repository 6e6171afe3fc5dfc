/** Offsets as messages nest them, and as a flat list. */
import type { OffsetToCommit } from './group-coordinator.ts'

interface TopicMessage {
  readonly name: string
  readonly partitions: readonly {
    readonly partitionIndex: number
    readonly committedOffset: number
    readonly committedLeaderEpoch: number
    readonly committedMetadata: string | null
  }[]
}

export function flatOffsets(topics: readonly TopicMessage[]): OffsetToCommit[] {
  return topics.flatMap(({ name, partitions }) => {
    return partitions.map((partition) => ({
      topic: name,
      partition: partition.partitionIndex,
      offset: partition.committedOffset,
      leaderEpoch: partition.committedLeaderEpoch,
      metadata: partition.committedMetadata ?? '',
    }))
  })
}

/** One error for each offset, in the order of the flat list, nested again. */
export function groupedErrors(
  topics: readonly TopicMessage[],
  errorCodes: readonly number[],
): { name: string; partitions: { partitionIndex: number; errorCode: number }[] }[] {
  let next = 0
  return topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: errorCodes[next++]! })),
  }))
}
