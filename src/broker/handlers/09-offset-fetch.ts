/**
 * OffsetFetch, versions 1–9.
 * The committed offsets of one group (several from version 8), of the partitions asked for or of all. With requireStable
 * an offset that an open transaction would change is UNSTABLE_OFFSET_COMMIT.
 * Left out: the member checks of the new group protocol (version 9).
 */
import type { ResponseOf } from '../../protocol/api.ts'
import type { KafkaError } from '../../protocol/error-codes.ts'
import type { OffsetTable } from '../groups/offset-table.ts'
import { type BrokerRooms, handler } from '../handler.ts'
import { codeOf } from '../kafka-answers.ts'

type GroupAnswer = ResponseOf<'OffsetFetch'>['groups'][number]
type PartitionAnswer = GroupAnswer['topics'][number]['partitions'][number]
type TopicsAsked = readonly { readonly name: string; readonly partitionIndexes: readonly number[] }[] | null

export const offsetFetch = handler('OffsetFetch', { min: 1, max: 9 }, (request, broker, context) => {
  const { requireStable } = request
  if (context.version >= 8) {
    const groups = request.groups.map(({ groupId, topics }) => answer(broker, groupId, topics, requireStable))
    return { throttleTimeMs: 0, topics: [], errorCode: 0, groups }
  }
  const { topics, errorCode } = answer(broker, request.groupId, request.topics, requireStable)
  return { throttleTimeMs: 0, topics, errorCode, groups: [] }
})

function answer(broker: BrokerRooms, groupId: string, asked: TopicsAsked, requireStable: boolean): GroupAnswer {
  if (!broker.groups.available) return { groupId, topics: [], errorCode: codeOf('COORDINATOR_NOT_AVAILABLE') }
  const offsets = broker.groups.find(groupId)?.offsets
  const topics = (asked ?? allOf(offsets)).map(({ name, partitionIndexes }) => {
    return { name, partitions: partitionIndexes.map((partition) => committed(offsets, name, partition, requireStable)) }
  })
  return { groupId, topics, errorCode: 0 }
}

function allOf(offsets: OffsetTable | undefined): { name: string; partitionIndexes: number[] }[] {
  const topics = new Map<string, Set<number>>()
  if (offsets === undefined) return []
  for (const { topic, partition } of [...offsets.committed(), ...offsets.pendingPartitions()]) {
    topics.set(topic, (topics.get(topic) ?? new Set()).add(partition))
  }
  return [...topics].map(([name, partitions]) => ({ name, partitionIndexes: [...partitions] }))
}

function committed(
  offsets: OffsetTable | undefined,
  topic: string,
  partitionIndex: number,
  requireStable: boolean,
): PartitionAnswer {
  if (requireStable && offsets?.isUnstable(topic, partitionIndex) === true) {
    return unknown(partitionIndex, 'UNSTABLE_OFFSET_COMMIT')
  }
  const found = offsets?.get(topic, partitionIndex)
  if (found === undefined) return unknown(partitionIndex, 'NONE')
  const { offset, leaderEpoch, metadata } = found
  return { partitionIndex, committedOffset: offset, committedLeaderEpoch: leaderEpoch, metadata, errorCode: 0 }
}

function unknown(partitionIndex: number, error: KafkaError): PartitionAnswer {
  return { partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: codeOf(error) }
}
