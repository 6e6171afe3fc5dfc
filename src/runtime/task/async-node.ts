import type { Punctuator } from '../../processor/processor.ts'
import type { Record } from '../../processor/record.ts'
import { ProcessorTaskNode } from './processor-node.ts'
import { isPromise } from './promises.ts'
import type { OrderMark } from './task-order.ts'

/**
 * A processor that may return promises (its supplier says `async: true`). A record is begun in place, as in any other node;
 * if no promise comes back, it is done. Otherwise it is at work, and what comes after it waits (task-order.ts): the task drains
 * what is at work and what waits before it takes up the next record, punctuates or commits. Its stores stamp plain puts with the
 * time of what it has at work (P2), whatever the task's time is when it goes on.
 */
export class AsyncProcessorTaskNode extends ProcessorTaskNode {
  /** Of the record or punctuation it has at work (P2): when it goes on, the task's time may be another's. */
  #workMs: number | null = null
  readonly #stamping = new Map<string, object>()

  override process(record: Record<unknown, unknown>): void {
    const { moment, order } = this.host
    const mark = order.mark()
    const timestampMs = moment.timestampMs
    moment.timestampMs = record.timestamp
    this.#workMs = record.timestamp
    this.working = true
    let isAtWork = false
    try {
      const result = this.processor.process(record)
      isAtWork = isPromise(result)
      if (isPromise(result)) this.#begun(record, Promise.resolve(result), mark)
    } catch (error) {
      this.host.failures.handle('process', this.name, this.plan.onError, error, record)
    }
    if (!isAtWork) this.#done()
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
        this.#done()
      }
    }
    this.host.order.begun({ node: this, record, end }, mark)
  }

  #done(): void {
    this.working = false
    this.#workMs = null
  }

  override forward(record: Record<unknown, unknown>, childName?: string): void {
    this.host.order.run(this, () => super.forward(record, childName))
  }

  override punctuate(punctuator: Punctuator, timestampMs: number): Promise<void> {
    return this.#await(punctuator, timestampMs)
  }

  async #await(punctuator: Punctuator, timestampMs: number): Promise<void> {
    this.working = true
    this.#workMs = timestampMs
    try {
      await punctuator(timestampMs)
    } catch (error) {
      this.punctuatorFailed(error, timestampMs)
    } finally {
      this.#done()
    }
  }

  override store<S>(name: string): S {
    const found = this.#stamping.get(name) ?? this.#stampingOf(super.store<object>(name))
    this.#stamping.set(name, found)
    return found as S
  }

  /** The store, with this node's time in force during each call (P2). */
  #stampingOf<S extends object>(store: S): S {
    const methods = new WeakMap<object, unknown>()
    const stampingOf = (method: (...given: never) => unknown): unknown => {
      const known = methods.get(method)
      if (known !== undefined) return known
      const own = (...given: unknown[]): unknown => this.#stamped(() => Reflect.apply(method, store, given))
      methods.set(method, own)
      return own
    }
    // Of the store's kind, but not the store: a proxy must give what is frozen as it is.
    return new Proxy<S>(Object.create(Object.getPrototypeOf(store)), {
      get: (_, key) => {
        const value: unknown = Reflect.get(store, key, store)
        return typeof value === 'function' ? stampingOf(value as (...given: never) => unknown) : value
      },
      set: (_, key, value) => Reflect.set(store, key, value, store),
      has: (_, key) => Reflect.has(store, key),
    })
  }

  #stamped(call: () => unknown): unknown {
    const { moment } = this.host
    if (this.#workMs === null) return call()
    const { timestampMs } = moment
    moment.timestampMs = this.#workMs
    try {
      return call()
    } finally {
      moment.timestampMs = timestampMs
    }
  }
}
