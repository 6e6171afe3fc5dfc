/**
 * What a consumer knows of its partitions: where it is, whether it is paused, what is fetched and not yet read.
 *
 * Laws
 *  V1  a position moves when records are handed to the caller, by seek, and by nothing else
 *  V2  an answer to a fetch counts only while the partition is as it was when it was asked: `version` changes with each
 *      seek, reset and new assignment
 *  V3  what is fetched and not yet read is at most one answer for each partition
 */
import { StreamError } from '../../base/errors.ts'
import { nameOf, type TopicPartition } from '../topic-partition.ts'

/** A part of a fetched buffer, ready to be read. */
export interface FetchedPartition extends TopicPartition {
  readonly buffer: Buffer
  /** Where the batches to read begin in `buffer`; control batches and aborted ones are left out already. */
  readonly batches: readonly number[]
  /** Records below this offset, in the first batch, are to be skipped. */
  readonly firstOffset: number
  /** The consumer's position after this. */
  readonly nextOffset: number
  /** Where the partition ended then, for this isolation level. */
  readonly endOffset: number
  /** Of the last batch; -1: unknown. */
  readonly leaderEpoch: number
}

export type ResetPolicy = 'earliest' | 'latest' | 'none'

export class PartitionState implements TopicPartition {
  readonly topic: string
  readonly partition: number
  /** The next offset to read; -1: not known yet. */
  position = -1
  /** Of the last record read; -1: unknown. */
  leaderEpoch = -1
  /** Where the partition ends, as far as known; -1: unknown. */
  endOffset = -1
  paused: boolean = false
  /** How to find a position: the committed offset first, or an end of the log. */
  reset: 'committed' | 'earliest' | 'latest' = 'committed'
  fetched: FetchedPartition | null = null
  fetching: boolean = false
  /** Nothing is asked before a pause is over: the last answer was an error. */
  waiting: boolean = false
  version = 0

  constructor({ topic, partition }: TopicPartition) {
    this.topic = topic
    this.partition = partition
  }

  seek(offset: number, leaderEpoch: number): void {
    this.position = offset
    this.leaderEpoch = leaderEpoch
    this.#forgetFetched()
  }

  findPosition(reset: 'committed' | 'earliest' | 'latest'): void {
    this.position = -1
    this.leaderEpoch = -1
    this.reset = reset
    this.#forgetFetched()
  }

  #forgetFetched(): void {
    this.fetched = null
    this.fetching = false
    this.version++
  }

  /** V1: hands over what is fetched. */
  take(): FetchedPartition | null {
    const { fetched } = this
    if (fetched === null || this.paused) return null
    this.fetched = null
    this.position = fetched.nextOffset
    if (fetched.leaderEpoch >= 0) this.leaderEpoch = fetched.leaderEpoch
    return fetched
  }
}

export class PartitionStates {
  readonly #states = new Map<string, PartitionState>()

  all(): IterableIterator<PartitionState> {
    return this.#states.values()
  }

  /** From now on these and no others. Those that were there already go on where they are. */
  assign(partitions: readonly TopicPartition[]): void {
    const kept = new Map(partitions.map((at) => [nameOf(at), this.#states.get(nameOf(at)) ?? new PartitionState(at)]))
    for (const [name, state] of this.#states) if (!kept.has(name)) state.version++
    this.#states.clear()
    for (const [name, state] of kept) this.#states.set(name, state)
  }

  find(at: TopicPartition): PartitionState | undefined {
    return this.#states.get(nameOf(at))
  }

  get(at: TopicPartition): PartitionState {
    const state = this.find(at)
    if (state === undefined) {
      throw new StreamError(
        'CONFIG_INVALID',
        `${nameOf(at)} is not assigned to this consumer; assign it, or wait for the group`,
      )
    }
    return state
  }
}
