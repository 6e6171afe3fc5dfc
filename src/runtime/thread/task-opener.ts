import { assert } from '../../base/assert.ts'
import { StreamError } from '../../base/errors.ts'
import type { CommittedOffset } from '../../client/consumer/committed-offsets.ts'
import type { Consumer } from '../../client/consumer/consumer.ts'
import type { Producer } from '../../client/producer/producer.ts'
import { nameOf } from '../../client/topic-partition.ts'
import { ActiveTask, type ChangelogPosition } from '../active-task.ts'
import { type ClosingStep, closeEach } from '../closing.ts'
import { required } from '../cluster.ts'
import { ProducerCollector } from '../record-collector.ts'
import { restoreStores, type StoreToRestore } from '../restore.ts'
import { planRestore } from '../restore-plan.ts'
import { type OpenStore, TaskState } from '../state/task-state.ts'
import { decodeOffsetMetadata } from '../task/offset-metadata.ts'
import { Task, type TaskInput } from '../task/task.ts'
import type { TaskId } from '../task/task-id.ts'
import { changelogTopicName, type PlannedInput } from '../topic-plan.ts'
import { changelogReader } from './changelog-reader.ts'
import { type InputFacts, requireInputOffsets } from './input-offsets.ts'
import type { ThreadServices } from './services.ts'

/** One attempt to read offsets; between two it looks whether it shall stop. */
const offsetsWaitMs = 1000

/**
 * Makes tasks that run: offsets, state, restore, processors. The order is that of D4's table: offsets of transactions that
 * are over (requireStable), then the ends of the changelogs read uncommitted, then the restore up to them.
 */
export class TaskOpener {
  readonly #services: ThreadServices
  readonly #consumer: Consumer
  readonly #producer: Producer

  constructor(services: ThreadServices, consumer: Consumer, producer: Producer) {
    this.#services = services
    this.#consumer = consumer
    this.#producer = producer
  }

  /** One after the other. What was opened before an error is closed again. */
  async open(ids: readonly TaskId[], signal: AbortSignal): Promise<ActiveTask[]> {
    const opened: ActiveTask[] = []
    try {
      const facts = await this.#inputFacts(ids, signal)
      for (const id of ids) opened.push(await this.#openTask(id, facts, signal))
      return opened
    } catch (error) {
      await this.#giveUp(opened.map((active) => () => active.close()))
      throw error
    }
  }

  async #inputFacts(ids: readonly TaskId[], signal: AbortSignal): Promise<ReadonlyMap<string, InputFacts>> {
    const { plan, cluster } = this.#services
    const inputs = ids.flatMap((id) => plan.inputsOf(id))
    const committed = await this.#committed(inputs, signal)
    const topics = await cluster.describe([...new Set(inputs.map(({ topic }) => topic))])
    const starts = await cluster.startOffsets(inputs)
    const facts = new Map<string, InputFacts>()
    for (const input of inputs) {
      const name = nameOf(input)
      const startOffset = starts.get(name)!
      const found = committed.get(name) ?? null
      const topicId = required(topics, input.topic).topicId
      const position = found === null ? await this.#firstPosition(input, startOffset) : found.offset
      facts.set(name, { ...input, topicId, committed: found, startOffset, position })
    }
    return facts
  }

  /** What is committed once no open transaction holds offsets of these partitions. */
  async #committed(
    inputs: readonly PlannedInput[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, CommittedOffset | null>> {
    const { clock } = this.#services.config.machine
    const deadlineMs = clock.monotonic() + this.#services.config.taskTimeoutMs
    for (;;) {
      try {
        return await this.#consumer.committed(inputs, { requireStable: true, timeoutMs: offsetsWaitMs })
      } catch (error) {
        const again = StreamError.is(error, 'OFFSETS_UNSTABLE') || StreamError.is(error, 'TIMED_OUT')
        if (!again || signal.aborted || clock.monotonic() >= deadlineMs) throw error
      }
    }
  }

  /** Nothing was committed: the source says where to begin. */
  async #firstPosition(input: PlannedInput, startOffset: number): Promise<number> {
    const { plan, cluster } = this.#services
    const source = plan.topology.nodes.get(input.source)
    if (source?.kind !== 'source' || source.autoOffsetReset !== 'latest') return startOffset
    return (await cluster.endOffsets([input])).get(nameOf(input))!
  }

  async #openTask(id: TaskId, facts: ReadonlyMap<string, InputFacts>, signal: AbortSignal): Promise<ActiveTask> {
    const { plan, config, metrics } = this.#services
    const inputs = plan.inputsOf(id).map((input) => facts.get(nameOf(input))!)
    const collector = new ProducerCollector(this.#producer, plan, config.machine.random, id.partition)
    const task = this.#makeTask(id, inputs, collector)
    const state = await this.#openState(task, signal)
    try {
      requireInputOffsets(task.taskId, inputs, state.lastCommit)
      this.#compareTopology(task.taskId, state.lastTopology)
      const known = Object.keys(state.lastCommit?.inputs ?? {}).length > 0
      if (known || inputs.some(({ committed }) => committed !== null)) this.#services.events.resumed()
      task.restoring()
      const changelogs = await this.#restore(task, state, inputs, signal)
      task.start(state.stores)
      metrics.add('task-created-total', 1)
      return new ActiveTask({ task, state, collector, producer: this.#producer, changelogs, inputs })
    } catch (error) {
      await this.#giveUp([() => task.close(), () => state.close()])
      throw error
    }
  }

  /** After an error, which is the news; what goes wrong on the way is told. */
  #giveUp(steps: readonly ClosingStep[]): Promise<void> {
    const { events } = this.#services
    return closeEach(steps, (error) => events.warning(`while tasks that cannot begin were given up: ${String(error)}`))
  }

  #makeTask(id: TaskId, facts: readonly InputFacts[], collector: ProducerCollector): Task {
    const { config, plan, events } = this.#services
    const inputs: TaskInput[] = facts.map(({ topic, partition, source, position, committed }) => ({
      topic,
      partition,
      source,
      position,
      committed: committed?.offset ?? -1,
      metadata: decodeOffsetMetadata(committed?.metadata ?? null),
    }))
    return new Task({
      id,
      applicationId: config.applicationId,
      nodes: plan.subTopology(id.subTopology).nodes,
      inputs,
      clock: config.machine.clock,
      collector,
      onError: config.onError,
      maxTaskIdleMs: config.maxTaskIdleMs,
      lagOf: (topic, partition) => this.#consumer.lag({ topic, partition }),
      onDropped: (record) => events.dropped(record),
      generationEntriesMax: config.generationEntriesMax,
      generationBytesMax: config.generationBytesMax,
    })
  }

