/**
 * The records of __consumer_offsets, in Kafka's bytes: OffsetCommitKey 1 and OffsetCommitValue 3 (0 to 4 are read),
 * GroupMetadataKey 2 and GroupMetadataValue 3 (0 to 3 are read). A null value is a tombstone.
 */
import { ByteReader, ByteWriter } from '../../base/bytes.ts'
import { StreamError } from '../../base/errors.ts'
import type { KeyedRecord } from '../internal-log.ts'
import { readBytes, readCount, readNullableText, readText, writeBytes, writeText } from '../record-text.ts'

export interface OffsetValue {
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
  readonly committedAtMs: number
}

export interface StoredMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly subscription: Buffer
  readonly assignment: Buffer
}

export interface StoredGroup {
  readonly protocolType: string
  readonly generationId: number
  readonly protocolName: string | null
  readonly leader: string | null
  readonly stateAtMs: number
  readonly members: readonly StoredMember[]
}

export type GroupRecord =
  | {
      readonly kind: 'offset'
      readonly groupId: string
      readonly topic: string
      readonly partition: number
      readonly value: OffsetValue | null
    }
  | { readonly kind: 'group'; readonly groupId: string; readonly value: StoredGroup | null }

const offsetKeyVersion = 1
const groupKeyVersion = 2
const offsetValueVersion = 3
const offsetValueVersionMax = 4
const groupValueVersion = 3

const writer = new ByteWriter(512)

export function encodeGroupRecord(record: GroupRecord): KeyedRecord {
  writer.reset()
  writer.int16(record.kind === 'offset' ? offsetKeyVersion : groupKeyVersion)
  writeText(writer, record.groupId)
  if (record.kind === 'offset') {
    writeText(writer, record.topic)
    writer.int32(record.partition)
  }
  const key = writer.copy()
  if (record.value === null) return { key, value: null }
  writer.reset()
  if (record.kind === 'offset') writeOffset(record.value)
  else writeGroup(record.value)
  return { key, value: writer.copy() }
}

function writeOffset(value: OffsetValue): void {
  writer.int16(offsetValueVersion)
  writer.int64(value.offset)
  writer.int32(value.leaderEpoch)
  writeText(writer, value.metadata)
  writer.int64(value.committedAtMs)
}

function writeGroup(group: StoredGroup): void {
  writer.int16(groupValueVersion)
  writeText(writer, group.protocolType)
  writer.int32(group.generationId)
  writeText(writer, group.protocolName)
  writeText(writer, group.leader)
  writer.int64(group.stateAtMs)
  writer.int32(group.members.length)
  for (const member of group.members) {
    writeText(writer, member.memberId)
    writeText(writer, member.groupInstanceId)
    writeText(writer, member.clientId)
    writeText(writer, member.clientHost)
    writer.int32(member.rebalanceTimeoutMs)
    writer.int32(member.sessionTimeoutMs)
    writeBytes(writer, member.subscription)
    writeBytes(writer, member.assignment)
  }
}

/** LOG_FORMAT_NEWER for versions that this program does not know. */
export function decodeGroupRecord(key: Buffer, value: Buffer | null): GroupRecord {
  const reader = new ByteReader(key)
  const version = reader.int16()
  const groupId = readText(reader)
  if (version === groupKeyVersion) return { kind: 'group', groupId, value: value === null ? null : readGroup(value) }
  if (version < 0 || version > groupKeyVersion) throw newer('a key', version)
  const topic = readText(reader)
  const partition = reader.int32()
  return { kind: 'offset', groupId, topic, partition, value: value === null ? null : readOffset(value) }
}

function readOffset(bytes: Buffer): OffsetValue {
  const reader = new ByteReader(bytes)
  const version = reader.int16()
  if (version < 0 || version > offsetValueVersionMax) throw newer('an offset', version)
  const offset = reader.int64()
  const leaderEpoch = version >= 3 ? reader.int32() : -1
  // Version 4 is flexible: a compact text, and tagged fields after the time, which hold nothing we keep.
  const metadata = version >= 4 ? reader.utf8(reader.unsignedVarint() - 1) : readText(reader)
  return { offset, leaderEpoch, metadata, committedAtMs: reader.int64() }
}

function readGroup(bytes: Buffer): StoredGroup {
  const reader = new ByteReader(bytes)
  const version = reader.int16()
  if (version < 0 || version > groupValueVersion) throw newer('a group', version)
  const protocolType = readText(reader)
  const generationId = reader.int32()
  const protocolName = readNullableText(reader)
  const leader = readNullableText(reader)
  const stateAtMs = version >= 2 ? reader.int64() : -1
  const members: StoredMember[] = []
  for (let left = readCount(reader); left > 0; left--) members.push(readMember(reader, version))
  return { protocolType, generationId, protocolName, leader, stateAtMs, members }
}

function readMember(reader: ByteReader, version: number): StoredMember {
  const memberId = readText(reader)
  const groupInstanceId = version >= 3 ? readNullableText(reader) : null
  const clientId = readText(reader)
  const clientHost = readText(reader)
  const rebalance = version >= 1 ? reader.int32() : -1
  const sessionTimeoutMs = reader.int32()
  return {
    memberId,
    groupInstanceId,
    clientId,
    clientHost,
    rebalanceTimeoutMs: rebalance === -1 ? sessionTimeoutMs : rebalance,
    sessionTimeoutMs,
    subscription: readBytes(reader),
    assignment: readBytes(reader),
  }
}

function newer(what: string, version: number): StreamError {
  return new StreamError(
    'LOG_FORMAT_NEWER',
    `__consumer_offsets holds ${what} of version ${version}; use the newer program that wrote it`,
  )
}
