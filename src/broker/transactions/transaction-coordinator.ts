/**
 * The transactions of this broker, kept in __transaction_state.
 *
 * A commit, in order:
 *   1  nothing more joins the transaction
 *   2  PREPARE_COMMIT is written, with the ends of all logs that it rests on: of the partitions it wrote to, and of those its
 *      offsets point into
 *   3  it is synced and all of them, side by side. When the last of them is on the disk the transaction is committed, whatever
 *      happens; before, `recover` finds a log that ends too early, and aborts it
 *   4  markers go to its partitions
 *   5  COMPLETE_COMMIT is written, and EndTxn is answered
 * An abort is 1, 2, 4, 5. What 4 and 5 lose in a power cut, `recover` does again.
 *
 * Laws
 *  E1  a producer epoch that was given out is durable, and never given out twice
 *  E2  EndTxn(commit) is answered NONE only when the transaction is durable with all it covers
 *  E3  no transaction of a producer begins before the markers of its last one are in
 *  E4  a marker that may be lost is written down with each state until it is known to be durable
 *
 * Not here: where markers go and how they are found again (marker-writer.ts).
 */
import { reach } from '../../base/crash-points.ts'
import { StreamError } from '../../base/errors.ts'
import { diskRetryMs, unsettledMarkersMax } from '../../base/limits.ts'
import type { Machine } from '../../base/machine.ts'
import type { KafkaError } from '../../protocol/error-codes.ts'
import type { GroupCoordinator } from '../groups/group-coordinator.ts'
import { damageOf, type InternalLog } from '../internal-log.ts'
import { answerTo } from '../kafka-answers.ts'
import type { BrokerSettings } from '../options.ts'
import type { Partition } from '../topics/partition.ts'
import { offsetsTopic } from '../topics/topic-name.ts'
import { type FindPartition, MarkerWriter } from './marker-writer.ts'
import type { ProducerIds } from './producer-ids.ts'
import { producerEpochMax, type Transaction } from './transaction.ts'
import { TransactionLog } from './transaction-log.ts'
import { endsOf, type LogEnd, notWritten, type Staged, type UnsettledMarker } from './transaction-records.ts'
import { decideStaged, recoverTransactions } from './transaction-recovery.ts'
import { TransactionTable } from './transaction-table.ts'

/** Which producer asks. */
export interface ProducerClaim {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
}

export interface InitResult {
  readonly error: KafkaError
  readonly producerId: number
  readonly producerEpoch: number
}

export interface TransactionRooms {
  readonly machine: Machine
  readonly settings: BrokerSettings
  /** Null when __transaction_state could not be opened: every call then answers COORDINATOR_NOT_AVAILABLE. */
  readonly log: InternalLog | null
  readonly producerIds: ProducerIds
  readonly groups: GroupCoordinator
  readonly find: FindPartition
  readonly coordinatorEpoch: number
}

function failedInit(error: KafkaError): InitResult {
  return { error, producerId: -1, producerEpoch: -1 }
}

export class TransactionCoordinator {
  readonly #rooms: TransactionRooms
  readonly #markers: MarkerWriter
  readonly #table: TransactionTable
  #log: TransactionLog | null
  #failure: StreamError | null = null
  readonly #closing = new AbortController()

  constructor(rooms: TransactionRooms) {
    const { clock } = rooms.machine
    this.#rooms = rooms
    this.#markers = new MarkerWriter(clock, rooms.find, rooms.coordinatorEpoch)
    this.#table = new TransactionTable(clock, (transaction) => void this.#timeOut(transaction))
    this.#log = rooms.log === null ? null : new TransactionLog(rooms.log, clock)
  }

  /** For good, until the broker is opened again. */
  get offline(): boolean {
    return this.#log === null
  }

  get available(): boolean {
    return this.#log !== null && !this.#closing.signal.aborted
  }

