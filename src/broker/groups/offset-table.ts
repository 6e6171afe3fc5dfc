import type { OffsetValue } from './group-records.ts'

/** A committed offset and where its record stands: of two commits the later record counts. */
export interface CommittedOffset extends OffsetValue {
  readonly recordOffset: number
}

type ByPartition = Map<string, Map<number, CommittedOffset>>

/**
 * The offsets of one group: committed ones, and those of transactions that are still open.
 *
 * Laws
 *  O1  a pending offset becomes a committed one only by its producer's commit
 *  O2  a commit whose record stands before the one known changes nothing
 */
export class OffsetTable {
  readonly #committed: ByPartition = new Map()
  readonly #pending = new Map<number, ByPartition>()

  get isEmpty(): boolean {
    return this.#committed.size === 0 && this.#pending.size === 0
  }

  get(topic: string, partition: number): CommittedOffset | undefined {
    return this.#committed.get(topic)?.get(partition)
  }

  commit(topic: string, partition: number, value: CommittedOffset): void {
    const known = this.get(topic, partition)
    if (known !== undefined && known.recordOffset > value.recordOffset) return
    put(this.#committed, topic, partition, value)
  }

  /** A tombstone: nothing is known of this partition any more, nor will an open transaction bring it back. */
  remove(topic: string, partition: number): void {
    drop(this.#committed, topic, partition)
    for (const offsets of this.#pending.values()) drop(offsets, topic, partition)
  }

  addPending(producerId: number, topic: string, partition: number, value: CommittedOffset): void {
    let offsets = this.#pending.get(producerId)
    if (offsets === undefined) {
      offsets = new Map()
      this.#pending.set(producerId, offsets)
    }
    put(offsets, topic, partition, value)
  }

  /** Would a commit of an open transaction change this offset? */
  isUnstable(topic: string, partition: number): boolean {
    for (const offsets of this.#pending.values()) if (offsets.get(topic)?.has(partition)) return true
    return false
  }

  pendingOf(producerId: number): { topic: string; partition: number; offset: number }[] {
    const pending = [...walk(this.#pending.get(producerId))]
    return pending.map(({ topic, partition, value }) => ({ topic, partition, offset: value.offset }))
  }

  /** The producer's transaction has ended. */
  finish(producerId: number, commit: boolean): void {
    if (commit) {
      for (const { topic, partition, value } of walk(this.#pending.get(producerId)))
        this.commit(topic, partition, value)
    }
    this.#pending.delete(producerId)
  }

  /** The partitions of this topic with an offset, committed or pending. */
  partitionsOf(topic: string): number[] {
    const partitions = new Set(this.#committed.get(topic)?.keys())
    for (const offsets of this.#pending.values()) {
      for (const partition of offsets.get(topic)?.keys() ?? []) partitions.add(partition)
    }
    return [...partitions]
  }

  committed(): Generator<{ topic: string; partition: number; value: CommittedOffset }> {
    return walk(this.#committed)
  }

  /** Partitions that only an open transaction has an offset for. */
  *pendingPartitions(): Generator<{ topic: string; partition: number }> {
    for (const offsets of this.#pending.values()) yield* walk(offsets)
  }
}

function put(offsets: ByPartition, topic: string, partition: number, value: CommittedOffset): void {
  let partitions = offsets.get(topic)
  if (partitions === undefined) {
    partitions = new Map()
    offsets.set(topic, partitions)
  }
  partitions.set(partition, value)
}

function drop(offsets: ByPartition, topic: string, partition: number): void {
  const partitions = offsets.get(topic)
  partitions?.delete(partition)
  if (partitions?.size === 0) offsets.delete(topic)
}

function* walk(
  offsets: ByPartition | undefined,
): Generator<{ topic: string; partition: number; value: CommittedOffset }> {
  if (offsets === undefined) return
  for (const [topic, partitions] of offsets) {
    for (const [partition, value] of partitions) yield { topic, partition, value }
  }
}
