import type { Clock } from '../../base/clock.ts'
import { transactionalIdIdleMsMax, transactionalIdsMax } from '../../base/limits.ts'
import { Deadline } from '../deadline.ts'
import { Transaction } from './transaction.ts'
import type { TransactionLog } from './transaction-log.ts'
import type { StoredTransaction } from './transaction-records.ts'

/** The transactional ids there are, also by the producer id each one has now. */
export class TransactionTable {
  readonly #clock: Clock
  readonly #timedOut: (transaction: Transaction) => void
  readonly #byId = new Map<string, Transaction>()
  readonly #byProducer = new Map<number, Transaction>()

  constructor(clock: Clock, timedOut: (transaction: Transaction) => void) {
    this.#clock = clock
    this.#timedOut = timedOut
  }

  get(transactionalId: string): Transaction | undefined {
    return this.#byId.get(transactionalId)
  }

  ofProducer(producerId: number): Transaction | undefined {
    return this.#byProducer.get(producerId)
  }

  all(): Iterable<Transaction> {
    return this.#byId.values()
  }

  get isFull(): boolean {
    return this.#byId.size >= transactionalIdsMax
  }

  create(transactionalId: string, producerId: number, producerEpoch: number, timeoutMs: number): Transaction {
    const deadline = new Deadline(this.#clock, () => this.#timedOut(transaction))
    const transaction = new Transaction(transactionalId, producerId, producerEpoch, timeoutMs, deadline)
    this.#byId.set(transactionalId, transaction)
    this.#byProducer.set(producerId, transaction)
    return transaction
  }

  restore(stored: StoredTransaction): void {
    const { transactionalId, producerId, producerEpoch, timeoutMs } = stored
    this.create(transactionalId, producerId, producerEpoch, timeoutMs).restore(stored)
  }

  /** Its producer id is used up. */
  replaceProducer(transaction: Transaction, producerId: number): void {
    this.#byProducer.delete(transaction.producerId)
    transaction.producerId = producerId
    transaction.producerEpoch = 0
    this.#byProducer.set(producerId, transaction)
  }

  /** Ids that nobody used for a week make room. */
  forgetIdle(log: TransactionLog): void {
    const oldestMs = this.#clock.now() - transactionalIdIdleMsMax
    for (const transaction of this.#byId.values()) {
      const { state, updatedAtMs } = transaction
      const ended = state === 'Empty' || state === 'CompleteCommit' || state === 'CompleteAbort'
      if (!ended || transaction.isBusy || updatedAtMs > oldestMs || transaction.unsettled.length > 0) continue
      log.forget(transaction)
      this.#byId.delete(transaction.transactionalId)
      this.#byProducer.delete(transaction.producerId)
    }
  }
}
