import type { Clock } from '../../base/clock.ts'
import { StreamError } from '../../base/errors.ts'
import { loopSliceMs } from '../../base/limits.ts'
import { Consumer } from '../../client/consumer/consumer.ts'
import type { FetchedPartition } from '../../client/consumer/partition-state.ts'
import type { Connection } from '../../client/index.ts'
import type { TopicPartition } from '../../client/topic-partition.ts'
import type { ActiveTask } from '../active-task.ts'
import { type OwnTasks, StreamsAssignor } from '../assignment/streams-assignor.ts'
import { closeAll, closeEach } from '../closing.ts'
import { type CommitEnd, type CommitStep, commit } from '../commit.ts'
import type { Task } from '../task/task.ts'
import { type TaskId, taskIdText } from '../task/task-id.ts'
import { bounded } from './bounded.ts'
import { inputLost } from './input-offsets.ts'
import { PendingTasks } from './pending-tasks.ts'
import { ProducingSide } from './producing.ts'
import { RepartitionPurge } from './repartition-purge.ts'
import type { ThreadServices } from './services.ts'
import { TaskOpener } from './task-opener.ts'
import { TaskSet } from './task-set.ts'

/** Longest sleep of an idle thread: how late it hears that it shall stop. */
const pollMsMax = 50
/** A commit that comes later than this was not late for its timer alone. */
const timerLatenessMsMax = 2
/** How late an instance hears that another came or went. */
const heartbeatMsMax = 1000
/** A slow disk may hold a commit back for this part of the transaction's time. */
const openTransactionShare = 0.25
/** State that was not written for so long is marked as in use: delete.retention.ms counts from that mark. */
const touchEveryMs = 60 * 60 * 1000

/**
 * One life of a stream thread: a producer, a membership, and the tasks they carry. It ends cleanly when it is told to stop; any
 * error ends it for good, and the next life begins with a fresh producer, a fresh membership and tasks made anew from their
 * suppliers: nothing remembers aborted effects.
 *
 * Laws
 *  L1  the producer is initialized before anything is read: what an earlier life left open is over
 *  L2  1b(n+1) waits for 3(n); 4(n+1) and 1b(n+2) wait for 4(n); a step 4 that fails ends the life
 *  L3  a partition's records are taken up only while its task runs here; it is handed over after 4(n) and close
 */
export class ThreadLife {
  readonly tasks = new TaskSet()
  readonly consumer: Consumer
  readonly #services: ThreadServices
  readonly #signal: AbortSignal
  readonly #clock: Clock
  readonly #connection: Connection
  readonly #producing: ProducingSide
  readonly #assignor: StreamsAssignor
  readonly #pending: PendingTasks
  readonly #purge: RepartitionPurge
  /** The last commit, and all before it. */
  #last: CommitEnd = { committed: Promise.resolve(), written: Promise.resolve() }
  /** Step 4 of the commit before the last. */
  #writtenBefore: Promise<void> = Promise.resolve()
  #failure: { readonly error: unknown } | null = null
  #lastCommitMs: number
  /** Between a revocation and the next assignment nothing is taken up (L3). */
  #suspended = true
  #over = false
  /** The last turn left nothing that could be taken up at once. */
  #idle = false
  /** Counts turns: another task goes first in each. */
  #turns = 0
  /** Something happened that no record tells of. */
  readonly #wake = (): void => this.consumer.wakeup()

