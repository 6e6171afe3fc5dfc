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
import { type LogEnd, type MarkerPlace, notWritten, type UnsettledMarker } from './transaction-records.ts'

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
    const firstOffset = log.openTransactions.get(producerId)?.transactionFirstOffset ?? -1
    return { ...this.anywhere(topic, partition), offset: log.endOffset, firstOffset }
  }

  /** For whatever transaction the producer has open there. */
  anywhere(topic: string, partition: number): MarkerPlace {
    return { topicId: this.#find(topic, partition)?.topicId ?? '', offset: notWritten, firstOffset: 0 }
  }

  /** Null: its topic is gone. */
  partitionOf(end: LogEnd): Partition | null {
    const partition = this.#find(end.topic, end.partition)
    return partition?.topicId === end.topicId ? partition : null
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

  /** At start: writes the marker again if it was lost (R1). Returns what stays unsettled. */
  redo(marker: UnsettledMarker): UnsettledMarker | null {
    const partition = this.partitionOf(marker)
    if (partition === null) return null
    const log = partition.online
    if (log === null) return marker
    const firstOffset = log.openTransactions.get(marker.producerId)?.transactionFirstOffset
    const beginsAt = marker.firstOffset < 0 ? marker.offset : marker.firstOffset
    const isOlder = firstOffset !== undefined && firstOffset < beginsAt
    // A commit was decided after all it covers was synced, the end of an earlier transaction among it. Nothing is synced for an abort.
    if (marker.commit && (isOlder || marker.firstOffset >= log.endOffset)) log.report(lostRecords(log, marker))
    if (firstOffset === undefined || isOlder || firstOffset >= marker.offset) {
      return marker.offset === notWritten ? null : marker
    }
    return this.write(marker)
  }

  /** At start: ends what no transactional id knows of. Its state was lost with the power, so nobody was told that it began. */
  abortUnknown(
    partitions: Iterable<Partition>,
    isKnown: (producerId: number, topic: string, partition: number) => boolean,
  ): void {
    for (const { topic, index, online } of partitions) {
      for (const { producerId, epoch } of [...(online?.openTransactions.values() ?? [])]) {
        if (isKnown(producerId, topic, index)) continue
        const place = this.anywhere(topic, index)
        this.write({ ...place, topic, partition: index, producerId, producerEpoch: epoch, commit: false })
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
