import { type Deferred, deferred } from '../base/deferred.ts'
import { StreamError } from '../base/errors.ts'
import { step } from '../base/state-table.ts'
import type { LogLease } from '../client/index.ts'
import type { StoreKind } from '../processor/state-store.ts'
import type { StoreHandle } from '../processor/store-handle.ts'
import type { ViewOfKind } from '../processor/store-views.ts'
import { requireTopology, type Topology } from '../topology/topology.ts'
import type { ActiveTask } from './active-task.ts'
import { closeAll, closeEach } from './closing.ts'
import { Cluster } from './cluster.ts'
import { type ResolvedConfig, resolveConfig, type StreamsConfig } from './config.ts'
import { CommitBell, drain } from './drain.ts'
import { DropLog } from './drop-log.ts'
import { Feed } from './feed.ts'
import { type FeedItem, type FeedTopic, requireFeedTopic } from './feed-item.ts'
import { prepareTopics, topicsExplained } from './internal-topics.ts'
import { type Metric, MetricRegistry } from './metrics.ts'
import { StateDirectory } from './state-dir.ts'
import { StoreQueries, type StoreQueryOptions } from './store-queries.ts'
import { EventHub, type StreamsEvents } from './streams-events.ts'
import { type StreamsState, streamsArrows } from './streams-state.ts'
import type { ThreadEvents } from './thread/services.ts'
import { StreamThread } from './thread/stream-thread.ts'
import type { TopicPlan } from './topic-plan.ts'

export type { StreamsConfig } from './config.ts'

interface StreamsParts {
  readonly config: ResolvedConfig
  readonly hub: EventHub
  readonly lease: LogLease
  readonly stateDirectory: StateDirectory
  readonly cluster: Cluster
  readonly plan: TopicPlan
}

/**
 * One instance of an application: runs a topology on a log until it is closed. Several instances with one application id share
 * the work, each with its own `stateDir`.
 *
 * @example
 * const app = await Streams.start(builder.build(), { applicationId: 'word-count', log: embedded('./data') })
 * await app.feed(lines, ['to be or not to be'])
 * await app.drained()
 * await app.store(counts).get('be')
 * await app.close()
 */
export class Streams {
  readonly #parts: StreamsParts
  readonly #hub: EventHub
  readonly #metrics = new MetricRegistry()
  readonly #bell = new CommitBell()
  readonly #dropLog = new DropLog((line) => console.warn(line))
  readonly #queries: StoreQueries
  readonly #thread: StreamThread
  readonly #feeds = new Set<{ close(): Promise<void> }>()
  readonly #firstRunning: Deferred<void> = deferred()
  /** Aborted when nothing will come any more: closed, or ended by an error. */
  readonly #ended = new AbortController()
  #state: StreamsState = 'created'
  #resumed = false
  #error: { readonly error: unknown } | null = null
  #running: Promise<void> = Promise.resolve()
  #closing: Promise<void> | null = null

