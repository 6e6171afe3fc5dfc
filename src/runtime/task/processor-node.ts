import { assert } from '../../base/assert.ts'
import { messageOf, StreamError } from '../../base/errors.ts'
import { areHeaders, headersWanted } from '../../base/headers.ts'
import { shown } from '../../base/option-checks.ts'
import { noHeaders } from '../../base/serde.ts'
import type {
  Cancellable,
  Processor,
  ProcessorContext,
  PunctuationType,
  Punctuator,
} from '../../processor/processor.ts'
import type { Record, RecordMetadata } from '../../processor/record.ts'
import type { StateStore } from '../../processor/state-store.ts'
import type { ProcessorNode } from '../../topology/node.ts'
import type { NodeHost } from './node-host.ts'
import { promiseRefused } from './promises.ts'
import { handOver, type TaskNode } from './task-node.ts'
import type { TaskOrder } from './task-order.ts'

/**
 * A processor in its task: the node a parent forwards to, and the context the processor sees, in one object.
 *
 * Laws
 *  P1  what a processor throws is decided here (failures.ts F1); what it had forwarded before stays forwarded
 *  P2  a plain put is stamped with the time of the record its own node was given, also after a child had another, or it has waited
 *  P3  it forwards only while it is at work, so that what goes on belongs to a commit. A forward that comes late, when an async
 *      node is at work on its next record already, cannot be told from one of that record, and is let through
 */
export class ProcessorTaskNode implements TaskNode, ProcessorContext<unknown, unknown> {
  readonly name: string
  readonly nodeName: string
  readonly applicationId: string
  readonly taskId: string
  protected readonly plan: ProcessorNode
  protected readonly host: NodeHost
  protected readonly processor: Processor<unknown, unknown, unknown, unknown>
  /** P3: one of its methods has not returned, or what an async one promised is not settled. */
  protected working = false
  readonly #order: TaskOrder
  readonly #hasStores: boolean
  #children: readonly TaskNode[] = []
  #only: TaskNode | null = null
  #stores: ReadonlyMap<string, StateStore> = new Map()
  #streamTimeMs = -1
  #begun = false
  #closed = false

  constructor(plan: ProcessorNode, host: NodeHost) {
    this.plan = plan
    this.host = host
    this.#order = host.order
    this.name = plan.name
    this.nodeName = plan.name
    this.applicationId = host.applicationId
    this.taskId = host.taskId
    this.processor = this.#made()
    this.#hasStores = plan.stores.length > 0
  }