  /** `signal`: it shall end. */
  constructor(services: ThreadServices, signal: AbortSignal) {
    const { config, plan, stateDirectory } = services
    const { processId } = stateDirectory
    this.#services = services
    this.#signal = signal
    this.#clock = config.machine.clock
    this.#lastCommitMs = this.#clock.monotonic()
    this.#connection = services.connect(`${config.applicationId}-consumer`)
    this.#assignor = new StreamsAssignor(plan, processId, () => this.#ownTasks())
    this.consumer = new Consumer(this.#connection, {
      groupId: config.applicationId,
      groupInstanceId: processId,
      // Under at-least-once too: records that were never committed are nobody's input.
      isolation: 'readCommitted',
      autoOffsetReset: 'none',
      assignors: [this.#assignor],
      sessionTimeoutMs: config.sessionTimeoutMs,
      heartbeatIntervalMs: Math.ceil(Math.min(config.sessionTimeoutMs / 3, heartbeatMsMax)),
      clock: this.#clock,
    })
    const producerConnection = services.connect(`${config.applicationId}-producer`)
    this.#producing = new ProducingSide(producerConnection, this.consumer, config, processId)
    const opener = new TaskOpener(services, this.consumer, this.#producing.producer)
    this.#pending = new PendingTasks(opener, this.#wake, (error) => this.#fail(error))
    this.#purge = new RepartitionPurge(services)
  }

  /** Runs until the signal says stop (then everything is committed and closed), or until an error, which it throws. */
  async run(): Promise<void> {
    await this.#producing.start()
    this.consumer.subscribe(this.#services.plan.sourceTopics, {
      onAssigned: () => this.#assigned(),
      onRevoked: () => this.#revoked(),
      onLost: () => this.#lost(),
    })
    while (!this.#signal.aborted) await this.#turn()
    await this.#finish()
  }

  /** Ends it after an error: nothing more is committed. What fails on the way is told, not thrown. */
  async abandon(leaveGroup: boolean): Promise<void> {
    this.#over = true
    const steps = [
      () => this.#stopOpening(),
      () => this.#last.written,
      ...this.tasks.all.map((active) => () => this.#closeTask(active)),
      () => this.consumer.close({ leaveGroup }),
      () => this.#connection.close(),
      () => this.#producing.close(),
    ]
    await closeEach(steps, (error) => this.#tellUnlessKnown('while a thread was given up', error))
  }

  /** Resolves when the last commit is through its step 3, or has failed: that is told by whoever began this life. */
  async commitSettled(): Promise<void> {
    await this.#last.committed.catch(() => undefined)
  }

  /** How long the open transaction has been open. */
  get transactionAgeMs(): number {
    return this.#producing.transactionAgeMs
  }

  /** How far a partition is behind its end; null: not known. */
  lagOf(at: TopicPartition): number | null {
    return this.#suspended ? null : this.consumer.lag(at)
  }

  /** One turn of the loop: read, process a slice, punctuate, commit when it is time. */
  async #turn(): Promise<void> {
    const fetched = await this.#poll()
    if (this.#failure !== null) throw this.#failure.error
    this.tasks.addFetched(fetched, this.consumer)
    this.#adopt()
    if (this.#suspended) {
      this.#idle = true
      return
    }
    const count = await this.#process()
    const punctuated = await this.#punctuate()
    this.tasks.resumeDrained(this.consumer)
    await this.#commitIfDue()
    this.#idle = !this.tasks.all.some(({ task }) => task.hasReady())
    // Fetches, heartbeats and other people's timers get their turn.
    if (count > 0 || punctuated || fetched.length > 0) await this.#giveWay()
    else await this.#touchUnused()
  }

  /** Others run. How long they take is what holds up the whole process. */
  async #giveWay(): Promise<void> {
    const startMs = this.#clock.monotonic()
    await this.#clock.turn()
    const tookMs = this.#clock.monotonic() - startMs
    this.#services.metrics.add('loop-delay-sum', tookMs)
    this.#services.metrics.max('loop-delay-max', tookMs)
  }

  async #poll(): Promise<readonly FetchedPartition[]> {
    try {
      return await this.consumer.pollBatches(this.#idle ? this.#waitMs() : 0)
    } catch (error) {
      if (!StreamError.is(error, 'LOG_OFFSET_OUT_OF_RANGE')) throw error
      throw inputLost('records were removed before they were read', error)
    }
  }

  /** How long nothing will happen unless records come. */
  #waitMs(): number {
    const { commitIntervalMs, maxTaskIdleMs } = this.#services.config
    if (this.#suspended) return pollMsMax
    let waitMs = maxTaskIdleMs > 0 ? Math.min(pollMsMax, maxTaskIdleMs) : pollMsMax
    if (!this.#commitWouldWait && this.tasks.all.some(({ task }) => task.needsCommit)) {
      waitMs = Math.min(waitMs, this.#lastCommitMs + commitIntervalMs - this.#clock.monotonic())
    }
    // At least a moment: a wait of nothing would go round without letting anything else happen.
    return Math.max(1, Math.min(waitMs, this.tasks.punctuationDueMs - this.#clock.now()))
  }

  /** A slice of the loop, shared by the tasks; another one begins each time. */
  async #process(): Promise<number> {
    const tasks = this.tasks.all
    const deadlineMs = this.#clock.monotonic() + loopSliceMs
    let total = 0
    for (let index = 0; index < tasks.length; index++) {
      const active = tasks[(this.#turns + index) % tasks.length]!
      const { task } = active
      const count = task.isAsync ? await this.#bounded(task.processAsync(deadlineMs)) : task.process(deadlineMs)
      total += count
      if (this.#producing.producer.full) await this.#producing.producer.ready()
      if (this.#clock.monotonic() >= deadlineMs) break
    }
    this.#turns++
    return total
  }

  async #punctuate(): Promise<boolean> {
    if (this.#clock.now() < this.tasks.punctuationDueMs) return false
    for (const { task } of this.tasks.all) {
      if (await this.#bounded(task.punctuate())) this.#services.metrics.add('punctuate-total', 1)
    }
    return true
  }

  async #commitIfDue(): Promise<void> {
    const tasks = this.tasks.all
    if (tasks.some(({ task }) => task.commitRequested)) return this.#commit()
    const { commitIntervalMs, transactionTimeoutMs } = this.#services.config
    const sinceMs = this.#clock.monotonic() - this.#lastCommitMs
    if (sinceMs < commitIntervalMs) return
    // Better to take up more records meanwhile, as long as the transaction has time.
    if (this.#commitWouldWait && sinceMs < transactionTimeoutMs * openTransactionShare) return
    if (tasks.some(({ task }) => task.needsCommit)) await this.#commit()
  }

  /** 1b would wait for earlier commits. The end of each one wakes the thread. */
  get #commitWouldWait(): boolean {
    return this.tasks.all.some(({ state }) => !state.mayRotate)
  }

  /** Up to where the tasks may go on. */
  async #commit(): Promise<void> {
    const tasks = this.tasks.all.filter(({ task }) => task.needsCommit)
    if (tasks.length === 0) return
    const { metrics } = this.#services
    const startMs = this.#clock.monotonic()
    let lapMs = startMs
    const lap = (step: CommitStep): void => {
      const endMs = this.#clock.monotonic()
      metrics.add('commit-step-ms-total', endMs - lapMs, { step })
      lapMs = endMs
    }
    const nowMs = this.#clock.now()
    const flush = (task: Task): Promise<void> => (task.isAsync ? this.#bounded(task.flush()) : task.flush())
    const committed = (): void => this.#report(tasks, this.#clock.monotonic() - startMs)
    const previous = this.#last
    const beforePrevious = this.#writtenBefore
    const target = this.#producing
    const begun = commit({ tasks, target, previous, beforePrevious, nowMs, lap, committed, flush })
    // Where this commit fails, the one before may still be writing.
    const written = begun.then((end) => end.written).finally(() => previous.written)
    written.catch((error: unknown) => this.#fail(error))
    const ended = begun.then((end) => end.committed)
    // `written` fails with it.
    ended.catch(() => undefined)
    this.#last = { committed: ended, written }
    for (const end of [ended, written]) end.then(this.#wake, this.#wake)
    this.#writtenBefore = previous.written
    this.#beginInterval(startMs)
    await begun
  }

  /** Timers come late by up to a millisecond or two: counted from when it was due, the intervals do not grow by that. */
  #beginInterval(startMs: number): void {
    const dueMs = this.#lastCommitMs + this.#services.config.commitIntervalMs
    this.#lastCommitMs = startMs <= dueMs + timerLatenessMsMax ? Math.min(dueMs, startMs) : startMs
  }

  #report(tasks: readonly ActiveTask[], tookMs: number): void {
    const { metrics, events } = this.#services
    metrics.add('commit-total', 1)
    metrics.add('commit-latency-sum', tookMs)
    metrics.max('commit-latency-max', tookMs)
    events.committed()
    this.#purge.maybe(tasks)
  }

  async #touchUnused(): Promise<void> {
    const nowMs = this.#clock.now()
    for (const active of this.tasks.all) {
      if (active.state.settled && nowMs - active.state.writtenMs >= touchEveryMs) await active.touch(nowMs)
    }
  }

  /** A user's promise may hang; a hung thread would hold its tasks for ever. */
  #bounded<T>(work: Promise<T>): Promise<T> {
    const { taskTimeoutMs, sessionTimeoutMs } = this.#services.config
    return bounded(work, {
      clock: this.#clock,
      timeoutMs: taskTimeoutMs,
      signal: this.#signal,
      graceMs: Math.min(taskTimeoutMs, sessionTimeoutMs),
    })
  }

  /** What ended this life is told by whoever began it. */
  #tellUnlessKnown(when: string, error: unknown): void {
    if (error !== this.#failure?.error) this.#tell(when, error)
  }

  #tell(when: string, error: unknown): void {
    this.#services.events.warning(`${when}: ${String(error)}`)
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#wake()
  }

  #ownTasks(): OwnTasks {
    const running = this.tasks.all.map(({ task }) => task.taskId)
    const kept = this.#services.stateDirectory.taskIds().filter((name) => !this.tasks.has(name))
    return { running, kept }
  }

  async #assigned(): Promise<void> {
    this.#suspended = false
    const wanted = this.#assignor.assigned
    const names = new Set(wanted.map(taskIdText))
    for (const active of this.tasks.all) {
      if (!names.has(active.task.taskId)) await this.#closeTask(active)
    }
    this.tasks.reassigned(this.consumer)
    const missing = wanted.filter((id) => !this.tasks.has(taskIdText(id)))
    if (missing.length === 0) this.#services.events.running()
    else this.#startOpening(missing)
  }

  #startOpening(ids: readonly TaskId[]): void {
    const { plan, events } = this.#services
    events.rebalancing()
    const inputs = ids.flatMap((id) => plan.inputsOf(id))
    this.consumer.pause(inputs)
    // Where they begin is known when they are open; until then the consumer shall not look for positions by itself.
    for (const input of inputs) this.consumer.seek(input, 0)
    this.#pending.open(ids)
  }

  /** Tasks that are open and restored begin. */
  #adopt(): void {
    const opened = this.#pending.take()
    if (opened === null) return
    for (const active of opened) this.tasks.add(active, this.consumer)
    this.#services.events.running()
  }

  /** What goes wrong while tasks are given up is told, not thrown: they are opened anew anyway. */
  async #stopOpening(): Promise<void> {
    try {
      await this.#pending.stop()
    } catch (error) {
      this.#tellUnlessKnown('while tasks were opened', error)
    }
  }