  private constructor(parts: StreamsParts) {
    const { config, plan, cluster, stateDirectory, lease } = parts
    this.#parts = parts
    this.#hub = parts.hub
    this.#queries = new StoreQueries(
      plan,
      () => this.#tasks,
      () => this.#requireOpen(),
    )
    this.#thread = new StreamThread({
      config,
      plan,
      cluster,
      stateDirectory,
      metrics: this.#metrics,
      connect: (clientId) => lease.connect(clientId),
      events: this.#threadEvents(),
    })
  }

  /**
   * Resolves when the instance runs: topics are there, tasks are assigned, their state is restored. Rejects with
   * CONFIG_INVALID, TOPOLOGY_INVALID, STATE_DIR_IN_USE, TOPIC_MISSING, TOPICS_NOT_COPARTITIONED,
   * INTERNAL_TOPIC_INVALID, PROCESSOR_FAILED, STORE_MISMATCH, INPUT_OFFSETS_LOST, or what the log says.
   */
  static async start(topology: Topology, options: StreamsConfig): Promise<Streams> {
    const config = resolveConfig(options)
    requireTopology(topology)
    requireTasks(topology)
    const { applicationId, machine } = config
    const hub = new EventHub(config.listeners, (line) => console.warn(line))
    const lease = await config.log.acquire(machine)
    lease.onTrouble?.((trouble) => hub.warn(trouble))
    let stateDirectory: StateDirectory | null = null
    let cluster: Cluster | null = null
    try {
      stateDirectory = await StateDirectory.open(machine, stateDirOf(config, lease), applicationId)
      cluster = new Cluster(lease.connect(`${applicationId}-admin`), machine.clock, `${applicationId}-admin`)
      const { plan, warnings } = await prepareTopics(topology, applicationId, config.onError, cluster)
      const streams = new Streams({ config, hub, lease, stateDirectory, cluster, plan })
      for (const warning of warnings) hub.warn(warning)
      await streams.#begin()
      return streams
    } catch (error) {
      const steps = [() => cluster?.close(), () => stateDirectory?.close(), () => lease.release()]
      await closeEach(steps, (failure) => console.warn(`millrace: after a start that failed: ${String(failure)}`))
      throw error
    }
  }

  /** Kafka Streams' states. */
  get state(): StreamsState {
    return this.#state
  }

  /** Tasks that run here: `<sub-topology>_<partition>`. */
  get activeTasks(): readonly string[] {
    return this.#tasks.map(({ task }) => task.taskId)
  }

  /** Something of an earlier run was found: committed offsets, or committed state. */
  get resumed(): boolean {
    return this.#resumed
  }

  /** Changelog records that were read back since the start. */
  get restoredRecords(): number {
    return this.#metrics.total('restore-total')
  }

  /** Records of this topic that this instance has taken up since the start. */
  processedRecords(topic: string): number {
    for (const active of this.#tasks) active.report(this.#metrics)
    const name = this.#parts.plan.realName(topic)
    let sum = 0
    for (const { name: metric, labels, value } of this.#metrics.snapshot()) {
      if (metric === 'records-consumed-total' && labels.topic === name) sum += value
    }
    return sum
  }

  /** Calls the listener from now on; returns how to stop it. `listeners` in the config hear the start too. CONFIG_INVALID. */
  on<Name extends keyof StreamsEvents>(name: Name, listener: (event: StreamsEvents[Name]) => void): () => void {
    return this.#hub.on(name, listener)
  }

  /**
   * Writes values, or records `{ key, value, timestampMs, headers }`, into a topic; resolves when all of them are in the log,
   * durably. (An object with `value`, and no field that a record does not have, is a record: values that have a field `value`
   * themselves are written as records, `{ value: { value: 5 } }`.) Partition by the key's bytes (murmur2). TOPIC_MISSING, INPUT_INVALID, SERDE_FAILED, CLOSED.
   */
  async feed<K, V>(
    topic: FeedTopic<K, V>,
    // A text is iterable, too; fed by mistake it would be taken apart into characters.
    items: (Iterable<FeedItem<K, V>> | AsyncIterable<FeedItem<K, V>>) & object,
  ): Promise<void> {
    this.#requireOpen()
    requireFeedTopic('feed', topic)
    const { cluster, lease, config } = this.#parts
    const found = (await cluster.describe([topic.name])).get(topic.name)
    if (found === undefined) {
      throw new StreamError(
        'TOPIC_MISSING',
        `the topic '${topic.name}' does not exist; create it, or declare it with partitions`,
      )
    }
    this.#requireOpen()
    const connection = lease.connect(`${config.applicationId}-feed`)
    const feed = new Feed(topic, found.partitionCount, connection, config.machine)
    this.#feeds.add(feed)
    try {
      await feed.run(items)
    } finally {
      this.#feeds.delete(feed)
    }
  }

  /**
   * Resolves when everything that is in the input topics now is processed and committed, what it led to in the application's own
   * topics included. Rejects with CLOSED, or with the error that ended the application.
   */
  async drained(): Promise<void> {
    this.#requireOpen()
    const { plan, cluster, config } = this.#parts
    try {
      await drain(plan, cluster, config.machine.clock, this.#bell, this.#ended.signal)
    } catch (error) {
      throw await topicsExplained(error, plan, config.onError, cluster)
    } finally {
      this.#requireOpen()
    }
    await this.#thread.life?.commitSettled()
    this.#requireOpen()
  }

  /**
   * A view on the committed rows of a store: of a table, or by name with kind and serdes. Of one key it is the whole truth, or
   * STORE_NOT_READY while another instance may have it; scans give the rows of this instance's tasks.
   */
  store<View>(handle: StoreHandle<View>): View
  store<Kind extends StoreKind, K, V>(name: string, options: StoreQueryOptions<Kind, K, V>): ViewOfKind<K, V>[Kind]
  store(handle: StoreHandle<unknown> | string, options?: StoreQueryOptions<StoreKind, unknown, unknown>): unknown {
    this.#requireOpen()
    return typeof handle === 'string' ? this.#queries.openAs(handle, options) : this.#queries.open(handle)
  }

  /** All metrics, under Kafka Streams' names. */
  metrics(): Metric[] {
    this.#metrics.set('client-state', Object.keys(streamsArrows).indexOf(this.#state))
    this.#metrics.set('alive-stream-threads', this.#thread.life === null ? 0 : 1)
    this.#metrics.set('open-transaction-age-ms', this.#thread.life?.transactionAgeMs ?? 0)
    const commits = this.#metrics.get('commit-total')
    if (commits > 0) this.#metrics.set('commit-latency-avg', this.#metrics.get('commit-latency-sum') / commits)
    for (const active of this.#tasks) {
      active.report(this.#metrics)
      const { task, state } = active
      const labels = { task: task.taskId }
      this.#metrics.set('active-buffer-count', task.group.bufferedRecords, labels)
      this.#metrics.set('cache-size-bytes-total', state.dirtyBytes, labels)
      for (const { topic, partition } of task.group.queues) {
        const lag = this.#thread.life?.lagOf({ topic, partition }) ?? null
        if (lag !== null) this.#metrics.set('records-lag', lag, { topic, partition: String(partition) })
      }
    }
    return this.#metrics.snapshot()
  }

  /** Commits, closes the tasks, leaves the group, lets go of everything. Idempotent; after it the process ends by itself. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #begin(): Promise<void> {
    this.#go('rebalancing')
    this.#running = this.#thread.run().then(
      () => undefined,
      (error: unknown) => this.#failed(error),
    )
    await Promise.race([this.#firstRunning.promise, this.#running])
    if (this.#error !== null) throw this.#error.error
  }

  /** The thread has ended with an error: so has the application. */
  #failed(error: unknown): void {
    this.#error = { error }
    this.#ended.abort()
    this.#bell.ring()
    if (this.#state === 'pendingShutdown') {
      this.#hub.warn(`what was not committed yet will be done again at the next start: ${String(error)}`)
      return
    }
    this.#go('pendingError')
    this.#go('error')
    this.#hub.emit('error', error)
  }

  async #close(): Promise<void> {
    const { cluster, stateDirectory, lease } = this.#parts
    this.#go('pendingShutdown')
    this.#ended.abort()
    this.#bell.ring()
    this.#thread.stop()
    try {
      await closeAll([
        ...[...this.#feeds].map((feed) => () => feed.close()),
        () => this.#running,
        () => cluster.close(),
        () => stateDirectory.close(),
        () => lease.release(),
      ])
    } finally {
      this.#go('notRunning')
    }
  }

  get #tasks(): readonly ActiveTask[] {
    return this.#thread.life?.tasks.all ?? []
  }

  #go(to: StreamsState): void {
    const from = this.#state
    this.#state = step(streamsArrows, from, to)
    this.#hub.emit('state', { from, to })
  }

  #requireOpen(): void {
    if (this.#error !== null) throw this.#error.error
    if (this.#ended.signal.aborted) throw new StreamError('CLOSED', 'the application is closed; start it again')
  }

  #threadEvents(): ThreadEvents {
    return {
      running: () => {
        if (this.#state === 'rebalancing') this.#go('running')
        this.#firstRunning.resolve()
      },
      rebalancing: () => {
        if (this.#state === 'running') this.#go('rebalancing')
      },
      resumed: () => {
        this.#resumed = true
      },
      committed: () => this.#bell.ring(),
      restore: (progress) => {
        const labels = { task: progress.taskId, store: progress.store }
        this.#metrics.set('restore-remaining-records-total', progress.remaining, labels)
        this.#hub.emit('restore', progress)
      },
      dropped: (record) => {
        if (this.#hub.hears('dropped')) this.#hub.emit('dropped', record)
        else this.#dropLog.tell(record)
      },
      warning: (message) => this.#hub.warn(message),
    }
  }
}

function requireTasks(topology: Topology): void {
  if (topology.subTopologies.length === 0) {
    throw new StreamError('TOPOLOGY_INVALID', 'the topology reads no topic; begin with builder.stream or builder.table')
  }
}

function stateDirOf(config: ResolvedConfig, lease: LogLease): string {
  if (config.stateDir !== null) return config.stateDir
  if (lease.directory !== null) return `${lease.directory}/state`
  throw new StreamError(
    'CONFIG_INVALID',
    'stateDir is not set, and the log has no folder of its own; say where state lies',
  )
}
