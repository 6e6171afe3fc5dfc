/**
 * The records of __transaction_state, in Kafka's bytes: TransactionLogKey 0 and TransactionLogValue 1 (0 is read too).
 *
 * Markers are not synced (D3), so after a power cut a marker may be gone although a later state of its transactional id
 * survived. Each value therefore carries, as a tagged field of ours that Kafka's readers skip, the markers that are not
 * known to be durable: where they stand, where their transactions begin and what they say. Recovery writes those anew that lie beyond their log's end.
 */
import { ByteReader, ByteWriter } from '../../base/bytes.ts'
import { StreamError } from '../../base/errors.ts'
import type { KeyedRecord } from '../internal-log.ts'
import { readCount, readText, writeText } from '../record-text.ts'
import { type StoredState, storedStates } from './transaction-states.ts'

/** How far a partition's log must reach. */
export interface LogEnd {
  readonly topic: string
  readonly partition: number
  /** A later topic of the same name is another one. */
  readonly topicId: string
  readonly offset: number
}

/** A marker that was written, or is to be written (`offset` = notWritten), and is not known to be on the disk. */
export interface UnsettledMarker extends LogEnd {
  /** Where it stands; before it was written: the end of the log then. */
  readonly offset: number
  /** Where the transaction that it ends begins in the partition; -1: it has nothing there, 0: not known. */
  readonly firstOffset: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly commit: boolean
}

export type MarkerPlace = Pick<UnsettledMarker, 'topicId' | 'offset' | 'firstOffset'>

/**
 * What a PREPARE_COMMIT rests on that is written while the disk takes what it covers: it counts only where all of this is there.
 */
export interface Staged {
  /** Its own markers, not yet written: up to where they belong, its records are to be there. */
  readonly markers: readonly UnsettledMarker[]
  /** What its offsets point behind. */
  readonly inputs: readonly LogEnd[]
}

export function endsOf({ markers, inputs }: Staged): readonly LogEnd[] {
  return [...markers, ...inputs]
}

export const notWritten: number = Number.MAX_SAFE_INTEGER

export interface StoredTransaction {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  readonly lastProducerEpoch: number
  readonly timeoutMs: number
  readonly state: StoredState
  readonly partitions: ReadonlyMap<string, ReadonlySet<number>>
  readonly updatedAtMs: number
  readonly startedAtMs: number
  readonly unsettled: readonly UnsettledMarker[]
  /** Null: the state counts as it is written. */
  readonly staged: Staged | null
}

const keyVersion = 0
const valueVersion = 1
/** Far from any tag that Kafka will give away. */
const unsettledTag = 10_000
const lastEpochTag = 10_001
const stagedTag = 10_002

const writer = new ByteWriter(512)

function encodeKey(transactionalId: string): Buffer {
  writer.reset()
  writer.int16(keyVersion)
  writeText(writer, transactionalId)
  return writer.copy()
}

/** The transactional id is forgotten. */
export function encodeTombstone(transactionalId: string): KeyedRecord {
  return { key: encodeKey(transactionalId), value: null }
}

export function encodeTransaction(transaction: StoredTransaction): KeyedRecord {
  const key = encodeKey(transaction.transactionalId)
  const unsettled = transaction.unsettled.length === 0 ? null : encodeUnsettled(transaction.unsettled)
  const staged = transaction.staged === null ? null : encodeStaged(transaction.staged)
  writer.reset()
  writer.int16(valueVersion)
  writer.int64(transaction.producerId)
  writer.int16(transaction.producerEpoch)
  writer.int32(transaction.timeoutMs)
  writer.int8(storedStates.indexOf(transaction.state))
  writePartitions(transaction.partitions)
  writer.int64(transaction.updatedAtMs)
  writer.int64(transaction.startedAtMs)
  writer.unsignedVarint(1 + (unsettled === null ? 0 : 1) + (staged === null ? 0 : 1))
  if (unsettled !== null) writeTag(unsettledTag, unsettled)
  writer.unsignedVarint(lastEpochTag)
  writer.unsignedVarint(2)
  writer.int16(transaction.lastProducerEpoch)
  if (staged !== null) writeTag(stagedTag, staged)
  return { key, value: writer.copy() }
}

function writeTag(tag: number, content: Buffer): void {
  writer.unsignedVarint(tag)
  writer.unsignedVarint(content.length)
  writer.bytes(content)
}

/** A compact list of (topic, partitions), each struct with its empty list of tagged fields. */
function writePartitions(partitions: ReadonlyMap<string, ReadonlySet<number>>): void {
  writer.unsignedVarint(partitions.size + 1)
  for (const [topic, indexes] of partitions) {
    writer.unsignedVarint(Buffer.byteLength(topic) + 1)
    writer.utf8(topic)
    writer.unsignedVarint(indexes.size + 1)
    for (const index of indexes) writer.int32(index)
    writer.unsignedVarint(0)
  }
}