  #made(): Processor<unknown, unknown, unknown, unknown> {
    let made: Processor<unknown, unknown, unknown, unknown>
    try {
      made = this.plan.supplier.get()
    } catch (error) {
      throw this.#failed('supplier', error)
    }
    if (typeof made?.process === 'function') return made
    throw this.#failed('supplier', new TypeError('it gives nothing that has a process method'))
  }

  /** Before and after there are records, nothing but the node can be named. What the context says names the node itself. */
  #failed(what: 'supplier' | 'init' | 'close', cause: unknown): unknown {
    if (!this.host.failures.isRecordError(cause)) return cause
    const text = `the ${what} of ${this.name} has failed: ${messageOf(cause)}; correct the processor`
    return new StreamError('PROCESSOR_FAILED', text, { cause })
  }

  connect(children: readonly TaskNode[]): void {
    this.#children = children
    this.#only = children.length === 1 ? children[0]! : null
  }

  init(stores: ReadonlyMap<string, StateStore>, savedStreamTimeMs: number): void {
    this.#stores = stores
    this.#streamTimeMs = savedStreamTimeMs
    this.#begun = true
    let result: unknown
    this.working = true
    try {
      result = this.processor.init?.(this)
    } catch (error) {
      throw this.#failed('init', error)
    }
    this.working = false
    this.#refusePromiseOf('init', result)
  }

  process(record: Record<unknown, unknown>): void {
    const moment = this.host.moment
    const timestampMs = moment.timestampMs
    if (this.#hasStores) moment.timestampMs = record.timestamp
    this.working = true
    try {
      const result = this.processor.process(record)
      if (result !== undefined) this.refusePromise(result)
    } catch (error) {
      this.host.failures.handle('process', this.name, this.plan.onError, error, record)
    }
    this.working = false
    moment.timestampMs = timestampMs
  }

  /** Step 1a of a commit. */
  flush(): void {
    if (this.processor.flush === undefined) return
    this.working = true
    try {
      this.#refusePromiseOf('flush', this.processor.flush())
    } catch (error) {
      // What children refuse is decided there.
      throw this.host.failures.flushFailed(this.name, error)
    }
    this.working = false
  }

  /** Calls a punctuator of this node; the promise is given to an async task only. */
  punctuate(punctuator: Punctuator, timestampMs: number): undefined | Promise<void> {
    this.working = true
    try {
      const result = punctuator(timestampMs)
      if (result !== undefined) this.refusePromise(result)
    } catch (error) {
      this.punctuatorFailed(error, timestampMs)
    }
    this.working = false
    return undefined
  }

  /** Where `init` was called, also if it has thrown. */
  close(): void {
    if (!this.#begun) return
    this.working = false
    let result: unknown
    try {
      result = this.processor.close?.()
    } catch (error) {
      throw this.#failed('close', error)
    } finally {
      this.#closed = true
    }
    this.#refusePromiseOf('close', result)
  }

  /** -1: it never saved one. */
  get streamTimeMs(): number {
    return this.#streamTimeMs
  }

  forward(record: Record<unknown, unknown>, childName?: string): void {
    if (!this.working) throw this.#outOfScope()
    // Thrown here, inside the processor that made it, so that its own error policy decides.
    const { timestamp, headers } = record
    if (!Number.isSafeInteger(timestamp) || timestamp < 0) throw wrongTimestamp(timestamp)
    if (headers !== noHeaders && !areHeaders(headers)) throw wrongHeaders(headers)
    if (childName !== undefined) {
      handOver(this.#order, this.#child(childName), record)
    } else if (this.#only !== null) {
      handOver(this.#order, this.#only, record)
    } else {
      const children = this.#children
      for (let index = 0; index < children.length; index++) handOver(this.#order, children[index]!, record)
    }
  }

  #outOfScope(): StreamError {
    if (this.#closed) {
      const what = `${this.name} forwards a record after its task was closed; forward before process returns, or what it promised settles`
      return new StreamError('CLOSED', what)
    }
    const what = `${this.name} forwards a record outside of process, flush, init and punctuators, where no commit would contain it; forward before they return, or declare its supplier async: true and return a promise that settles after the last forward`
    return new StreamError('FORWARD_OUT_OF_SCOPE', what)
  }

  store<S>(name: string): S {
    const found = this.plan.stores.includes(name) ? this.#stores.get(name) : undefined
    if (found === undefined) {
      const what = `${this.name} has no store ${name}; connect it where the processor is added (it has: ${this.plan.stores.join(', ')})`
      throw new StreamError('STORE_UNKNOWN', what)
    }
    return found as S
  }

  schedule(intervalMs: number, type: PunctuationType, punctuator: Punctuator): Cancellable {
    if (!(Number.isSafeInteger(intervalMs) && intervalMs > 0)) {
      const what = `${this.name} schedules a punctuator every ${intervalMs} ms; give a whole number of milliseconds, at least 1`
      throw new StreamError('CONFIG_INVALID', what)
    }
    if (type !== 'streamTime' && type !== 'wallClock') {
      const what = `${this.name} schedules a punctuator on '${String(type)}'; there are 'streamTime' and 'wallClock'`
      throw new StreamError('CONFIG_INVALID', what)
    }
    if (typeof punctuator !== 'function') {
      const what = `${this.name} schedules ${shown(punctuator)} as its punctuator; give a function of the time`
      throw new StreamError('CONFIG_INVALID', what)
    }
    return this.host.schedule(this, intervalMs, type, punctuator)
  }

  recordMetadata(): RecordMetadata | null {
    return this.host.moment.metadata()
  }

  currentStreamTimeMs(): number {
    return this.host.moment.streamTimeMs
  }

  currentSystemTimeMs(): number {
    return this.host.clock.now()
  }

  requestCommit(): void {
    this.host.requestCommit()
  }

  recordDropped(reason: string): void {
    this.host.drops.count(this.name, reason, this.host.moment.place())
  }

  savedStreamTimeMs(): number {
    return this.#streamTimeMs
  }

  saveStreamTime(timestampMs: number): void {
    if (timestampMs > this.#streamTimeMs) this.#streamTimeMs = timestampMs
  }

  protected punctuatorFailed(error: unknown, timestampMs: number): void {
    this.host.failures.handle('process', this.name, this.plan.onError, error, { timestamp: timestampMs, headers: [] })
  }

  /** An ordinary callback gave something back: a promise means that nobody would wait for it. */
  protected refusePromise(result: unknown): void {
    const what = `${this.name} returned a promise; declare its supplier async: true, or keep the step synchronous`
    const refused = promiseRefused(result, what)
    if (refused === null) return
    assert(this.plan.supplier.async !== true, 'an async node awaits its promises')
    throw this.host.failures.end(refused)
  }

  /** Of the methods that no supplier can declare async. */
  #refusePromiseOf(method: 'init' | 'flush' | 'close', result: unknown): void {
    const refused = promiseRefused(result, `${method} of ${this.name} returned a promise; make it synchronous`)
    if (refused !== null) throw refused
  }

  #child(name: string): TaskNode {
    const child = this.#children.find((candidate) => candidate.name === name)
    if (child !== undefined) return child
    const names = this.#children.map((candidate) => candidate.name).join(', ')
    throw new RangeError(`${this.name} forwards to ${name}, which is no child of it; its children are: ${names}`)
  }
}

function wrongTimestamp(timestamp: unknown): RangeError {
  return new RangeError(`a record has the timestamp ${String(timestamp)}; times are whole milliseconds from 0 on`)
}

function wrongHeaders(headers: unknown): TypeError {
  return new TypeError(`a record has the headers ${shown(headers)}; give ${headersWanted}`)
}
