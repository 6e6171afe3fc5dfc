import { assert } from '../../base/assert.ts'
import type { Clock } from '../../base/clock.ts'
import { StreamError } from '../../base/errors.ts'
import { step } from '../../base/state-table.ts'
import type { ErrorPolicies } from '../../processor/error-policy.ts'
import type { Cancellable, PunctuationType, Punctuator } from '../../processor/processor.ts'
import type { StateStore } from '../../processor/state-store.ts'
import type { TopologyNode } from '../../topology/node.ts'
import type { RecordCollector } from './collector.ts'
import { type CompiledNodes, compileNodes } from './compile.ts'
import { DropCounter, type DroppedRecord } from './drops.ts'
import { FailureHandler } from './failures.ts'
import { TaskMoment } from './moment.ts'
import type { NodeHost } from './node-host.ts'
import type { OffsetMetadata } from './offset-metadata.ts'
import { type LagOf, PartitionGroup } from './partition-group.ts'
import type { ProcessorTaskNode } from './processor-node.ts'
import { PunctuationQueue, PunctuationSchedule } from './punctuation.ts'
import { RecordQueue, type SourceBatches } from './record-queue.ts'
import { type TaskId, taskIdText } from './task-id.ts'
import { TaskOrder } from './task-order.ts'

/** One partition a task reads. */
export interface TaskInput {
  /** Its real name: internal topics with the application's prefix. */
  readonly topic: string
  readonly partition: number
  /** The source node that reads it. */
  readonly source: string
  /** Where reading begins, -1 when that is not known yet. */
  readonly position: number
  /** What is committed; -1 or absent: nothing. */
  readonly committed?: number
  /** What the last commit told. */
  readonly metadata: OffsetMetadata
}

export interface TaskOptions {
  readonly id: TaskId
  readonly applicationId: string
  /** In topological order. */
  readonly nodes: readonly TopologyNode[]
  readonly inputs: readonly TaskInput[]
  readonly clock: Clock
  readonly collector: RecordCollector
  /** Where a step does not say its own. */
  readonly onError: ErrorPolicies
  /** KIP-695; -1: never wait for an empty partition. */
  readonly maxTaskIdleMs: number
  readonly lagOf: LagOf
  readonly onDropped: ((dropped: DroppedRecord) => void) | null
  /** Dirty entries and bytes at which the task asks for a commit. */
  readonly generationEntriesMax: number
  readonly generationBytesMax: number
}

/** What a commit says about one input partition. */
export interface TaskOffset {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: OffsetMetadata
}

/**   created ──> restoring ──> running ──> closed
 *       └─────────────┴────────────┴─────────^      */
const next = {
  created: ['restoring', 'closed'],
  restoring: ['running', 'closed'],
  running: ['closed'],
  closed: [],
} as const satisfies Record<string, readonly string[]>

export type TaskPhase = keyof typeof next

/** Records between two looks at the clock and at the size of the generation. */
const recordsPerLook = 64

/**
 * The unit of work: the nodes of one sub-topology on one partition, its queues, its time. It knows no broker and no disk:
 * batches are put in, records come out through the collector, and whoever drives it commits.
 *
 * Laws
 *  T1  the record with the lowest timestamp among the queues' heads is taken up next (partition-group.ts)
 *  T2  stream time never goes back, and punctuators that it makes due run before the next record
 *  T3  one record is done, async nodes included, before the next is taken up
 *  T4  nothing that waits is begun once it is closed, also when an async node comes back after that
 *
 * The steps of a commit (runtime/commit.ts) find here: 1a `flush`, 3 `takeOffsets`. The stores'
 * steps are in state/task-state.ts.
 */