  /** Brings back what was known, and ends what was ending: see transaction-recovery.ts. Before groups are loaded. */
  async recover(partitions: Iterable<Partition>, cleanShutdown: boolean): Promise<void> {
    if (this.#log === null) return
    try {
      for (const stored of this.#log.load()) this.#table.restore(stored)
    } catch (error) {
      this.#failure = damageOf(error)
      this.#log = null
      return
    }
    const { clock } = this.#rooms.machine
    const rooms = { clock, table: this.#table, log: this.#log, markers: this.#markers, cleanShutdown }
    await decideStaged(rooms)
    recoverTransactions(rooms, partitions)
  }

  /** Why there are no transactions, when the log could be opened but not read. */
  get failure(): StreamError | null {
    return this.#failure
  }

  // ---- producers

  /** A producer id and epoch; fences whoever had the transactional id before, and ends the transaction it left open. */
  async init(
    transactionalId: string | null,
    timeoutMs: number,
    expected: { producerId: number; producerEpoch: number } | null,
  ): Promise<InitResult> {
    const { producerIds, settings } = this.#rooms
    if (transactionalId === null) {
      return this.#guarded(failedInit, async () => {
        return { error: 'NONE', producerId: await producerIds.take(), producerEpoch: 0 }
      })
    }
    if (transactionalId === '') return failedInit('INVALID_REQUEST')
    if (timeoutMs <= 0 || timeoutMs > settings.transactionTimeoutMsMax) return failedInit('INVALID_TRANSACTION_TIMEOUT')
    if (!this.available) return failedInit('COORDINATOR_NOT_AVAILABLE')
    return this.#guarded(failedInit, async () => {
      const transaction = await this.#find(transactionalId, timeoutMs)
      if (transaction === null) return failedInit('COORDINATOR_NOT_AVAILABLE')
      return transaction.exclusively(() => this.#initExclusively(transaction, timeoutMs, expected))
    })
  }

  async #find(transactionalId: string, timeoutMs: number): Promise<Transaction | null> {
    const known = this.#table.get(transactionalId)
    if (known !== undefined) return known
    if (this.#table.isFull) this.#table.forgetIdle(this.#log!)
    if (this.#table.isFull) return null
    const producerId = await this.#rooms.producerIds.take()
    // Two may ask for a new id at once; the one that comes second finds the first one's.
    return this.#table.get(transactionalId) ?? this.#table.create(transactionalId, producerId, -1, timeoutMs)
  }

  async #initExclusively(
    transaction: Transaction,
    timeoutMs: number,
    expected: { producerId: number; producerEpoch: number } | null,
  ): Promise<InitResult> {
    if (transaction.state === 'Dead') return failedInit('CONCURRENT_TRANSACTIONS')
    const before = transaction.producerEpoch
    if (expected !== null && before >= 0) {
      if (expected.producerId !== transaction.producerId) return failedInit('PRODUCER_FENCED')
      if (expected.producerEpoch !== before) {
        // The answer to its last call was lost: it gets the same one.
        const again = expected.producerEpoch === transaction.lastProducerEpoch && expected.producerEpoch >= 0
        if (!again) return failedInit('PRODUCER_FENCED')
        return { error: 'NONE', producerId: transaction.producerId, producerEpoch: before }
      }
    }
    if (transaction.state === 'Ongoing') {
      transaction.fence()
      await this.#end(transaction, false)
    }
    if (transaction.state === 'PrepareCommit' || transaction.state === 'PrepareAbort') {
      return failedInit('CONCURRENT_TRANSACTIONS')
    }
    transaction.unsettled = await this.#markers.settle(transaction.unsettled)
    await this.#bump(transaction)
    transaction.lastProducerEpoch = expected === null || transaction.producerEpoch === 0 ? -1 : before
    transaction.timeoutMs = timeoutMs
    transaction.startedAtMs = -1
    transaction.become('Empty')
    this.#log!.write(transaction)
    await this.#log!.sync()
    return { error: 'NONE', producerId: transaction.producerId, producerEpoch: transaction.producerEpoch }
  }

