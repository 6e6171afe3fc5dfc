import type { Topic } from '../../dsl/topic.ts'
import { memory } from '../../state-stores/engines/memory-engine.ts'
import { StreamError } from '../base/errors.ts'
import { cleanCacheBytesMax, generationBytesMax, generationEntriesMax } from '../base/limits.ts'
import { type Machine, systemMachine } from '../base/machine.ts'
import { anything, aText, checkOptions, type OptionChecks, oneOf } from '../base/option-checks.ts'
import type { ErrorPolicies } from '../processor/error-policy.ts'
import type { StateStore } from '../processor/state-store.ts'
import type { StoreBuilder } from '../processor/store-builder.ts'
import type { StoreHandle } from '../processor/store-handle.ts'
import { plainHeader, singleRecordBatch } from '../records/batch-builder.ts'
import { patchOffset } from '../records/batch-format.ts'
import { checkApplicationId, checkPolicies } from '../runtime/config.ts'
import { checkRecord, invalid, requireFeedTopic } from '../runtime/feed-item.ts'
import { TaskState } from '../runtime/state/task-state.ts'
import { Task, type TaskInput } from '../runtime/task/task.ts'
import { requireTopology, type Topology } from '../topology/topology.ts'
import { CapturingCollector, type ProducedRecord } from './capturing-collector.ts'
import { frozenNodes } from './freeze.ts'
import { ManualClock } from './manual-clock.ts'
import { TestInput, TestOutput } from './test-topics.ts'

export interface TopologyTestDriverOptions {
  /** Part of the names of internal topics. Default: 'test'. */
  readonly applicationId?: string
  /** Where the wall clock stands at the start, milliseconds since 1970. Default: 0. */
  readonly initialTimeMs?: number
  /** What happens to records that fail, where a step does not say its own. Default: 'fail'. */
  readonly onError?: ErrorPolicies
  /** 'everyRecord' (default) commits after each processed record; 'byHand' only when `commit` is called. */
  readonly commit?: 'everyRecord' | 'byHand'
  /** A folder for the stores' own engines. Default: all state in memory, whatever engine a store names. */
  readonly stateDir?: string
}

/**
 * Runs a topology in a test: no log, no threads, time moved by hand. The operators, stores and the task are those of the
 * runtime. All sub-topologies are one task, `0_0`; every topic has one partition (a sink's partitioner is asked with as many
 * as its topic is declared with, and what it chooses is checked); topics that the topology writes and
 * reads, repartition topics among them, are fed back.
 *
 * What callbacks must not mutate is frozen: a test that mutates a record, its headers or what a source read throws.
 *
 * @example
 * await using driver = await TopologyTestDriver.start(builder.build())
 * await driver.input(lines).pipe('to be or not to be')
 * driver.output(totals).readAll()   // [{ key: 'to', value: 1, … }, …]
 */
export class TopologyTestDriver {
  readonly #applicationId: string
  readonly #topology: Topology
  readonly #clock: ManualClock
  readonly #collector: CapturingCollector
  readonly #commitEveryRecord: boolean
  readonly #task: Task
  readonly #state: TaskState
  readonly #produced = new Map<string, ProducedRecord[]>()
  /** The next offset of each topic that a source reads. */
  readonly #offsets: Map<string, number>
  #failure: { readonly error: unknown } | null = null
  /** Ends when the calls made so far have. */
  #pending: Promise<void> = Promise.resolve()
  #isClosed = false

  private constructor(parts: DriverParts) {
    this.#applicationId = parts.applicationId
    this.#topology = parts.topology
    this.#clock = parts.clock
    this.#collector = parts.collector
    this.#commitEveryRecord = parts.commitEveryRecord
    this.#task = parts.task
    this.#state = parts.state
    this.#offsets = new Map(parts.inputs.map(({ topic }) => [topic, 0]))
  }