export class Task implements NodeHost {
  readonly id: TaskId
  readonly taskId: string
  readonly applicationId: string
  readonly clock: Clock
  readonly moment = new TaskMoment()
  readonly order = new TaskOrder(this.moment)
  readonly drops: DropCounter
  readonly failures: FailureHandler
  readonly group: PartitionGroup
  readonly #options: TaskOptions
  readonly #collector: RecordCollector
  readonly #nodes: CompiledNodes
  readonly #queues = new Map<string, RecordQueue>()
  readonly #streamPunctuations = new PunctuationQueue()
  readonly #wallPunctuations = new PunctuationQueue()
  /** Where each input continues after the last commit, whether its end is known yet or not. */
  readonly #takenOffsets = new Map<RecordQueue, number>()
  #stores: readonly StateStore[] = []
  #state: TaskPhase = 'created'
  #commitRequested = false
  /** Still has the record taken up last as its head: a commit may come now, and what is told then came from that record. */
  #standingOn: RecordQueue | null = null
  #worked = false
  processedTotal = 0

  constructor(options: TaskOptions) {
    this.#options = options
    this.id = options.id
    this.taskId = taskIdText(options.id)
    this.applicationId = options.applicationId
    this.clock = options.clock
    this.#collector = options.collector
    this.drops = new DropCounter(this.taskId, options.onDropped)
    this.failures = new FailureHandler(options.onError, this.moment, options.collector, this.drops)
    this.#nodes = compileNodes(options.nodes, this, options.collector)
    for (const input of options.inputs) this.#addQueue(input)
    this.group = new PartitionGroup([...this.#queues.values()], options.maxTaskIdleMs, options.lagOf)
  }

  #addQueue(input: TaskInput): void {
    const source = this.#nodes.sources.get(input.source)
    assert(source !== undefined, 'each input names a source of the task')
    const queue = new RecordQueue(source.plan, source.entry, input, this)
    queue.partitionTimeMs = input.metadata.partitionTimeMs
    this.#queues.set(`${input.topic}-${input.partition}`, queue)
    this.#takenOffsets.set(queue, input.committed ?? -1)
    if (input.metadata.partitionTimeMs > this.moment.streamTimeMs) {
      this.moment.streamTimeMs = input.metadata.partitionTimeMs
    }
  }

  get state(): TaskPhase {
    return this.#state
  }

  /** Some node awaits promises: then `processAsync` drives it. */
  get isAsync(): boolean {
    return this.#nodes.isAsync
  }

  /** Something happened since the last commit: records, punctuation, or the consumer's position moved on. */
  get needsCommit(): boolean {
    if (this.#worked) return true
    for (const [queue, offset] of this.#takenOffsets) if (queue.position !== offset) return true
    return false
  }

  /** Is there a record that need not wait for anything? Asks G2 of the group, whose waiting may begin with that. */
  hasReady(): boolean {
    return this.#standingOn !== null || this.group.next(this.clock.monotonic()) !== null
  }

  /** A processor asked for it, or the generation is full. */
  get commitRequested(): boolean {
    return this.#commitRequested
  }

  requestCommit(): void {
    this.#commitRequested = true
  }

  restoring(): void {
    this.#state = step(next, this.#state, 'restoring')
  }

  /** Its stores are open and restored: the processors begin. */
  start(stores: ReadonlyMap<string, StateStore>): void {
    this.#state = step(next, this.#state, 'running')
    this.#stores = [...stores.values()]
    const saved = new Map<string, number>()
    for (const { metadata } of this.#options.inputs) {
      for (const [name, timeMs] of metadata.streamTimesMs) saved.set(name, Math.max(timeMs, saved.get(name) ?? -1))
    }
    for (const node of this.#nodes.processors) node.init(stores, saved.get(node.name) ?? -1)
  }

  /** Puts fetched batches into the queue of their partition. */
  add(topic: string, partition: number, fetched: SourceBatches): void {
    assert(this.#state === 'running', 'a task takes records while it runs')
    this.#leave()
    this.group.add(this.queue(topic, partition), fetched)
  }

  queue(topic: string, partition: number): RecordQueue {
    const queue = this.#queues.get(`${topic}-${partition}`)
    assert(queue !== undefined, 'records come for a partition of the task')
    return queue
  }

  /**
   * Takes up records until the queues are empty or must wait, the deadline (monotonic) has passed, the collector is full, or
   * a commit is asked for. Returns how many. For tasks without async nodes.
   */
  process(deadlineMs: number): number {
    assert(!this.isAsync, 'a task with async nodes is driven by processAsync')
    const { group } = this
    this.#leave()
    group.refresh()
    let nowMs = this.clock.monotonic()
    let count = 0
    for (let queue = group.next(nowMs); queue !== null; queue = group.next(nowMs)) {
      this.#takeUp(queue)
      if (this.moment.streamTimeMs >= this.#streamPunctuations.dueMs) this.#callDue(this.#streamPunctuations)
      count++
      if (this.#collector.full || this.#commitRequested) {
        this.#standingOn = queue
        break
      }
      group.advance(queue)
      if (count % recordsPerLook === 0) {
        if (this.#generationIsFull()) break
        nowMs = this.clock.monotonic()
        if (nowMs >= deadlineMs) break
      }
    }
    this.processedTotal += count
    return count
  }

  /** As `process`, and waits for async nodes after each record (T3). */
  async processAsync(deadlineMs: number): Promise<number> {
    const { group } = this
    this.#leave()
    group.refresh()
    let count = 0
    let nowMs = this.clock.monotonic()
    for (let queue = group.next(nowMs); queue !== null; queue = group.next(nowMs)) {
      this.#takeUp(queue)
      if (!this.order.isIdle) await this.#drain()
      if (this.moment.streamTimeMs >= this.#streamPunctuations.dueMs) {
        await this.#callDueAsync(this.#streamPunctuations, this.moment.streamTimeMs)
      }
      count++
      if (this.#collector.full || this.#commitRequested) {
        this.#standingOn = queue
        break
      }
      group.advance(queue)
      nowMs = this.clock.monotonic()
      if (this.#generationIsFull() || nowMs >= deadlineMs) break
    }
    this.processedTotal += count
    return count
  }

  /** The record taken up last is done with: the next becomes its queue's head. */
  #leave(): void {
    const queue = this.#standingOn
    this.#standingOn = null
    if (queue !== null) this.group.advance(queue)
  }

  #takeUp(queue: RecordQueue): void {
    const { moment } = this
    const record = queue.take()
    moment.queue = queue
    moment.hasSource = true
    moment.timestampMs = record.timestamp
    if (record.timestamp > moment.streamTimeMs) moment.streamTimeMs = record.timestamp
    moment.recordsSinceFlush++
    this.#worked = true
    queue.entry.process(record)
    this.failures.throwIfEnded()
  }

  #generationIsFull(): boolean {
    let entries = 0
    let bytes = 0
    for (const store of this.#stores) {
      entries += store.dirtyEntries
      bytes += store.dirtyBytes
    }
    const full = entries >= this.#options.generationEntriesMax || bytes >= this.#options.generationBytesMax
    if (full) this.#commitRequested = true
    return full
  }

  /** Until no async node has anything left to do. */
  async #drain(): Promise<void> {
    while (!this.order.isIdle) {
      await this.order.goAhead()
      this.#requireRunning()
      this.failures.throwIfEnded()
    }
  }

  /** T4: what was waited for may have come back too late. */
  #requireRunning(): void {
    if (this.#state === 'running') return
    throw new StreamError('CLOSED', `task ${this.taskId} was given up while an async step was at work`)
  }

  schedule(node: ProcessorTaskNode, intervalMs: number, type: PunctuationType, punctuator: Punctuator): Cancellable {
    const firstMs = type === 'streamTime' ? 0 : this.clock.now() + intervalMs
    const schedule = new PunctuationSchedule(node, firstMs, intervalMs, punctuator)
    const queue = type === 'streamTime' ? this.#streamPunctuations : this.#wallPunctuations
    queue.add(schedule)
    return schedule
  }

  /** When the next punctuator of the wall clock is due (Clock.now); infinite when there is none. */
  get wallPunctuationDueMs(): number {
    return this.#wallPunctuations.dueMs
  }

  /** Runs the punctuators that the wall clock made due. Says whether any was. */
  async punctuate(): Promise<boolean> {
    const nowMs = this.clock.now()
    if (nowMs < this.#wallPunctuations.dueMs) return false
    await this.#callDueAsync(this.#wallPunctuations, nowMs)
    return true
  }

  #callDue(queue: PunctuationQueue): void {
    const nowMs = this.moment.streamTimeMs
    for (let due = queue.next(nowMs); due !== null; due = queue.next(nowMs)) {
      this.#beginPunctuation(nowMs)
      void due.node.punctuate(due.punctuator, nowMs)
      queue.again(due, nowMs)
      this.failures.throwIfEnded()
    }
  }

  async #callDueAsync(queue: PunctuationQueue, nowMs: number): Promise<void> {
    for (let due = queue.next(nowMs); due !== null; due = queue.next(nowMs)) {
      this.#beginPunctuation(nowMs)
      const promise = due.node.punctuate(due.punctuator, nowMs)
      if (promise !== undefined) await promise
      this.#requireRunning()
      if (!this.order.isIdle) await this.#drain()
      queue.again(due, nowMs)
      this.failures.throwIfEnded()
    }
  }

  #beginPunctuation(nowMs: number): void {
    this.moment.timestampMs = nowMs
    this.moment.hasSource = false
    this.#worked = true
  }

  /** Step 1a: operators send on what they held back, in topological order. */
  async flush(): Promise<void> {
    const { moment } = this
    // One record since the last flush: whatever fails now came from it. Of several nobody can tell.
    moment.hasSource = moment.recordsSinceFlush === 1 && moment.queue !== null && moment.queue.standsOnTaken
    for (const node of this.#nodes.processors) {
      node.flush()
      if (!this.order.isIdle) await this.#drain()
    }
    moment.recordsSinceFlush = 0
    this.failures.throwIfEnded()
    this.#leave()
  }

  /**
   * Step 3: where each input partition continues, of those that moved since the last commit. What happens from now on is the
   * next commit's. When this one fails the task has to go: others know it as further than it is.
   */
  takeOffsets(): TaskOffset[] {
    assert(this.#standingOn === null, 'R3: a flush leaves the record that was taken up')
    const streamTimesMs = new Map<string, number>()
    for (const { name, streamTimeMs } of this.#nodes.processors) {
      if (streamTimeMs >= 0) streamTimesMs.set(name, streamTimeMs)
    }
    const offsets: TaskOffset[] = []
    for (const [queue, taken] of this.#takenOffsets) {
      const { topic, partition, position: offset, leaderEpoch } = queue
      if (offset < 0 || (offset === taken && !this.#worked)) continue
      const metadata = { partitionTimeMs: queue.partitionTimeMs, streamTimesMs }
      offsets.push({ topic, partition, offset, leaderEpoch, metadata })
      this.#takenOffsets.set(queue, offset)
    }
    this.#worked = false
    this.#commitRequested = false
    return offsets
  }

  /**
   * Ends the processors that have begun, each of them whatever another throws, then throws the first error: PROCESSOR_FAILED. Stores
   * are closed by who opened them. Idempotent.
   */
  close(): void {
    if (this.#state === 'closed') return
    this.#state = step(next, this.#state, 'closed')
    this.order.clear()
    this.#streamPunctuations.clear()
    this.#wallPunctuations.clear()
    let first: { readonly error: unknown } | null = null
    for (const node of this.#nodes.processors) {
      try {
        node.close()
      } catch (error) {
        first ??= { error }
      }
    }
    if (first !== null) throw first.error
  }
}
