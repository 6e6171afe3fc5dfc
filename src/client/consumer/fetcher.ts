/**
 * Fetches ahead: while the caller reads what it was handed, the next answer is on its way.
 *
 * Laws
 *  E1  a partition is in one fetch at a time, and not while something of it is fetched and unread (V3)
 *  E2  usually one fetch covers all partitions; one that became ready while it waits is fetched for itself, at most
 *      `fetchesInFlightMax` at a time
 */
import { StreamError } from '../../base/errors.ts'
import { fetchesInFlightMax } from '../../base/limits.ts'
import type { RequestOf, ResponseOf } from '../../protocol/api.ts'
import { codeToName, kafkaErrors } from '../../protocol/error-codes.ts'
import { brokerError, isRetriable } from '../broker-error.ts'
import type { Caller } from '../caller.ts'
import type { Isolation } from '../list-offsets.ts'
import type { Metadata } from '../metadata.ts'
import { byTopic, nameOf } from '../topic-partition.ts'
import { filterBatches } from './batch-filter.ts'
import type { FetchedPartition, PartitionState, PartitionStates, ResetPolicy } from './partition-state.ts'

export interface FetcherOptions {
  readonly isolation: Isolation
  readonly autoOffsetReset: ResetPolicy
  readonly fetchWaitMs: number
  readonly fetchMinBytes: number
  readonly fetchBytesMax: number
  readonly partitionBytesMax: number
  readonly topicLookupTimeoutMs: number
}

type PartitionAnswer = ResponseOf<'Fetch'>['responses'][number]['partitions'][number]

interface Asked {
  readonly state: PartitionState
  readonly version: number
}

const emptyBuffer = Buffer.alloc(0)
const errorPauseMs = 50

/** The partition's state is not what we thought: look its topic up and ask again. */
const stale: ReadonlySet<string> = new Set(['FENCED_LEADER_EPOCH', 'UNKNOWN_LEADER_EPOCH', 'INCONSISTENT_TOPIC_ID'])

export class Fetcher {
  readonly #caller: Caller
  readonly #metadata: Metadata
  readonly #states: PartitionStates
  readonly #options: FetcherOptions
  readonly #onChange: () => void
  #inFlight = 0
  #looking: boolean = false
  #turn = 0
  #error: unknown = null
  #learned: boolean = false

  constructor(
    caller: Caller,
    metadata: Metadata,
    states: PartitionStates,
    options: FetcherOptions,
    onChange: () => void,
  ) {
    this.#caller = caller
    this.#metadata = metadata
    this.#states = states
    this.#options = options
    this.#onChange = onChange
  }

  /** Hands over all that is fetched of partitions that are not paused. Throws what went wrong since the last call. */
  take(): FetchedPartition[] {
    if (this.#error !== null) {
      const error = this.#error
      this.#error = null
      throw error
    }
    const taken: FetchedPartition[] = []
    for (const state of this.#states.all()) {
      const fetched = state.take()
      if (fetched !== null) taken.push(fetched)
    }
    return taken
  }

  /** Has the end of some partition become known since the last call? */
  learned(): boolean {
    const learned = this.#learned
    this.#learned = false
    return learned
  }

