import type { Clock } from '../../base/clock.ts'
import type { InternalLog } from '../internal-log.ts'
import type { Transaction } from './transaction.ts'
import {
  decodeTransaction,
  decodeTransactionKey,
  encodeTombstone,
  encodeTransaction,
  type Staged,
  type StoredTransaction,
} from './transaction-records.ts'

/**
 * The states of transactions as they are written to __transaction_state.
 *
 * Law
 *  L1  a change is written before it is made: what the log refuses has not happened
 */
export class TransactionLog {
  readonly #log: InternalLog
  readonly #clock: Clock

  constructor(log: InternalLog, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  /** The latest state of each transactional id. */
  load(): StoredTransaction[] {
    const latest = new Map<string, Buffer | null>()
    this.#log.replay({
      record: (key, value) => void latest.set(decodeTransactionKey(key), value),
      marker: () => undefined,
    })
    const stored: StoredTransaction[] = []
    for (const [transactionalId, value] of latest) {
      if (value !== null) stored.push(decodeTransaction(transactionalId, value))
    }
    return stored
  }

  /** `staged`: what the state rests on that the disk has not got yet. */
  write(transaction: Transaction, staged: Staged | null = null): void {
    transaction.updatedAtMs = this.#clock.now()
    this.#log.append([encodeTransaction({ ...transaction.toStored(), staged })])
  }

  /** L1 */
  change(
    transaction: Transaction,
    next: Pick<StoredTransaction, 'state' | 'unsettled' | 'startedAtMs'> & { partitions: Map<string, Set<number>> },
  ): void {
    const updatedAtMs = this.#clock.now()
    this.#log.append([encodeTransaction({ ...transaction.toStored(), ...next, updatedAtMs })])
    if (next.state !== transaction.state) transaction.become(next.state)
    transaction.partitions = next.partitions
    transaction.unsettled = next.unsettled
    transaction.startedAtMs = next.startedAtMs
    transaction.updatedAtMs = updatedAtMs
  }

  /** All markers are in. */
  complete(transaction: Transaction): void {
    const { unsettled, startedAtMs } = transaction
    const state = transaction.state === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort'
    this.change(transaction, { state, partitions: new Map(), unsettled, startedAtMs })
  }

  forget(transaction: Transaction): void {
    this.#log.append([encodeTombstone(transaction.transactionalId)])
    transaction.become('Dead')
  }

  sync(): Promise<void> {
    return this.#log.sync()
  }
}
