import type { Punctuator } from '../../processor/processor.ts'
import type { Record } from '../../processor/record.ts'
import { ProcessorTaskNode } from './processor-node.ts'

/**
 * A processor that may return promises (its supplier says `async: true`). Its records wait in a queue; the task drains it
 * before it takes up the next record, punctuates or commits, so the processor sees one record at a time.
 */
export class AsyncProcessorTaskNode extends ProcessorTaskNode {
  readonly #waiting: Record<unknown, unknown>[] = []

  get isIdle(): boolean {
    return this.#waiting.length === 0
  }

  override process(record: Record<unknown, unknown>): void {
    this.#waiting.push(record)
  }

  /** Everything that waits, one after the other. */
  async drain(): Promise<void> {
    const { moment } = this.host
    for (let record = this.#waiting.shift(); record !== undefined; record = this.#waiting.shift()) {
      const timestampMs = moment.timestampMs
      moment.timestampMs = record.timestamp
      try {
        await this.processor.process(record)
      } catch (error) {
        this.host.failures.handle('process', this.name, this.plan.onError, error, record)
      }
      moment.timestampMs = timestampMs
    }
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
