import { assert } from '../base/assert.ts'
import { StreamError } from '../base/errors.ts'
import { duplicateBatchesKept, producersPerPartitionMax } from '../base/limits.ts'

const sequenceMax = 0x7fffffff

/** The sequence that stands `count` after `sequence`: after 2^31 - 1 comes 0. */
export function sequenceAfter(sequence: number, count: number): number {
  const next = sequence + count
  return next > sequenceMax ? next - sequenceMax - 1 : next
}

export interface SequencedBatch {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
  readonly lastOffset: number
  readonly timestampMs: number
}

/** What a partition knows of one idempotent producer. */
export class ProducerEntry {
  readonly producerId: number
  epoch: number
  /** The last `duplicateBatchesKept` batches of this epoch, oldest first. */
  batches: SequencedBatch[] = []
  /** -1: no marker was seen. */
  coordinatorEpoch = -1
  /** When it last wrote, by our clock: old record timestamps must not expire a living producer. */
  lastSeenMs: number
  /** -1: no transaction is open. */
  transactionFirstOffset = -1

  constructor(producerId: number, epoch: number, lastSeenMs: number) {
    this.producerId = producerId
    this.epoch = epoch
    this.lastSeenMs = lastSeenMs
  }

  get lastSequence(): number {
    return this.batches.length === 0 ? -1 : this.batches[this.batches.length - 1]!.lastSequence
  }

  adopt(epoch: number): void {
    if (epoch === this.epoch) return
    this.epoch = epoch
    this.batches = []
  }
}

export interface OpenTransaction {
  readonly producerId: number
  readonly epoch: number
  readonly transactionFirstOffset: number
}

export interface CompletedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  /** Of the marker. */
  readonly lastOffset: number
  /** The first offset that is still undecided after it. */
  readonly lastStableOffset: number
}

/**
 * The idempotent and transactional producers of one partition.
 *
 * `check…` decides and changes nothing; `apply…` records what is in the log and decides nothing. Recovery only applies.
 *
 * Laws
 *  P1  within an epoch the sequences of a producer follow each other without a hole
 *  P2  `firstUnstableOffset` is the first offset of the earliest open transaction, -1 when none is open
 *  P3  an epoch never goes down
 */
export class ProducerState {
  readonly #producers = new Map<number, ProducerEntry>()
  /** Those with an open transaction, by producer id. They begin in offset order, so the first one is the earliest. */
  readonly #open = new Map<number, ProducerEntry>()
  #firstUnstable = -1

  get size(): number {
    return this.#producers.size
  }

  get firstUnstableOffset(): number {
    return this.#firstUnstable
  }

  /** By producer id; whatever is applied later shows in it. */
  get openTransactions(): ReadonlyMap<number, OpenTransaction> {
    return this.#open
  }

  entries(): Iterable<ProducerEntry> {
    return this.#producers.values()
  }

  get(producerId: number): ProducerEntry | undefined {
    return this.#producers.get(producerId)
  }

  /** Returns the batch that this one repeats, or null when it is new and may be appended. */
  checkBatch(
    producerId: number,
    epoch: number,
    firstSequence: number,
    recordCount: number,
    transactional: boolean,
  ): SequencedBatch | null {
    const entry = this.#producers.get(producerId)
    if (entry === undefined) return null
    this.#checkEpoch(entry, epoch)
    // What a coordinator writes inside a transaction has no sequence.
    if (firstSequence < 0) return null
    if (epoch === entry.epoch) {
      const lastSequence = sequenceAfter(firstSequence, recordCount - 1)
      for (const batch of entry.batches) {
        if (batch.firstSequence === firstSequence && batch.lastSequence === lastSequence) return batch
      }
    }
    const expected = epoch !== entry.epoch || entry.batches.length === 0 ? 0 : sequenceAfter(entry.lastSequence, 1)
    if (firstSequence !== expected) {
      throw new StreamError(
        'OUT_OF_ORDER_SEQUENCE',
        `producer ${producerId} epoch ${epoch} sent sequence ${firstSequence}, ${expected} is next; batches before it are missing, abort and begin again`,
      )
    }
    if (entry.transactionFirstOffset >= 0 && !transactional) {
      throw new StreamError(
        'TRANSACTION_STATE_INVALID',
        `producer ${producerId} has an open transaction and sent a batch outside of it; end the transaction first`,
      )
    }
    return null
  }

