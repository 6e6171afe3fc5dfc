import { expect } from 'chai'
import type { ErrorPolicies } from '../../../src/processor/error-policy.ts'
import type { Processor, ProcessorContext } from '../../../src/processor/processor.ts'
import type { Record } from '../../../src/processor/record.ts'
import type { StateStore } from '../../../src/processor/state-store.ts'
import { BatchBuilder, plainHeader } from '../../../src/records/batch-builder.ts'
import { lastOffsetOf, patchOffset } from '../../../src/records/batch-format.ts'
import type { RecordCollector } from '../../../src/runtime/task/collector.ts'
import type { DroppedRecord } from '../../../src/runtime/task/drops.ts'
import { noOffsetMetadata, type OffsetMetadata } from '../../../src/runtime/task/offset-metadata.ts'
import type { SourceBatches } from '../../../src/runtime/task/record-queue.ts'
import { Task } from '../../../src/runtime/task/task.ts'
import { string } from '../../../src/serdes/index.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { TopologyBuilder } from '../../../src/topology/topology-builder.ts'

export type AnyProcessor = Processor<unknown, unknown, unknown, unknown>
export type AnyContext = ProcessorContext<unknown, unknown>
export type AnyRecord = Record<unknown, unknown>

export interface Letter {
  readonly topic: string
  readonly key: string | null
  readonly value: string | null
  readonly timestampMs: number
  readonly headers: readonly string[]
}

/** Takes what a task sends out, as text. A sink value of 'unwritable' is one its serde refuses. */
export class CollectingCollector implements RecordCollector {
  full = false
  readonly sent: string[] = []
  readonly letters: Letter[] = []

  sink(node: { readonly topic: string }): { send(record: AnyRecord): void } {
    return {
      send: ({ key, value, timestamp }) => {
        if (value === 'unwritable') throw new TypeError('the serde refused it')
        this.sent.push(`${node.topic}: ${key}=${value}@${timestamp}`)
      },
    }
  }

  sendRaw(
    topic: string,
    _partition: number | null,
    timestampMs: number,
    key: Buffer | null,
    value: Buffer | null,
    headers: readonly { readonly key: string; readonly value: Buffer | null }[],
  ): void {
    this.letters.push({
      topic,
      key: key === null ? null : String(key),
      value: value === null ? null : String(value),
      timestampMs,
      headers: headers.map((header) => `${header.key}=${header.value}`),
    })
  }

  changelog(): null {
    return null
  }
}

/** One batch of text records, as fetched from `baseOffset` on. */
export function fetched(
  baseOffset: number,
  ...records: readonly (readonly [string | null, string | null, number])[]
): SourceBatches {
  const builder = new BatchBuilder({ bytesMax: 1_000_000 })
  for (const [key, value, timestampMs] of records) builder.append(timestampMs, key, string, value, string, [])
  const buffer = builder.build(plainHeader)
  patchOffset(buffer, 0, baseOffset, 3)
  return { buffer, batches: [0], firstOffset: baseOffset, nextOffset: lastOffsetOf(buffer, 0) + 1 }
}

export interface TaskSetup {
  readonly topology: TopologyBuilder
  readonly onError?: ErrorPolicies
  readonly maxTaskIdleMs?: number
  readonly lags?: Map<string, number | null>
  readonly metadata?: OffsetMetadata
  readonly stores?: ReadonlyMap<string, StateStore>
  /** Default true; false: it is left as it was created. */
  readonly begin?: boolean
}

/** A task over all nodes of a topology, running, with one partition per topic that a source reads. */
export function startTask(setup: TaskSetup): {
  task: Task
  collector: CollectingCollector
  clock: ManualClock
  dropped: DroppedRecord[]
} {
  const topology = setup.topology.build()
  const collector = new CollectingCollector()
  const clock = new ManualClock(0)
  const dropped: DroppedRecord[] = []
  const nodes = topology.subTopologies.flatMap((subTopology) => subTopology.nodes)
  const inputs = nodes.flatMap((node) =>
    node.kind === 'source'
      ? node.topics.map((topic) => ({
          topic,
          partition: 0,
          source: node.name,
          position: 0,
          metadata: setup.metadata ?? noOffsetMetadata,
        }))
      : [],
  )
  const task = new Task({
    id: { subTopology: 0, partition: 0 },
    applicationId: 'app',
    nodes,
    inputs,
    clock,
    collector,
    onError: setup.onError ?? {},
    maxTaskIdleMs: setup.maxTaskIdleMs ?? 0,
    lagOf: (topic) => (setup.lags === undefined ? 0 : (setup.lags.get(topic) ?? null)),
    onDropped: (record) => dropped.push(record),
    generationEntriesMax: 1000,
    generationBytesMax: 1_000_000,
  })
  if (setup.begin ?? true) {
    task.restoring()
    task.start(setup.stores ?? new Map())
  }
  return { task, collector, clock, dropped }
}

/** A processor from its `process` alone; `begin` gets the context. */
export function processor(
  process: (record: AnyRecord, context: AnyContext) => void | Promise<void>,
  begin?: (context: AnyContext) => void,
): () => AnyProcessor {
  return () => {
    let context: AnyContext
    return {
      init: (given) => {
        context = given
        begin?.(given)
      },
      process: (record) => process(record, context),
    }
  }
}

/** topic(s) → `step` → O. */
export function line(
  step: () => AnyProcessor,
  options: { topics?: readonly string[]; async?: boolean; onError?: ErrorPolicies } = {},
): TopologyBuilder {
  const { topics = ['S'], async = false, onError } = options
  const builder = new TopologyBuilder()
  for (const topic of topics) {
    builder.addSource(`source-${topic}`, { topics: [topic], keySerde: string, valueSerde: string })
  }
  const parents = topics.map((topic) => `source-${topic}`)
  builder.addProcessor('step', { get: step, async }, parents, onError === undefined ? {} : { onError })
  return builder.addSink('sink', { topic: 'O', keySerde: string, valueSerde: string }, ['step'])
}

export const forward = processor((record, context) => context.forward(record))

export const forever = Number.POSITIVE_INFINITY

/** What the call throws. */
export function thrownBy(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return expect.fail('nothing was thrown')
}

/** What the call's promise is rejected with. */
export async function rejectionOf(run: () => Promise<unknown>): Promise<unknown> {
  try {
    await run()
  } catch (error) {
    return error
  }
  return expect.fail('nothing was thrown')
}
