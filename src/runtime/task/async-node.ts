import type { Punctuator } from '../../processor/processor.ts'
import type { Record } from '../../processor/record.ts'
import { ProcessorTaskNode } from './processor-node.ts'
import { isPromise } from './promises.ts'

interface Pending {
  readonly record: Record<unknown, unknown>
  readonly promise: Promise<void>
}

/**
 * A processor that may return promises (its supplier says `async: true`). A record that comes while no async node of the
 * task is at work is begun in place, as in any other node; if no promise comes back, it is done. Otherwise it waits: the
 * task drains its async nodes before it takes up the next record, punctuates or commits.
 *
 * Laws
 *  A1  one record at a time is at work in all async nodes of a task
 *  A2  a node's records are begun in the order they came
 */
export class AsyncProcessorTaskNode extends ProcessorTaskNode {
  readonly #waiting: Record<unknown, unknown>[] = []
  #pending: Pending | null = null

  get isIdle(): boolean {
    return this.#pending === null && this.#waiting.length === 0
  }

  override process(record: Record<unknown, unknown>): void {
    if (this.host.isIdle) this.#begin(record)
    else this.#waiting.push(record)
  }

  #begin(record: Record<unknown, unknown>): void {
    const { moment } = this.host
    const timestampMs = moment.timestampMs
    moment.timestampMs = record.timestamp
    try {
      const result = this.processor.process(record)
      if (isPromise(result)) this.#pending = { record, promise: handled(Promise.resolve(result)) }
    } catch (error) {
      this.host.failures.handle('process', this.name, this.plan.onError, error, record)
    }
    moment.timestampMs = timestampMs
  }

  /** The record at work, and everything that waits, one after the other. */
  async drain(): Promise<void> {
    const { moment } = this.host
    while (!this.isIdle) {
      if (this.#pending === null) {
        this.#begin(this.#waiting.shift()!)
        continue
      }
      const { record, promise } = this.#pending
      const timestampMs = moment.timestampMs
      moment.timestampMs = record.timestamp
      try {
        await promise
      } catch (error) {
        this.host.failures.handle('process', this.name, this.plan.onError, error, record)
      } finally {
        this.#pending = null
      }
      moment.timestampMs = timestampMs
    }
  }

  /** What waits is given up: nobody takes it up any more. */
  override close(): void {
    this.#waiting.length = 0
    super.close()
  }

  override punctuate(punctuator: Punctuator, timestampMs: number): Promise<void> {
    return this.#await(punctuator, timestampMs)
  }

  async #await(punctuator: Punctuator, timestampMs: number): Promise<void> {
    try {
      await punctuator(timestampMs)
    } catch (error) {
      this.punctuatorFailed(error, timestampMs)
    }
  }
}

/** It is awaited by `drain`, a little later: a rejection until then is nobody's neglect. */
function handled(promise: Promise<void>): Promise<void> {
  promise.catch(() => undefined)
  return promise
}
