import { StreamError } from '../../base/errors.ts'
import type { PartitionLog } from '../../log/partition-log.ts'

/**
 * One partition as the broker sees it: its log, or why it has none, and who waits for more of it.
 *
 * Laws
 *  V1  whoever waits is told of each append and each marker, and when the partition goes away
 */
export class Partition {
  readonly topic: string
  readonly topicId: string
  readonly index: number
  readonly #waiting = new Set<() => void>()
  #log: PartitionLog | null
  #failure: StreamError | null

  constructor(topic: string, topicId: string, index: number, opened: PartitionLog | StreamError) {
    this.topic = topic
    this.topicId = topicId
    this.index = index
    if (StreamError.is(opened)) {
      this.#log = null
      this.#failure = opened
    } else {
      this.#log = opened
      this.#failure = null
      opened.onAppend = () => this.#wake()
    }
  }

  /** The log, or null while the partition is offline or gone. */
  get online(): PartitionLog | null {
    return this.#log === null || this.#log.offline !== null ? null : this.#log
  }

  /** Why it does not serve, or null. */
  get failure(): StreamError | null {
    return this.#failure ?? this.#log?.offline ?? null
  }

  /** The log, or an error that says why there is none. */
  get log(): PartitionLog {
    const { failure } = this
    if (failure !== null) throw failure
    return this.#log!
  }

  /** Calls back at each change until cancelled. */
  watch(changed: () => void): () => void {
    this.#waiting.add(changed)
    return () => this.#waiting.delete(changed)
  }

  #wake(): void {
    for (const changed of this.#waiting) changed()
  }

  /** The topic was deleted, or the broker closes: from now on there is no log, for this reason. */
  detach(reason: StreamError): void {
    const log = this.#log
    if (log === null) return
    this.#log = null
    this.#failure = reason
    log.onAppend = null
    this.#wake()
  }
}
