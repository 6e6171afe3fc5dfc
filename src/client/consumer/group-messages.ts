/**
 * What members of a consumer group say to each other through the coordinator: subscription and assignment, in Kafka's
 * "consumer" protocol, versions 0–3. Each begins with its version; newer versions only append.
 */
import { ByteReader, ByteWriter } from '../../base/bytes.ts'
import {
  array,
  bytes,
  from,
  type Infer,
  int16,
  int32,
  nullable,
  string,
  struct,
  type Type,
} from '../../protocol/schema.ts'
import { byTopic, type TopicPartition } from '../topic-partition.ts'
import type { MemberAssignment } from './assignor.ts'

const versionMax = 3

const topicPartitions = array(struct({ topic: string, partitions: array(int32) }))

// 1: owned partitions · 2: generation · 3: rack
const subscription = struct({
  topics: array(string),
  userData: nullable(bytes),
  ownedPartitions: from('1+', topicPartitions, []),
  generationId: from('2+', int32, -1),
  rackId: from('3+', nullable(string), null),
})

const assignment = struct({ assignedPartitions: topicPartitions, userData: nullable(bytes) })

export interface Subscription {
  readonly topics: readonly string[]
  readonly userData: Buffer | null
  readonly ownedPartitions: readonly TopicPartition[]
}

/** Topics are sorted: equal subscriptions are equal bytes, by which a coordinator sees that a static member came back as it was. */
export function encodeSubscription(topics: readonly string[], userData: Buffer | null): Buffer {
  return encode(subscription, {
    topics: [...topics].sort(),
    userData,
    ownedPartitions: [],
    generationId: -1,
    rackId: null,
  })
}

export function decodeSubscription(content: Buffer): Subscription {
  const { topics, userData, ownedPartitions } = decode(subscription, content)
  return { topics, userData, ownedPartitions: flat(ownedPartitions) }
}

export function encodeAssignment({ partitions, userData }: MemberAssignment): Buffer {
  const assignedPartitions = [...byTopic(partitions)].map(([topic, list]) => {
    return { topic, partitions: list.map((each) => each.partition) }
  })
  return encode(assignment, { assignedPartitions, userData })
}

/** No bytes at all: the leader left this member out. */
export function decodeAssignment(content: Buffer): MemberAssignment {
  if (content.length === 0) return { partitions: [], userData: null }
  const { assignedPartitions, userData } = decode(assignment, content)
  return { partitions: flat(assignedPartitions), userData }
}

function encode<T>(type: Type<T>, value: T): Buffer {
  const writer = new ByteWriter(256)
  int16.write(writer, versionMax, 0, false)
  type.write(writer, value, versionMax, false)
  return writer.copy()
}

function decode<T>(type: Type<T>, content: Buffer): T {
  const reader = new ByteReader(content)
  const version = int16.read(reader, 0, false)
  return type.read(reader, Math.max(0, Math.min(version, versionMax)), false)
}

function flat(topics: Infer<typeof topicPartitions>): TopicPartition[] {
  return topics.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })))
}
