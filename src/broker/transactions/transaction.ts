import { assert } from '../../base/assert.ts'
import { deferred } from '../../base/deferred.ts'
import { step } from '../../base/state-table.ts'
import type { Deadline } from '../deadline.ts'
import type { MarkerPlace, Staged, StoredTransaction, UnsettledMarker } from './transaction-records.ts'
import { type TransactionState, transactionStates } from './transaction-states.ts'

/** The largest epoch of a producer id; the one below it is the last that a client is given. */
export const producerEpochMax = 0x7fff

/**
 * What is known of one transactional id. The rules are in transaction-coordinator.ts; here is the state, and the queue
 * that lets one operation run at a time.
 *
 * Laws
 *  X1  every change of state is an arrow of transaction-states.ts
 *  X2  one operation at a time; the next waits, it is not refused
 */
export class Transaction {
  readonly transactionalId: string
  readonly deadline: Deadline
  producerId: number
  producerEpoch: number
  /** The epoch before the last bump that the client asked for itself: it may ask again with it. -1: none. */
  lastProducerEpoch = -1
  timeoutMs: number
  partitions = new Map<string, Set<number>>()
  unsettled: readonly UnsettledMarker[] = []
  staged: Staged | null = null
  startedAtMs = -1
  updatedAtMs = -1
  #state: TransactionState = 'Empty'
  #busy: Promise<void> | null = null

  constructor(
    transactionalId: string,
    producerId: number,
    producerEpoch: number,
    timeoutMs: number,
    deadline: Deadline,
  ) {
    this.transactionalId = transactionalId
    this.producerId = producerId
    this.producerEpoch = producerEpoch
    this.timeoutMs = timeoutMs
    this.deadline = deadline
  }

  get state(): TransactionState {
    return this.#state
  }

  /** X1 */
  become(state: TransactionState): void {
    this.#state = step<TransactionState>(transactionStates, this.#state, state)
  }

  get isBusy(): boolean {
    return this.#busy !== null
  }

  /** Whoever has the present epoch can do nothing more. */
  fence(): void {
    if (this.producerEpoch < producerEpochMax) this.producerEpoch++
    this.lastProducerEpoch = -1
  }

  /** The markers that end it. `placeOf` says where they belong. */
  markers(commit: boolean, placeOf: (topic: string, partition: number) => MarkerPlace): UnsettledMarker[] {
    const { producerId, producerEpoch } = this
    const markers: UnsettledMarker[] = []
    for (const { topic, partition } of this.eachPartition()) {
      markers.push({ ...placeOf(topic, partition), topic, partition, producerId, producerEpoch, commit })
    }
    return markers
  }

  /** X2: runs at once when nothing else does. */
  async exclusively<T>(run: () => T | Promise<T>): Promise<T> {
    while (this.#busy !== null) await this.#busy
    const done = deferred()
    this.#busy = done.promise
    try {
      return await run()
    } finally {
      this.#busy = null
      done.resolve()
    }
  }

  has(topic: string, partition: number): boolean {
    return this.partitions.get(topic)?.has(partition) === true
  }

  /** Returns whether it is new to the transaction. */
  add(topic: string, partition: number): boolean {
    let indexes = this.partitions.get(topic)
    if (indexes === undefined) {
      indexes = new Set()
      this.partitions.set(topic, indexes)
    }
    if (indexes.has(partition)) return false
    indexes.add(partition)
    return true
  }

  *eachPartition(): Generator<{ topic: string; partition: number }> {
    for (const [topic, indexes] of this.partitions) for (const partition of indexes) yield { topic, partition }
  }

  toStored(): StoredTransaction {
    return {
      transactionalId: this.transactionalId,
      producerId: this.producerId,
      producerEpoch: this.producerEpoch,
      lastProducerEpoch: this.lastProducerEpoch,
      timeoutMs: this.timeoutMs,
      state: this.#state,
      partitions: this.partitions,
      updatedAtMs: this.updatedAtMs,
      startedAtMs: this.startedAtMs,
      unsettled: this.unsettled,
      staged: this.staged,
    }
  }

  restore(stored: StoredTransaction): void {
    assert(this.#state === 'Empty', 'a transaction is restored once, before it serves')
    this.lastProducerEpoch = stored.lastProducerEpoch
    this.partitions = new Map([...stored.partitions].map(([topic, indexes]) => [topic, new Set(indexes)]))
    this.unsettled = stored.unsettled
    this.staged = stored.staged
    this.startedAtMs = stored.startedAtMs
    this.updatedAtMs = stored.updatedAtMs
    this.#state = stored.state
  }
}
