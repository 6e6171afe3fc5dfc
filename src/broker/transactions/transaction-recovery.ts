/**
 * What a start does to the transactions it finds.
 *
 *   PrepareCommit, staged         a commit when all is there that it rests on; otherwise it was never decided, and is aborted and fenced
 *   PrepareCommit, PrepareAbort   completed, as was decided
 *   Ongoing, after a clean stop   stays open until its time-out
 *   Ongoing, otherwise            aborted and fenced: what its producer was told may be lost with the power, so it
 *                                 must not commit
 *   any other                     markers that were lost are written again
 *   state itself lost             aborted: nobody can have been told that it began durably
 */
import type { Clock } from '../../base/clock.ts'
import type { PartitionLog } from '../../log/partition-log.ts'
import type { Partition } from '../topics/partition.ts'
import type { MarkerWriter } from './marker-writer.ts'
import type { Transaction } from './transaction.ts'
import type { TransactionLog } from './transaction-log.ts'
import { endsOf, type UnsettledMarker } from './transaction-records.ts'
import type { TransactionTable } from './transaction-table.ts'

export interface RecoveryRooms {
  readonly clock: Clock
  readonly table: TransactionTable
  readonly log: TransactionLog
  readonly markers: MarkerWriter
  readonly cleanShutdown: boolean
}

/**
 * Before anything is appended anywhere: then the logs end where the disk lost them. What is decided here is durable when it
 * resolves, or the next start would ask logs that have grown since. Throws what the disk says.
 */
export async function decideStaged({ table, log, markers }: RecoveryRooms): Promise<void> {
  const restsOn: PartitionLog[] = []
  let undecided = false
  for (const transaction of table.all()) {
    const { staged } = transaction
    if (staged === null) continue
    transaction.staged = null
    // A log that is offline is damaged, not short; what it holds may well be all of it.
    const logs = endsOf(staged).map((end) => ({ end, log: markers.partitionOf(end)?.online ?? null }))
    if (logs.every(({ end, log }) => log === null || log.endOffset >= end.offset)) {
      transaction.unsettled = [...transaction.unsettled, ...staged.markers]
      for (const { log } of logs) if (log !== null) restsOn.push(log)
      continue
    }
    undecided = true
    transaction.become('Ongoing')
    transaction.fence()
    transaction.become('PrepareAbort')
    log.write(transaction)
  }
  // One that cannot be synced is offline from then on.
  await Promise.allSettled(restsOn.map((each) => each.sync()))
  if (undecided) await log.sync()
}

export function recoverTransactions(rooms: RecoveryRooms, partitions: Iterable<Partition>): void {
  const { table, log, markers } = rooms
  for (const transaction of table.all()) recoverOne(rooms, transaction)
  markers.abortUnknown(partitions, (producerId, topic, partition) => {
    const transaction = table.ofProducer(producerId)
    return transaction?.state === 'Ongoing' && transaction.has(topic, partition)
  })
  table.forgetIdle(log)
}

function recoverOne(rooms: RecoveryRooms, transaction: Transaction): void {
  const { log } = rooms
  const redo = (markers: readonly UnsettledMarker[]): UnsettledMarker[] => {
    return markers.flatMap((marker) => rooms.markers.redo(marker) ?? [])
  }
  const { state } = transaction
  // Markers of earlier transactions first: they stand first in their logs.
  transaction.unsettled = redo(transaction.unsettled)
  if (state === 'Ongoing') {
    if (rooms.cleanShutdown) {
      const endMs = transaction.startedAtMs + transaction.timeoutMs
      transaction.deadline.set(Math.max(0, endMs - rooms.clock.now()))
      return
    }
    transaction.fence()
    transaction.become('PrepareAbort')
    log.write(transaction)
  } else if (state !== 'PrepareCommit' && state !== 'PrepareAbort') {
    return
  }
  const own = transaction.markers(state === 'PrepareCommit', (topic, partition) => {
    return rooms.markers.anywhere(topic, partition)
  })
  // The markers of a prepared transaction were among the unsettled ones, unless another program wrote this state.
  const left = own.filter((marker) => !transaction.unsettled.some((known) => sameMarker(known, marker)))
  transaction.unsettled = [...transaction.unsettled, ...redo(left)]
  log.complete(transaction)
}

function sameMarker(left: UnsettledMarker, right: UnsettledMarker): boolean {
  return (
    left.topic === right.topic &&
    left.partition === right.partition &&
    left.producerId === right.producerId &&
    left.producerEpoch === right.producerEpoch &&
    left.commit === right.commit
  )
}
