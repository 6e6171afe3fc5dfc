/**
 * What a rebalance means for the consumer that goes through it: give back, join, take over.
 *
 * Laws
 *  R1  listeners run inside `poll`; while one runs nothing is handed over
 *  R2  before a rebalance all partitions are given back (`onRevoked`), or known to be lost (`onLost`); afterwards
 *      `onAssigned` says what this member has, which may be nothing
 */
import type { StreamError } from '../../base/errors.ts'
import type { Caller } from '../caller.ts'
import type { TopicPartition } from '../topic-partition.ts'
import type { MemberAssignment } from './assignor.ts'
import { Background } from './background.ts'
import type { Membership } from './membership.ts'
import type { PartitionStates } from './partition-state.ts'

export interface RebalanceListener {
  /** What this member has from now on; perhaps nothing. */
  onAssigned?(partitions: readonly TopicPartition[]): Promise<void>
  /** Called while the member is still in its generation: offsets can be committed. */
  onRevoked?(partitions: readonly TopicPartition[]): Promise<void>
  /** Others may have the partitions already: nothing can be committed. Default: `onRevoked`. */
  onLost?(partitions: readonly TopicPartition[]): Promise<void>
}

const missingTopicsCheckMs = 1000

export class Rebalancing {
  listener: RebalanceListener = {}
  readonly #caller: Caller
  readonly #membership: Membership
  readonly #states: PartitionStates
  readonly #topicsCheckMs: number
  readonly #joining: Background
  readonly #checking: Background
  #joined: MemberAssignment | null = null
  #checkedAtMs: number

  constructor(
    caller: Caller,
    membership: Membership,
    states: PartitionStates,
    topicsCheckMs: number,
    onChange: () => void,
  ) {
    this.#caller = caller
    this.#membership = membership
    this.#states = states
    this.#topicsCheckMs = topicsCheckMs
    this.#joining = new Background(onChange)
    this.#checking = new Background(onChange)
    this.#checkedAtMs = caller.clock.monotonic()
    membership.onChange = onChange
  }

  /** As far as it goes without waiting for others. Throws why the membership has ended, or what a listener throws. */
  async drive(): Promise<void> {
    const error = this.#membership.takeError()
    if (error !== null) await this.#end(error)
    this.#joining.check()
    this.#checking.check()
    if (this.#membership.outside && !this.#joining.running) {
      this.#joined = null
      await this.#giveBack(this.#membership.lost)
      if (this.#membership.outside) this.#join()
    }
    if (this.#joined !== null && !this.#membership.outside) {
      const { partitions } = this.#joined
      this.#joined = null
      this.#states.assign(partitions)
      this.#checkedAtMs = this.#caller.clock.monotonic()
      await this.listener.onAssigned?.(partitions)
    }
    this.#checkTopics()
  }

  async #end(error: StreamError): Promise<void> {
    await this.#giveBack(true)
    throw error
  }

  #join(): void {
    this.#joining.run(async () => {
      this.#joined = await this.#membership.join()
    })
  }

  /** R2. Also at the end of a consumer. */
  async giveBack(): Promise<void> {
    await this.#giveBack(this.#membership.lost)
  }

  async #giveBack(lost: boolean): Promise<void> {
    const held = [...this.#states.all()].map(({ topic, partition }) => ({ topic, partition }))
    if (held.length === 0) return
    const { listener } = this
    try {
      if (lost && listener.onLost !== undefined) await listener.onLost(held)
      else await listener.onRevoked?.(held)
    } finally {
      this.#states.assign([])
    }
  }

  /** A leader looks now and then whether topics have other partitions; more often while one is missing. */
  #checkTopics(): void {
    const everyMs = this.#membership.missesTopics ? missingTopicsCheckMs : this.#topicsCheckMs
    const now = this.#caller.clock.monotonic()
    if (now - this.#checkedAtMs < everyMs || this.#checking.running) return
    this.#checkedAtMs = now
    this.#checking.run(() => this.#membership.checkTopics())
  }
}