  /** Asks for more, where more may be had. */
  send(): void {
    if (this.#inFlight >= fetchesInFlightMax || this.#caller.closed) return
    const wanted: PartitionState[] = []
    for (const state of this.#states.all()) {
      if (state.position >= 0 && !state.paused && state.fetched === null && !state.fetching && !state.waiting) {
        wanted.push(state)
      }
    }
    if (wanted.length === 0) return
    const known = wanted.filter((state) => this.#metadata.has(state))
    if (known.length < wanted.length) this.#lookUp(wanted.filter((state) => !this.#metadata.has(state)))
    if (known.length > 0) this.#fetch(known)
  }

  #lookUp(states: readonly PartitionState[]): void {
    if (this.#looking) return
    this.#looking = true
    const topics = states.map((state) => state.topic)
    for (const topic of topics) this.#metadata.forget(topic)
    void this.#metadata
      .ensure(topics, this.#options.topicLookupTimeoutMs)
      .then(() => {
        const missing = states.find((state) => !this.#metadata.has(state))
        if (missing === undefined) return
        this.#pause(missing)
        throw brokerError(kafkaErrors.UNKNOWN_TOPIC_OR_PARTITION.code, `fetch ${nameOf(missing)}`)
      })
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#looking = false
        this.#onChange()
      })
  }

  #fetch(states: PartitionState[]): void {
    // Each time another partition stands first, so that none starves when the answer is full.
    const turn = this.#turn++ % states.length
    const ordered = turn === 0 ? states : [...states.slice(turn), ...states.slice(0, turn)]
    const asked = new Map<string, Asked>()
    for (const state of ordered) {
      state.fetching = true
      asked.set(nameOf(state), { state, version: state.version })
    }
    this.#inFlight++
    // Where a partition ends is known from the first answer: that one does not wait for data.
    const waitMs = ordered.some((state) => state.endOffset < 0) ? 0 : this.#options.fetchWaitMs
    void this.#caller
      .request('Fetch', this.#body(ordered, waitMs), waitMs + this.#caller.requestTimeoutMs)
      .then(
        (response) => this.#answered(asked, response),
        (error: unknown) => {
          if (!this.#caller.isTransient(error)) this.#failed(error)
          for (const { state, version } of asked.values()) if (state.version === version) this.#pause(state)
        },
      )
      .finally(() => {
        this.#inFlight--
        for (const { state, version } of asked.values()) if (state.version === version) state.fetching = false
        this.#onChange()
      })
  }

  #body(states: readonly PartitionState[], maxWaitMs: number): RequestOf<'Fetch'> {
    const { isolation, fetchMinBytes, fetchBytesMax, partitionBytesMax } = this.#options
    return {
      replicaId: -1,
      maxWaitMs,
      minBytes: fetchMinBytes,
      maxBytes: fetchBytesMax,
      isolationLevel: isolation === 'readCommitted' ? 1 : 0,
      sessionId: 0,
      sessionEpoch: -1,
      topics: [...byTopic(states)].map(([topic, list]) => {
        const { topicId, leaderEpochs } = this.#metadata.get(topic)!
        const partitions = list.map(({ partition, position }) => ({
          partition,
          currentLeaderEpoch: leaderEpochs[partition] ?? -1,
          fetchOffset: position,
          lastFetchedEpoch: -1,
          logStartOffset: -1,
          partitionMaxBytes: partitionBytesMax,
        }))
        return { topic, topicId, partitions }
      }),
      forgottenTopicsData: [],
      rackId: '',
    }
  }

  #answered(asked: ReadonlyMap<string, Asked>, response: ResponseOf<'Fetch'>): void {
    if (response.errorCode !== 0) {
      this.#refused([...asked.values()], response.errorCode)
      return
    }
    for (const { topic, topicId, partitions } of response.responses) {
      const name = topic === '' ? this.#metadata.nameOf(topicId) : topic
      for (const answer of partitions) {
        const found =
          name === undefined ? undefined : asked.get(nameOf({ topic: name, partition: answer.partitionIndex }))
        if (found === undefined || found.state.version !== found.version) continue
        if (answer.errorCode === 0) this.#accept(found.state, answer)
        else this.#refused([found], answer.errorCode)
      }
    }
  }

  #accept(state: PartitionState, answer: PartitionAnswer): void {
    const { isolation } = this.#options
    const buffer = answer.records ?? emptyBuffer
    const aborted = isolation === 'readCommitted' ? (answer.abortedTransactions ?? []) : null
    try {
      const filtered = filterBatches(state, buffer, state.position, aborted, this.#caller.checked)
      this.#learned ||= state.endOffset < 0
      state.endOffset = isolation === 'readCommitted' ? answer.lastStableOffset : answer.highWatermark
      if (filtered.nextOffset === state.position) return
      state.fetched = {
        topic: state.topic,
        partition: state.partition,
        buffer,
        batches: filtered.batches,
        firstOffset: state.position,
        nextOffset: filtered.nextOffset,
        endOffset: state.endOffset,
        leaderEpoch: filtered.leaderEpoch,
      }
    } catch (error) {
      this.#failed(error)
      this.#pause(state)
    }
  }

  #refused(asked: readonly Asked[], code: number): void {
    const name = codeToName(code)
    for (const { state } of asked) {
      if (name === 'OFFSET_OUT_OF_RANGE') this.#outOfRange(state, code)
      else {
        if (isRetriable(code) || stale.has(name)) this.#metadata.forget(state.topic)
        else this.#failed(brokerError(code, `fetch ${nameOf(state)}@${state.position}`))
        this.#pause(state)
      }
    }
  }

  #outOfRange(state: PartitionState, code: number): void {
    const { autoOffsetReset } = this.#options
    if (autoOffsetReset === 'none') {
      this.#failed(brokerError(code, `fetch ${nameOf(state)}@${state.position}`))
      this.#pause(state)
    } else {
      state.findPosition(autoOffsetReset)
    }
  }

  #pause(state: PartitionState): void {
    state.waiting = true
    void this.#caller.pause(errorPauseMs).then(() => {
      state.waiting = false
      this.#onChange()
    })
  }

  /** The first error is the one that the next poll throws. Being closed is no news. */
  #failed(error: unknown): void {
    if (!StreamError.is(error, 'CLOSED')) this.#error ??= error
  }
}