  /** L3: everything is committed and written before the partitions are given back. */
  async #revoked(): Promise<void> {
    if (this.#over) return
    this.#suspended = true
    this.#services.events.rebalancing()
    await this.#stopOpening()
    await this.#commit()
    await this.#last.written
  }

  async #lost(): Promise<void> {
    if (this.#over) return
    throw new StreamError(
      'TASK_MIGRATED',
      'the group went on without this instance: its tasks may run elsewhere by now',
    )
  }

  async #closeTask(active: ActiveTask): Promise<void> {
    this.tasks.remove(active.task.taskId)
    active.report(this.#services.metrics)
    this.#services.metrics.add('task-closed-total', 1)
    await active.close()
  }

  async #finish(): Promise<void> {
    await this.#stopOpening()
    if (!this.#suspended) await this.#commit()
    await this.#last.written
    // Tasks that could not be opened end no life that ends anyway.
    if (this.#failure !== null) this.#tell('while the application was closed', this.#failure.error)
    this.#over = true
    for (const active of this.tasks.all) await active.touch(this.#clock.now())
    await closeAll(this.tasks.all.map((active) => () => this.#closeTask(active)))
    await this.consumer.close({ leaveGroup: true })
    await this.#connection.close()
    await this.#producing.close()
    await this.#purge.ended
  }
}