  checkMarker(producerId: number, epoch: number, coordinatorEpoch: number): void {
    const entry = this.#producers.get(producerId)
    if (entry === undefined) return
    this.#checkEpoch(entry, epoch)
    if (coordinatorEpoch < entry.coordinatorEpoch) {
      throw new StreamError(
        'PRODUCER_FENCED',
        `a marker of coordinator epoch ${coordinatorEpoch} came after one of ${entry.coordinatorEpoch}; its coordinator was replaced`,
      )
    }
  }

  #checkEpoch(entry: ProducerEntry, epoch: number): void {
    if (epoch >= entry.epoch) return
    throw new StreamError(
      'PRODUCER_FENCED',
      `producer ${entry.producerId} has epoch ${epoch}, a newer one has ${entry.epoch}; only the newest may write`,
    )
  }

  applyBatch(producerId: number, epoch: number, batch: SequencedBatch, transactional: boolean, nowMs: number): void {
    const entry = this.#enter(producerId, epoch, nowMs)
    assert(epoch >= entry.epoch, 'P3: an epoch never goes down')
    entry.adopt(epoch)
    if (batch.firstSequence >= 0) {
      if (entry.batches.length === duplicateBatchesKept) entry.batches.shift()
      entry.batches.push(batch)
    }
    if (transactional && entry.transactionFirstOffset < 0) this.#begin(entry, batch.baseOffset)
  }

  /** Ends the open transaction of the producer; null when it has none: then a marker changes nothing but the epochs. */
  applyMarker(
    producerId: number,
    epoch: number,
    coordinatorEpoch: number,
    offset: number,
    nowMs: number,
  ): CompletedTransaction | null {
    const entry = this.#enter(producerId, epoch, nowMs)
    assert(epoch >= entry.epoch, 'P3: an epoch never goes down')
    entry.adopt(epoch)
    entry.coordinatorEpoch = coordinatorEpoch
    const firstOffset = entry.transactionFirstOffset
    if (firstOffset < 0) return null
    entry.transactionFirstOffset = -1
    this.#open.delete(producerId)
    this.#refreshUnstable()
    return {
      producerId,
      firstOffset,
      lastOffset: offset,
      lastStableOffset: this.#firstUnstable < 0 ? offset + 1 : this.#firstUnstable,
    }
  }

  /** Takes entries from a snapshot in; the state is empty before. */
  restore(entries: readonly ProducerEntry[]): void {
    assert(this.#producers.size === 0, 'a snapshot is the first thing a producer state takes in')
    for (const entry of entries) this.#producers.set(entry.producerId, entry)
    const open = entries.filter((entry) => entry.transactionFirstOffset >= 0)
    for (const entry of open.sort((a, b) => a.transactionFirstOffset - b.transactionFirstOffset)) {
      this.#open.set(entry.producerId, entry)
    }
    this.#refreshUnstable()
  }

  /** Forgets producers that have been silent since `beforeMs` and have no transaction open. */
  expire(beforeMs: number): void {
    for (const entry of this.#producers.values()) {
      if (entry.transactionFirstOffset < 0 && entry.lastSeenMs < beforeMs) this.#producers.delete(entry.producerId)
    }
  }

  #enter(producerId: number, epoch: number, nowMs: number): ProducerEntry {
    let entry = this.#producers.get(producerId)
    if (entry === undefined) {
      if (this.#producers.size >= producersPerPartitionMax) this.#forgetSilent()
      entry = new ProducerEntry(producerId, epoch, nowMs)
      this.#producers.set(producerId, entry)
    }
    entry.lastSeenMs = nowMs
    return entry
  }

  /** Makes room: a tenth at a time, so that the sort is rare. */
  #forgetSilent(): void {
    const silent = [...this.#producers.values()].filter((entry) => entry.transactionFirstOffset < 0)
    silent.sort((a, b) => a.lastSeenMs - b.lastSeenMs)
    for (const entry of silent.slice(0, Math.ceil(producersPerPartitionMax / 10)))
      this.#producers.delete(entry.producerId)
  }

  #begin(entry: ProducerEntry, offset: number): void {
    entry.transactionFirstOffset = offset
    this.#open.set(entry.producerId, entry)
    this.#refreshUnstable()
  }

  #refreshUnstable(): void {
    this.#firstUnstable = -1
    for (const first of this.#open.values()) {
      this.#firstUnstable = first.transactionFirstOffset
      break
    }
  }
}