  /** E1 */
  async #bump(transaction: Transaction): Promise<void> {
    if (transaction.producerEpoch < producerEpochMax - 1) {
      transaction.producerEpoch++
      return
    }
    const producerId = await this.#rooms.producerIds.take()
    this.#table.replaceProducer(transaction, producerId)
  }

  // ---- a transaction

  /** May this producer append to the partition inside its transaction? */
  verify(producerId: number, producerEpoch: number, topic: string, partition: number): KafkaError {
    if (!this.available) return 'COORDINATOR_NOT_AVAILABLE'
    const transaction = this.#table.ofProducer(producerId)
    if (transaction === undefined) return 'INVALID_PRODUCER_ID_MAPPING'
    if (producerEpoch !== transaction.producerEpoch) return 'INVALID_PRODUCER_EPOCH'
    return transaction.state === 'Ongoing' && transaction.has(topic, partition) ? 'NONE' : 'INVALID_TXN_STATE'
  }

  /** The partitions join the producer's transaction, which begins if it is not open. */
  addPartitions(
    claim: ProducerClaim,
    partitions: readonly { topic: string; partition: number }[],
  ): Promise<KafkaError> {
    return this.#exclusively(claim, (transaction) => {
      if (transaction.state === 'PrepareCommit' || transaction.state === 'PrepareAbort')
        return 'CONCURRENT_TRANSACTIONS'
      const begins = transaction.state !== 'Ongoing'
      const fresh = partitions.filter(({ topic, partition }) => begins || !transaction.has(topic, partition))
      if (fresh.length === 0) return 'NONE'
      const added = begins ? new Map<string, Set<number>>() : copyOf(transaction.partitions)
      for (const { topic, partition } of fresh) added.set(topic, (added.get(topic) ?? new Set()).add(partition))
      const unsettled = this.#markers.unsettled(transaction.unsettled)
      const startedAtMs = begins ? this.#rooms.machine.clock.now() : transaction.startedAtMs
      this.#log!.change(transaction, { state: 'Ongoing', partitions: added, unsettled, startedAtMs })
      if (begins) transaction.deadline.set(transaction.timeoutMs)
      return 'NONE'
    })
  }

  /** Ends the producer's transaction. Asked again after it ended so, answers the same. */
  endTransaction(claim: ProducerClaim, commit: boolean): Promise<KafkaError> {
    return this.#exclusively(claim, (transaction) => {
      switch (transaction.state) {
        case 'Ongoing':
          return this.#end(transaction, commit)
        case 'CompleteCommit':
          return commit ? 'NONE' : 'INVALID_TXN_STATE'
        case 'CompleteAbort':
          return commit ? 'INVALID_TXN_STATE' : 'NONE'
        case 'PrepareCommit':
          return commit ? 'CONCURRENT_TRANSACTIONS' : 'INVALID_TXN_STATE'
        case 'PrepareAbort':
          return commit ? 'INVALID_TXN_STATE' : 'CONCURRENT_TRANSACTIONS'
        case 'Empty':
        case 'Dead':
          return 'INVALID_TXN_STATE'
      }
    })
  }

  #exclusively(
    claim: ProducerClaim,
    run: (transaction: Transaction) => KafkaError | Promise<KafkaError>,
  ): Promise<KafkaError> {
    const failed = (error: KafkaError): KafkaError => error
    return this.#guarded(failed, async () => {
      if (!this.available) return 'COORDINATOR_NOT_AVAILABLE'
      const transaction = this.#table.get(claim.transactionalId)
      if (transaction === undefined) return 'INVALID_PRODUCER_ID_MAPPING'
      return transaction.exclusively(() => {
        if (claim.producerId !== transaction.producerId) return 'INVALID_PRODUCER_ID_MAPPING'
        if (claim.producerEpoch !== transaction.producerEpoch) return 'PRODUCER_FENCED'
        return run(transaction)
      })
    })
  }

  /** What the log refuses, the coordinator cannot do now; a client may ask again. */
  async #guarded<T>(failed: (error: KafkaError) => T, run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      answerTo(error)
      return failed('COORDINATOR_NOT_AVAILABLE')
    }
  }

  /** The steps of the head comment. */
  async #end(transaction: Transaction, commit: boolean): Promise<KafkaError> {
    transaction.deadline.clear()
    transaction.become(commit ? 'PrepareCommit' : 'PrepareAbort') // 1
    const decided = commit ? await this.#prepareCommit(transaction) : await this.#prepareAbort(transaction) // 2, 3
    if (decided === null) return 'TRANSACTION_ABORTABLE'
    await this.#writeMarkers(transaction, decided) // 4
    await this.#insist(() => this.#log!.complete(transaction)) // 5
    reach('transaction.complete.leave')
    return 'NONE'
  }

  /** Returns the markers to write. */
  async #prepareAbort(transaction: Transaction): Promise<readonly UnsettledMarker[]> {
    const earlier = await this.#earlierMarkers(transaction)
    const own = this.#markersOf(transaction, false)
    transaction.unsettled = [...earlier, ...own]
    await this.#insist(() => this.#log!.write(transaction))
    transaction.unsettled = earlier
    return own
  }

  /** The same; null: something cannot be made durable, so the transaction cannot commit and is open again. */
  async #prepareCommit(transaction: Transaction): Promise<readonly UnsettledMarker[] | null> {
    const own = this.#markersOf(transaction, true)
    const staged = { markers: own, inputs: this.#inputsOf(transaction) }
    const ends = endsOf(staged)
    if (ends.some((end) => this.#markers.partitionOf(end)?.online === null)) {
      this.#reopen(transaction)
      return null
    }
    reach('transaction.prepare.enter')
    const settling = this.#markers.settle(transaction.unsettled)
    const covering = this.#syncCovered(ends)
    const [covered, unsettled] = await Promise.all([covering, settling, this.#writeStaged(transaction, staged)])
    transaction.unsettled = unsettled
    if (!covered) {
      this.#reopen(transaction)
      // What was written must not count later, when what is missing may seem to be there.
      await this.#insist(() => this.#log!.write(transaction))
      await this.#log!.sync()
      return null
    }
    reach('transaction.prepare.leave')
    return own
  }

  async #writeStaged(transaction: Transaction, staged: Staged): Promise<void> {
    await this.#insist(() => this.#log!.write(transaction, staged))
    await this.#log!.sync()
  }

  #reopen(transaction: Transaction): void {
    transaction.become('Ongoing')
    const endMs = transaction.startedAtMs + transaction.timeoutMs
    transaction.deadline.set(Math.max(0, endMs - this.#rooms.machine.clock.now()))
  }

  #markersOf(transaction: Transaction, commit: boolean): UnsettledMarker[] {
    return transaction.markers(commit, (topic, partition) => {
      return this.#markers.placeOf(topic, partition, transaction.producerId)
    })
  }

  /** Those of the last transactions that may still be lost. Aborts do not sync, so many in a row would pile them up. */
  async #earlierMarkers(transaction: Transaction): Promise<readonly UnsettledMarker[]> {
    const left = this.#markers.unsettled(transaction.unsettled)
    return left.length < unsettledMarkersMax ? left : this.#markers.settle(left)
  }

  /** K2 of group-coordinator.ts. An offset may point behind the end: of what is not there nothing is asked. */
  #inputsOf({ producerId }: Transaction): LogEnd[] {
    return this.#rooms.groups.pendingInputs(producerId).flatMap(({ topic, partition, offset }) => {
      const found = this.#rooms.find(topic, partition)
      if (found === null) return []
      const end = Math.min(offset, found.online?.endOffset ?? offset)
      return [{ topic, partition, topicId: found.topicId, offset: end }]
    })
  }

  /** E2. False: something cannot be made durable. */
  async #syncCovered(ends: readonly LogEnd[]): Promise<boolean> {
    const syncs: Promise<void>[] = []
    for (const end of ends) {
      const log = this.#markers.partitionOf(end)?.online
      if (log != null) syncs.push(log.syncBefore(end.offset))
    }
    const results = await Promise.allSettled(syncs)
    for (const result of results) if (result.status === 'rejected') answerTo(result.reason)
    return results.every((result) => result.status === 'fulfilled')
  }

  async #writeMarkers(transaction: Transaction, markers: readonly UnsettledMarker[]): Promise<void> {
    reach('transaction.markers.enter')
    const written: UnsettledMarker[] = []
    let done = 0
    await this.#insist(() => {
      for (; done < markers.length; done++) {
        if (done > 0) reach('transaction.markers.between')
        const marker = markers[done]!
        const result = this.#markers.write(marker)
        if (result !== null) written.push(result)
        if (marker.topic === offsetsTopic && result !== null && result.offset !== notWritten) {
          this.#rooms.groups.finishTransaction(marker.producerId, marker.commit)
        }
      }
    })
    transaction.unsettled = [...transaction.unsettled, ...written]
    reach('transaction.markers.leave')
  }

  /** What must be written is written as soon as the disk takes it; only the end of the broker, or of the log, stops it. */
  async #insist(write: () => void): Promise<void> {
    for (;;) {
      try {
        return write()
      } catch (error) {
        const again = StreamError.is(error, 'DISK_FULL') || StreamError.is(error, 'DISK_FAILED')
        if (!again || this.#closing.signal.aborted) throw error
        await this.#rooms.machine.clock.sleep(diskRetryMs, this.#closing.signal)
      }
    }
  }

  async #timeOut(transaction: Transaction): Promise<void> {
    await this.#guarded(
      () => undefined,
      () =>
        transaction.exclusively(async () => {
          // Meanwhile it may have ended, and the next one begun.
          if (!this.available || transaction.state !== 'Ongoing' || transaction.deadline.isSet) return
          transaction.fence()
          await this.#end(transaction, false)
        }),
    )
  }

  /** A deleted topic is in no transaction any more. */
  forgetTopic(topic: string): void {
    for (const transaction of this.#table.all()) {
      transaction.partitions.delete(topic)
      transaction.unsettled = transaction.unsettled.filter((marker) => marker.topic !== topic)
    }
  }

  /** Open transactions stay as they are. What is ending ends first, but nothing waits for room on the disk any more. */
  async close(): Promise<void> {
    this.#closing.abort()
    const ending: Promise<void>[] = []
    for (const transaction of this.#table.all()) {
      transaction.deadline.clear()
      if (transaction.isBusy) ending.push(transaction.exclusively(() => {}))
    }
    await Promise.all(ending)
  }
}

function copyOf(partitions: ReadonlyMap<string, ReadonlySet<number>>): Map<string, Set<number>> {
  return new Map([...partitions].map(([topic, indexes]) => [topic, new Set(indexes)]))
}
