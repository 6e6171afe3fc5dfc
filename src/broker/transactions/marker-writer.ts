/**
 * Writes the markers that end a transaction in its partitions, and finds at start which of them a power cut took.
 *
 * Laws
 *  R1  a marker is written again only for the transaction that it ends: one of its producer that is open there and began
 *      where the marker says it did. A later one began behind the marker's bound; of an earlier one the end is gone, which
 *      was an abort, or bytes that were synced are gone with it: it is aborted, and where the marker commits the loss is told
 *  R2  a partition that is offline keeps its marker among the unsettled ones; one that is gone needs none
 */
import type { Clock } from '../../base/clock.ts'
import { StreamError } from '../../base/errors.ts'
import type { PartitionLog } from '../../log/partition-log.ts'
import { encodeControlBatch } from '../../records/control-record.ts'
import { answerTo } from '../kafka-answers.ts'
import type { Partition } from '../topics/partition.ts'
import { type OpenTransaction, openTransactionsOf } from './open-transactions.ts'
import { type MarkerPlace, notWritten, type UnsettledMarker } from './transaction-records.ts'

export type FindPartition = (topic: string, partition: number) => Partition | null

export class MarkerWriter {
  readonly #clock: Clock
  readonly #find: FindPartition
  readonly #coordinatorEpoch: number

  constructor(clock: Clock, find: FindPartition, coordinatorEpoch: number) {
    this.#clock = clock
    this.#find = find
    this.#coordinatorEpoch = coordinatorEpoch
  }

  /** For the transaction that the producer has open now. */
  placeOf(topic: string, partition: number, producerId: number): MarkerPlace {
    const log = this.#find(topic, partition)?.online
    if (log == null) return this.anywhere(topic, partition)
    return { ...this.anywhere(topic, partition), offset: log.endOffset, firstOffset: log.firstOffsetOf(producerId) }
  }

  /** For whatever transaction the producer has open there. */
  anywhere(topic: string, partition: number): MarkerPlace {
    return { topicId: this.#find(topic, partition)?.topicId ?? '', offset: notWritten, firstOffset: 0 }
  }

  /** Null: its topic is gone. */
  partitionOf(marker: UnsettledMarker): Partition | null {
    const partition = this.#find(marker.topic, marker.partition)
    return partition?.topicId === marker.topicId ? partition : null
  }

  /** Writes one marker and says where it stands, or null when the partition is gone (R2). DISK_FULL, DISK_FAILED. */
  write(marker: UnsettledMarker): UnsettledMarker | null {
    const partition = this.partitionOf(marker)
    if (partition === null) return null
    const log = partition.online
    if (log === null) return { ...marker, offset: notWritten }
    try {
      return { ...marker, offset: this.#append(log, marker.producerId, marker.producerEpoch, marker.commit) }
    } catch (error) {
      // A log that went offline gets its marker when it is opened again (R2); any other must get it now.
      if (log.offline === null) throw error
      return { ...marker, offset: notWritten }
    }
  }

  #append(log: PartitionLog, producerId: number, producerEpoch: number, commit: boolean): number {
    const type = commit ? 'commit' : 'abort'
    const batch = encodeControlBatch(type, producerId, producerEpoch, this.#coordinatorEpoch, this.#clock.now())
    return log.appendControl(batch, this.#coordinatorEpoch).baseOffset
  }

  /** Resolves to the markers that are still not durable. */
  async settle(markers: readonly UnsettledMarker[]): Promise<readonly UnsettledMarker[]> {
    const syncs: Promise<void>[] = []
    const kept: UnsettledMarker[] = []
    const keepAfter = (error: unknown, marker: UnsettledMarker): void => {
      answerTo(error)
      kept.push(marker)
    }
    for (const marker of this.unsettled(markers)) {
      const log = this.partitionOf(marker)?.online
      if (log == null || marker.offset === notWritten) kept.push(marker)
      // A partition that fails now is offline; its marker is written anew when it is opened again (R2).
      else syncs.push(log.sync().catch((error) => keepAfter(error, marker)))
    }
    if (syncs.length > 0) await Promise.all(syncs)
    return kept
  }

  /** Those of the markers that are not durable yet, without waiting. */
  unsettled(markers: readonly UnsettledMarker[]): readonly UnsettledMarker[] {
    if (markers.length === 0) return markers
    return markers.filter((marker) => {
      const partition = this.partitionOf(marker)
      if (partition === null) return false
      return marker.offset === notWritten || partition.online === null || partition.online.unsynced
    })
  }
}

/** The open transactions of all partitions as they are found at start, and what becomes of them. */
export class MarkerRecovery {
  readonly #writer: MarkerWriter
  readonly #open = new Map<Partition, Map<number, OpenTransaction>>()
  /** Their logs are damaged where transactions may be open: they keep their markers for another start. */
  readonly #unreadable = new Set<Partition>()

  constructor(writer: MarkerWriter, partitions: Iterable<Partition>) {
    this.#writer = writer
    for (const partition of partitions) {
      const log = partition.online
      if (log === null || log.lastStableOffset >= log.endOffset) continue
      try {
        const open = openTransactionsOf(log)
        if (open.size > 0) this.#open.set(partition, open)
      } catch (error) {
        answerTo(error)
        this.#unreadable.add(partition)
      }
    }
  }

  /** Writes the marker again if it was lost (R1). Returns what stays unsettled. */
  redo(marker: UnsettledMarker): UnsettledMarker | null {
    const partition = this.#writer.partitionOf(marker)
    if (partition === null) return null
    const log = partition.online
    if (log === null || this.#unreadable.has(partition)) return marker
    const open = this.#open.get(partition)
    const transaction = open?.get(marker.producerId)
    const beginsAt = marker.firstOffset < 0 ? marker.offset : marker.firstOffset
    const isOlder = transaction !== undefined && transaction.firstOffset < beginsAt
    // A commit was decided after all it covers was synced, the end of an earlier transaction among it. Nothing is synced for an abort.
    if (marker.commit && (isOlder || marker.firstOffset >= log.endOffset)) log.report(lostRecords(log, marker))
    if (transaction === undefined || isOlder || transaction.firstOffset >= marker.offset) {
      return marker.offset === notWritten ? null : marker
    }
    open!.delete(marker.producerId)
    return this.#writer.write(marker)
  }

  /** Ends what no transactional id knows of: its state was lost with the power, so nobody was told that it began. */
  abortUnknown(isKnown: (producerId: number, topic: string, partition: number) => boolean): void {
    for (const [partition, open] of this.#open) {
      for (const { producerId, producerEpoch } of open.values()) {
        const { topic, index } = partition
        if (isKnown(producerId, topic, index)) continue
        const place = this.#writer.anywhere(topic, index)
        this.#writer.write({ ...place, topic, partition: index, producerId, producerEpoch, commit: false })
      }
    }
  }
}

function lostRecords(log: PartitionLog, { producerId, firstOffset }: UnsettledMarker): StreamError {
  const what = `${log.directory} ends at offset ${log.endOffset}, but producer ${producerId} had a transaction from offset ${firstOffset} on`
  const advice =
    'records of it that were synced are gone; check the disk, and restore the data folder if they are needed'
  return new StreamError('LOG_CORRUPT', `${what}: ${advice}`)
}
