/**
 * Where to begin: the committed offset, or an end of the log as `autoOffsetReset` says.
 */
import { assert } from '../../base/assert.ts'
import { StreamError } from '../../base/errors.ts'
import type { Caller } from '../caller.ts'
import { type Isolation, listOffsets } from '../list-offsets.ts'
import type { Metadata } from '../metadata.ts'
import { nameOf } from '../topic-partition.ts'
import type { CommittedOffsets } from './committed-offsets.ts'
import type { PartitionState, PartitionStates, ResetPolicy } from './partition-state.ts'

export interface PositionOptions {
  readonly isolation: Isolation
  readonly autoOffsetReset: ResetPolicy
  readonly topicLookupTimeoutMs: number
}

export class Positions {
  readonly #caller: Caller
  readonly #metadata: Metadata
  readonly #states: PartitionStates
  readonly #committed: CommittedOffsets | null
  readonly #options: PositionOptions

  constructor(
    caller: Caller,
    metadata: Metadata,
    states: PartitionStates,
    committed: CommittedOffsets | null,
    options: PositionOptions,
  ) {
    this.#caller = caller
    this.#metadata = metadata
    this.#states = states
    this.#committed = committed
    this.#options = options
  }

  get missing(): boolean {
    for (const state of this.#states.all()) if (state.position < 0) return true
    return false
  }

  /** Gives each partition a position. What is sought or unassigned meanwhile is left alone. */
  async find(): Promise<void> {
    const lost = [...this.#states.all()].filter((state) => state.position < 0)
    const asked = new Map(lost.map((state) => [nameOf(state), { state, version: state.version }]))
    await this.#fromCommitted(
      lost.filter((state) => state.reset === 'committed'),
      asked,
    )
    await this.#fromEnds(
      lost.filter((state) => state.position < 0 && state.reset !== 'committed'),
      asked,
    )
  }

  async #fromCommitted(states: readonly PartitionState[], asked: Asked): Promise<void> {
    if (states.length === 0) return
    const { isolation, autoOffsetReset } = this.#options
    const found =
      this.#committed === null
        ? []
        : await this.#committed.fetch(states, isolation === 'readCommitted', this.#caller.requestTimeoutMs)
    for (const { topic, partition, committed } of found) {
      const entry = asked.get(nameOf({ topic, partition }))
      if (committed === null || entry === undefined || entry.state.version !== entry.version) continue
      entry.state.position = committed.offset
      entry.state.leaderEpoch = committed.leaderEpoch
    }
    for (const state of states) {
      if (state.position >= 0 || state.version !== asked.get(nameOf(state))!.version) continue
      if (autoOffsetReset === 'none') {
        throw new StreamError(
          'LOG_OFFSET_OUT_OF_RANGE',
          `${nameOf(state)} has no committed offset and autoOffsetReset is none; seek, or choose earliest or latest`,
        )
      }
      state.reset = autoOffsetReset
    }
  }

  async #fromEnds(states: readonly PartitionState[], asked: Asked): Promise<void> {
    if (states.length === 0) return
    const queries = states.map(({ topic, partition, reset }) => {
      assert(reset !== 'committed', 'a partition without committed offset is reset to an end')
      return { topic, partition, spec: reset }
    })
    const { isolation, topicLookupTimeoutMs } = this.#options
    const found = await listOffsets(this.#caller, this.#metadata, queries, isolation, topicLookupTimeoutMs)
    for (const { topic, partition, offset } of found) {
      const entry = asked.get(nameOf({ topic, partition }))
      if (entry !== undefined && entry.state.version === entry.version) entry.state.position = offset
    }
  }
}

type Asked = ReadonlyMap<string, { readonly state: PartitionState; readonly version: number }>
