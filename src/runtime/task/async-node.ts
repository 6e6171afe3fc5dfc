import type { Punctuator } from '../../processor/processor.ts'
import type { Record } from '../../processor/record.ts'
import { ProcessorTaskNode } from './processor-node.ts'
import { isPromise } from './promises.ts'
import type { OrderMark } from './task-order.ts'

/**
 * A processor that may return promises (its supplier says `async: true`). A record is begun in place, as in any other node;
 * if no promise comes back, it is done. Otherwise it is at work, and what comes after it waits (task-order.ts): the task drains
 * what is at work and what waits before it takes up the next record, punctuates or commits.
 */
export class AsyncProcessorTaskNode extends ProcessorTaskNode {
  override process(record: Record<unknown, unknown>): void {
    const { moment, order } = this.host
    const mark = order.mark()
    const timestampMs = moment.timestampMs
    moment.timestampMs = record.timestamp
    this.working = true
    let isAtWork = false
    try {
      const result = this.processor.process(record)
      isAtWork = isPromise(result)
      if (isPromise(result)) this.#begun(record, Promise.resolve(result), mark)
    } catch (error) {
      this.host.failures.handle('process', this.name, this.plan.onError, error, record)
    }
    this.working = isAtWork
    moment.timestampMs = timestampMs
  }

  #begun(record: Record<unknown, unknown>, promise: Promise<unknown>, mark: OrderMark): void {
    // It is awaited a little later: a rejection until then is nobody's neglect.
    promise.catch(() => undefined)
    const end = async (): Promise<void> => {
      try {
        await promise
      } catch (error) {
        this.host.failures.handle('process', this.name, this.plan.onError, error, record)
      } finally {
        this.working = false
      }
    }
    this.host.order.begun({ node: this, record, end }, mark)
  }

  override forward(record: Record<unknown, unknown>, childName?: string): void {
    this.host.order.run(this, () => super.forward(record, childName))
  }

  override punctuate(punctuator: Punctuator, timestampMs: number): Promise<void> {
    return this.#await(punctuator, timestampMs)
  }

  async #await(punctuator: Punctuator, timestampMs: number): Promise<void> {
    this.working = true
    try {
      await punctuator(timestampMs)
    } catch (error) {
      this.punctuatorFailed(error, timestampMs)
    } finally {
      this.working = false
    }
  }
}