  /**
   * Opens the stores and starts the processors. Rejects with CONFIG_INVALID for an option that is none, else with what the
   * topology's stores or processors refuse.
   */
  static async start(topology: Topology, options: TopologyTestDriverOptions = {}): Promise<TopologyTestDriver> {
    checkDriverOptions(options)
    requireTopology(topology)
    for (const node of topology.nodes.values()) checkPolicies(node.name, node.onError)
    const applicationId = options.applicationId ?? 'test'
    const clock = new ManualClock(options.initialTimeMs ?? 0)
    const builders = [...new Set(topology.subTopologies.flatMap(({ stores }) => stores))]
    const logged = new Set(builders.filter(({ changelog }) => changelog !== null).map(({ name }) => name))
    const collector = new CapturingCollector(
      (plainName) => realName(topology, applicationId, plainName),
      (plainName) => partitionsOf(topology, plainName),
      (storeName) => (logged.has(storeName) ? `${applicationId}-${storeName}-changelog` : null),
    )
    const inputs = inputsOf(topology, applicationId)
    const task = new Task({
      id: { subTopology: 0, partition: 0 },
      applicationId,
      nodes: frozenNodes(topology.subTopologies.flatMap(({ nodes }) => nodes)),
      inputs,
      clock,
      collector,
      onError: options.onError ?? {},
      maxTaskIdleMs: -1,
      lagOf: () => 0,
      onDropped: null,
      generationEntriesMax,
      generationBytesMax,
    })
    const machine: Machine = { ...systemMachine, clock }
    const state = await TaskState.open({
      machine,
      directory: `${options.stateDir ?? ''}/0_0`,
      builders: options.stateDir === undefined ? builders.map(inMemory) : builders,
      fingerprint: topology.fingerprint,
      cleanCacheBytesMax,
      lockWaitMs: 0,
      currentTimestampMs: () => task.moment.timestampMs,
      recordDropped: (store, reason) => task.drops.count(store, reason, task.moment.place()),
    })
    const commitEveryRecord = options.commit !== 'byHand'
    const driver = new TopologyTestDriver({
      applicationId,
      topology,
      clock,
      collector,
      commitEveryRecord,
      task,
      state,
      inputs,
    })
    task.restoring()
    task.start(state.stores)
    return driver
  }

  /** The way into a topic that the topology reads. TOPIC_UNKNOWN when it does not. */
  input<K, V>(topic: Topic<K, V>): TestInput<K, V> {
    requireFeedTopic('input', topic)
    this.#requireSource(topic.name)
    return new TestInput(
      topic,
      () => this.#clock.now(),
      (record) => this.pipe(record),
    )
  }

  /** Reads a topic from its first record on, whoever else does. */
  output<K, V>(topic: Topic<K, V>): TestOutput<K, V> {
    requireFeedTopic('output', topic)
    return new TestOutput(topic, this.#recordsOf(topic.name))
  }

  /**
   * What queries see of a store, typed by its table (or other handle): what is committed, which by default is everything.
   * STORE_UNKNOWN when the topology has none of that name.
   *
   * @example
   * await driver.store(counts).get('be')
   */
  store<View>(handle: StoreHandle<View>): View {
    const name = handle?.storeName
    const store = this.#state.stores.get(name)
    if (store !== undefined) return store.committedView() as View
    const known = [...this.#state.stores.keys()].join(', ')
    const what = this.#topology.stores.has(name)
      ? `the store ${name} is not connected to any processor; name it in the stores of one`
      : `there is no store ${name}; the topology has: ${known}`
    throw new StreamError('STORE_UNKNOWN', what)
  }

  /** Raw bytes into a topic by its real name; resolves when all that follows is done. */
  async pipe(record: ProducedRecord): Promise<void> {
    const { topic, key, value, timestampMs, headers } = record
    this.#requireSource(topic)
    // Before anything is taken in: a record that is refused does not end the driver.
    checkRecord(topic, timestampMs, headers)
    if (!isBytes(key) || !isBytes(value))
      throw invalid(topic, 'was given a key or value that is no bytes; give a Buffer or null')
    await this.#guarded(async () => {
      this.#enqueue(record)
      await this.#workOff()
    })
  }