  #openState(task: Task, signal: AbortSignal): Promise<TaskState> {
    const { config, plan, stateDirectory } = this.#services
    return TaskState.open({
      machine: config.machine,
      directory: stateDirectory.taskDirectory(task.taskId),
      builders: plan.subTopology(task.id.subTopology).stores,
      fingerprint: plan.topology.fingerprint,
      cleanCacheBytesMax: config.cleanCacheBytesMax,
      lockWaitMs: config.taskTimeoutMs,
      signal,
      currentTimestampMs: () => task.moment.timestampMs,
      recordDropped: (store, reason) => task.drops.count(store, reason, task.moment.place()),
    })
  }

  /** A changed topology may go on from old state; stores that do not fit were refused already. It is said all the same. */
  #compareTopology(taskId: string, last: string | null): void {
    if (last === null || last === this.#services.plan.topology.fingerprint) return
    this.#services.events.warning(`the topology has changed since task ${taskId} ran here last`)
  }

  async #restore(
    task: Task,
    state: TaskState,
    inputs: readonly InputFacts[],
    signal: AbortSignal,
  ): Promise<ChangelogPosition[]> {
    const { config, metrics, events, connect } = this.#services
    const stores = await this.#plan(task.id, state)
    if (stores.length === 0) return []
    for (const { opened, plan } of stores) {
      if (plan.reason === null || plan.to === plan.from) continue
      metrics.add('store-rebuilds-total', 1, { reason: plan.reason })
      if (plan.reason !== 'not-persistent') {
        events.warning(`${opened.store.name} of task ${task.taskId} is rebuilt: ${plan.reason}`)
      }
    }
    const reader = changelogReader(connect, config)
    try {
      const { clock } = config.machine
      const timeoutMs = config.taskTimeoutMs
      const onProgress = events.restore.bind(events)
      const restored = await restoreStores({
        taskId: task.taskId,
        state,
        stores,
        reader,
        clock,
        timeoutMs,
        signal,
        onProgress,
      })
      metrics.add('restore-total', restored, { task: task.taskId })
      if (restored > 0) this.#refuseStateWithoutOffsets(task.taskId, inputs)
    } finally {
      await reader.close()
    }
    return stores.map(({ opened, topic, partition, topicId, leaderEpoch, plan }) => {
      const { name } = opened.store
      return { store: name, topic, partition, topicId, leaderEpoch, offset: plan.to }
    })
  }

  async #plan(id: TaskId, state: TaskState): Promise<StoreToRestore[]> {
    const { config, cluster } = this.#services
    const logged = state.opened.filter(({ builder }) => builder.changelog !== null)
    if (logged.length === 0) return []
    const partitionOf = ({ store }: OpenStore): { topic: string; partition: number; leaderEpoch: number } => ({
      topic: changelogTopicName(config.applicationId, store.name),
      partition: id.partition,
      leaderEpoch: -1,
    })
    const partitions = logged.map(partitionOf)
    const topics = await cluster.describe(partitions.map(({ topic }) => topic))
    const starts = await cluster.startOffsets(partitions)
    const ends = await cluster.endOffsets(partitions)
    const stored = logged.flatMap((opened) =>
      opened.position === null ? [] : [{ ...partitionOf(opened), leaderEpoch: opened.position.leaderEpoch }],
    )
    const epochEnds = await cluster.epochEnds(stored)
    const result: StoreToRestore[] = []
    for (const opened of logged) {
      const { topic, partition } = partitionOf(opened)
      const name = nameOf({ topic, partition })
      const facts = required(topics, topic)
      const leaderEpoch = facts.leaderEpochs[partition]!
      const changelog = {
        topicId: facts.topicId,
        startOffset: starts.get(name)!,
        endOffset: ends.get(name)!,
        storedEpochEnd: epochEnds.get(name) ?? null,
        deleteRetentionMs: await cluster.deleteRetentionMs(topic),
      }
      const plan = planRestore(opened, changelog, state.writtenMs, config.machine.clock.now())
      result.push({ opened, topic, partition, topicId: facts.topicId, leaderEpoch, plan })
    }
    return result
  }

  /** Exactly once, state and offsets come in one transaction: state alone means that the offsets were lost. */
  #refuseStateWithoutOffsets(taskId: string, inputs: readonly InputFacts[]): void {
    assert(inputs.length > 0, 'a task reads something')
    if (this.#services.config.guarantee !== 'exactlyOnce' || inputs.some(({ committed }) => committed !== null)) return
    const what = `task ${taskId} has state in its changelogs, but its group has no committed offsets: it would count its input again; commit the offsets that belong to the state, or reset the application (state, changelogs and offsets together)`
    throw new StreamError('INPUT_OFFSETS_LOST', what)
  }
}