function encodeUnsettled(markers: readonly UnsettledMarker[]): Buffer {
  writer.reset()
  writeMarkers(markers)
  return writer.copy()
}

function encodeStaged({ markers, inputs }: Staged): Buffer {
  writer.reset()
  writeMarkers(markers)
  writer.int32(inputs.length)
  for (const end of inputs) writeEnd(end)
  return writer.copy()
}

function writeMarkers(markers: readonly UnsettledMarker[]): void {
  writer.int32(markers.length)
  for (const marker of markers) {
    writeEnd(marker)
    writer.int64(marker.firstOffset)
    writer.int64(marker.producerId)
    writer.int16(marker.producerEpoch)
    writer.int8(marker.commit ? 1 : 0)
  }
}

function writeEnd({ topic, partition, topicId, offset }: LogEnd): void {
  writeText(writer, topic)
  writer.int32(partition)
  writeText(writer, topicId)
  writer.int64(offset)
}

export function decodeTransactionKey(key: Buffer): string {
  const reader = new ByteReader(key)
  const version = reader.int16()
  if (version !== keyVersion) throw newer('a key', version)
  return readText(reader)
}

export function decodeTransaction(transactionalId: string, value: Buffer): StoredTransaction {
  const reader = new ByteReader(value)
  const version = reader.int16()
  if (version < 0 || version > valueVersion) throw newer('a transaction', version)
  const producerId = reader.int64()
  const producerEpoch = reader.int16()
  const timeoutMs = reader.int32()
  const number = reader.int8()
  const state = storedStates[number]
  if (state === undefined) throw newer('a state', number)
  const partitions = readPartitions(reader, version)
  const updatedAtMs = reader.int64()
  const startedAtMs = reader.int64()
  let unsettled: readonly UnsettledMarker[] = []
  let staged: Staged | null = null
  let lastProducerEpoch = -1
  for (let left = version === 0 ? 0 : reader.unsignedVarint(); left > 0; left--) {
    const tag = reader.unsignedVarint()
    const size = reader.unsignedVarint()
    const at = reader.take(size)
    const content = new ByteReader(value, at, at + size)
    if (tag === unsettledTag) unsettled = readMarkers(content)
    else if (tag === lastEpochTag) lastProducerEpoch = content.int16()
    else if (tag === stagedTag) staged = { markers: readMarkers(content), inputs: readEnds(content) }
  }
  return {
    transactionalId,
    producerId,
    producerEpoch,
    lastProducerEpoch,
    timeoutMs,
    state,
    partitions,
    updatedAtMs,
    startedAtMs,
    unsettled,
    staged,
  }
}

function readPartitions(reader: ByteReader, version: number): Map<string, Set<number>> {
  const flexible = version >= 1
  const count = (): number => (flexible ? Math.max(0, reader.unsignedVarint() - 1) : readCount(reader))
  const partitions = new Map<string, Set<number>>()
  for (let topics = count(); topics > 0; topics--) {
    const topic = flexible ? reader.utf8(reader.unsignedVarint() - 1) : readText(reader)
    const indexes = new Set<number>()
    for (let left = count(); left > 0; left--) indexes.add(reader.int32())
    if (flexible) skipTags(reader)
    partitions.set(topic, indexes)
  }
  return partitions
}

function skipTags(reader: ByteReader): void {
  for (let left = reader.unsignedVarint(); left > 0; left--) {
    reader.unsignedVarint()
    reader.take(reader.unsignedVarint())
  }
}

function readMarkers(reader: ByteReader): UnsettledMarker[] {
  const markers: UnsettledMarker[] = []
  for (let left = readCount(reader); left > 0; left--) {
    markers.push({
      ...readEnd(reader),
      firstOffset: reader.int64(),
      producerId: reader.int64(),
      producerEpoch: reader.int16(),
      commit: reader.int8() === 1,
    })
  }
  return markers
}

function readEnds(reader: ByteReader): LogEnd[] {
  const ends: LogEnd[] = []
  for (let left = readCount(reader); left > 0; left--) ends.push(readEnd(reader))
  return ends
}

function readEnd(reader: ByteReader): LogEnd {
  return { topic: readText(reader), partition: reader.int32(), topicId: readText(reader), offset: reader.int64() }
}

function newer(what: string, version: number): StreamError {
  return new StreamError(
    'LOG_FORMAT_NEWER',
    `__transaction_state holds ${what} of version ${version}; use the newer program that wrote it`,
  )
}