  /**
   * Moves the wall clock on; its punctuators that came due run once each, and a commit follows unless commits are made
   * by hand. INPUT_INVALID unless it is a whole number of milliseconds from 0 on.
   */
  async advance(ms: number): Promise<void> {
    if (!Number.isSafeInteger(ms) || ms < 0) {
      throw new StreamError('INPUT_INVALID', `time cannot advance by ${ms} ms; give a whole number from 0 on`)
    }
    await this.#guarded(async () => {
      this.#clock.advance(ms)
      await this.#task.punctuate()
      if (this.#commitEveryRecord) await this.#commit()
      await this.#workOff()
    })
  }

  /** Commits now: what operators held back is told, changelogs are written, queries see the new state. */
  async commit(): Promise<void> {
    await this.#guarded(async () => {
      await this.#commit()
      await this.#workOff()
    })
  }

  /** Everything that was written so far, by the topic's real name, in order. */
  get produced(): ReadonlyMap<string, readonly ProducedRecord[]> {
    return this.#produced
  }

  /** The live stores by name, as processors see them. */
  get stores(): ReadonlyMap<string, StateStore> {
    return this.#state.stores
  }

  /** How many records were left out: Kafka Streams' `dropped-records-total`. */
  get droppedRecords(): number {
    return this.#task.drops.total
  }

  /** The wall clock, milliseconds since 1970. */
  get nowMs(): number {
    return this.#clock.now()
  }

  /** Ends the processors and closes the stores, after what was begun. Idempotent; every other call then gives CLOSED. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#pending
    this.#task.close()
    await this.#state.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  // ---- the loop

  /** One call after the other: an asynchronous step may still be at the record of the one before. */
  #guarded(work: () => Promise<void>): Promise<void> {
    if (this.#isClosed) return Promise.reject(new StreamError('CLOSED', 'the test driver is closed; start another one'))
    const done = this.#pending.then(() => this.#tried(work))
    this.#pending = done.catch(() => undefined)
    return done
  }

  async #tried(work: () => Promise<void>): Promise<void> {
    if (this.#failure !== null) throw this.#failure.error
    try {
      await work()
    } catch (error) {
      this.#failure = { error }
      throw error
    }
  }

  /** One record after the other, each with its commit, until nothing is left to do. */
  async #workOff(): Promise<void> {
    for (;;) {
      this.#keepProduced()
      const count = this.#task.isAsync ? await this.#task.processAsync(0) : this.#task.process(0)
      // A record that could not be decoded is no record taken up, but its dead letter may be another's input.
      if (count === 0 && !this.#keepProduced()) return
      if (count > 0 && this.#commitEveryRecord) await this.#commit()
    }
  }

  /** D4's steps, without a log that could fail. */
  async #commit(): Promise<void> {
    await this.#task.flush()
    this.#state.rotate((storeName) => this.#collector.changelog(storeName))
    this.#task.takeOffsets()
    this.#state.committed()
    await this.#state.write({ timeMs: this.#clock.now(), changelogs: {}, inputs: {} }, false)
  }

  /** Says whether there was anything. */
  #keepProduced(): boolean {
    const produced = this.#collector.take()
    for (const record of produced) {
      this.#recordsOf(record.topic).push(record)
      if (this.#offsets.has(record.topic)) this.#enqueue(record)
    }
    return produced.length > 0
  }

  #enqueue({ topic, key, value, timestampMs, headers }: ProducedRecord): void {
    const offset = this.#requireSource(topic)
    const buffer = singleRecordBatch(timestampMs, key, value, plainHeader, headers)
    patchOffset(buffer, 0, offset, 0)
    this.#offsets.set(topic, offset + 1)
    this.#task.add(topic, 0, { buffer, batches: [0], firstOffset: offset, nextOffset: offset + 1 })
  }

  #requireSource(topic: string): number {
    const offset = this.#offsets.get(topic)
    if (offset !== undefined) return offset
    const known = [...this.#offsets.keys()].join(', ')
    throw new StreamError('TOPIC_UNKNOWN', `no source reads the topic ${topic}; the topology reads: ${known}`)
  }

  #recordsOf(topic: string): ProducedRecord[] {
    const records = this.#produced.get(topic) ?? []
    this.#produced.set(topic, records)
    return records
  }
}

interface DriverParts {
  readonly applicationId: string
  readonly topology: Topology
  readonly clock: ManualClock
  readonly collector: CapturingCollector
  readonly commitEveryRecord: boolean
  readonly task: Task
  readonly state: TaskState
  readonly inputs: readonly TaskInput[]
}

const driverChecks = {
  applicationId: anything,
  initialTimeMs: (value) => (Number.isSafeInteger(value) && Number(value) >= 0 ? null : 'a whole number from 0 on'),
  onError: anything,
  commit: oneOf('everyRecord', 'byHand'),
  stateDir: aText,
} satisfies OptionChecks<TopologyTestDriverOptions>

function checkDriverOptions(options: TopologyTestDriverOptions): void {
  checkOptions('the test driver', options, driverChecks)
  if (options.applicationId !== undefined) checkApplicationId(options.applicationId)
  checkPolicies('the test driver', options.onError ?? {})
}

function isBytes(part: unknown): boolean {
  return part === null || Buffer.isBuffer(part)
}

function realName(topology: Topology, applicationId: string, plainName: string): string {
  return topology.repartitionTopics.has(plainName) ? `${applicationId}-${plainName}` : plainName
}

/** As declared: a partitioner may choose by a number it knows. */
function partitionsOf(topology: Topology, plainName: string): number {
  const declared = topology.declaredTopics.get(plainName) ?? topology.repartitionTopics.get(plainName)
  return declared?.partitions ?? 1
}

function inputsOf(topology: Topology, applicationId: string): TaskInput[] {
  const metadata = { partitionTimeMs: -1, streamTimesMs: new Map<string, number>() }
  const inputs: TaskInput[] = []
  for (const node of topology.nodes.values()) {
    if (node.kind !== 'source') continue
    for (const topic of node.topics) {
      inputs.push({
        topic: realName(topology, applicationId, topic),
        partition: 0,
        source: node.name,
        position: 0,
        metadata,
      })
    }
  }
  return inputs
}

/** The same store with its rows in memory: what it shows does not depend on where they lie. */
function inMemory(builder: StoreBuilder): StoreBuilder {
  const engine = memory()
  const { name, kind, changelog, retentionMs, fingerprint } = builder
  return {
    name,
    kind,
    changelog,
    fingerprint,
    engine: {
      name: builder.engine.name,
      persistent: false,
      open: (machine, directory) => engine.open(machine, directory),
    },
    ...(retentionMs !== undefined && { retentionMs }),
    build: () => builder.build(),
  }
}
