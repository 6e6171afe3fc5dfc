import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { reach } from '../base/crash-points.ts'
import { StreamError } from '../base/errors.ts'
import { loopSliceMs } from '../base/limits.ts'
import type { FetchedPartition } from '../client/consumer/partition-state.ts'
import { nameOf } from '../client/topic-partition.ts'
import { BatchCursor } from '../records/batch-cursor.ts'
import type { RebuildReason, RestorePlan } from './restore-plan.ts'
import type { CommitMeta, LogPosition } from './state/meta-rows.ts'
import type { OpenStore, TaskState } from './state/task-state.ts'

/** A changelog read from a position to an end: over a consumer of its own. */
export interface ChangelogReader {
  assign(partitions: readonly { readonly topic: string; readonly partition: number; readonly from: number }[]): void
  /** Whole batches of any of the partitions; an empty list after at most `timeoutMs`. */
  poll(timeoutMs: number): Promise<readonly FetchedPartition[]>
}

/** How far the restore of one store is: `remaining` in offsets, markers included. */
export interface RestoreProgress {
  readonly taskId: string
  readonly store: string
  readonly stage: 'start' | 'batch' | 'end'
  readonly restored: number
  readonly remaining: number
  readonly reason: RebuildReason | null
}

export interface StoreToRestore {
  readonly opened: OpenStore
  readonly topic: string
  readonly partition: number
  /** Of the changelog now: what the restored position will carry. */
  readonly topicId: string
  readonly leaderEpoch: number
  readonly plan: RestorePlan
}

export interface RestoreOptions {
  readonly taskId: string
  readonly state: TaskState
  readonly stores: readonly StoreToRestore[]
  readonly reader: ChangelogReader
  readonly clock: Clock
  /** Without any progress for so long it fails with TIMED_OUT. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  onProgress(progress: RestoreProgress): void
}

const pollMs = 100
/** Records between two looks at the clock. */
const recordsPerLook = 256

/**
 * Brings the stores of one task up to the ends of their changelogs.
 *
 * Laws
 *  E1  a row and the position that covers it are written together: killed at any point, the next start goes on
 *  E2  a store that is rebuilt loses its rows and its position together, first
 *
 * Returns how many records were applied.
 */
export async function restoreStores(options: RestoreOptions): Promise<number> {
  const { state, stores } = options
  const positions = new Map<string, LogPosition>()
  // Each store's own, as its engine has it: of two engines one may have been written later.
  for (const { store, position } of state.opened) if (position !== null) positions.set(store.name, position)
  const run = new RestoreRun(options, positions)
  for (const target of stores) await run.begin(target)
  await run.replay()
  return run.total
}

class RestoreRun {
  total = 0
  readonly #options: RestoreOptions
  readonly #positions: Map<string, LogPosition>
  readonly #counts = new Map<StoreToRestore, number>()
  readonly #cursor = new BatchCursor()
  #sliceEndMs: number

  constructor(options: RestoreOptions, positions: Map<string, LogPosition>) {
    this.#options = options
    this.#positions = positions
    this.#sliceEndMs = options.clock.monotonic() + loopSliceMs
  }

  async begin(target: StoreToRestore): Promise<void> {
    reach('restore.enter')
    this.#counts.set(target, 0)
    if (target.plan.reason !== null) {
      this.#positions.delete(target.opened.store.name)
      await this.#options.state.clear(target.opened, this.#meta())
    }
    this.#tell(target, 'start', target.plan.from)
  }

  async replay(): Promise<void> {
    const { stores, reader, clock, timeoutMs, signal } = this.#options
    const open = new Map<string, StoreToRestore>()
    for (const target of stores) {
      if (target.plan.from < target.plan.to) open.set(nameOf(target), target)
      else await this.#end(target, target.plan.to)
    }
    if (open.size === 0) return
    reader.assign([...open.values()].map(({ topic, partition, plan }) => ({ topic, partition, from: plan.from })))
    let deadlineMs = clock.monotonic() + timeoutMs
    while (open.size > 0) {
      if (signal.aborted) throw new StreamError('CLOSED', 'the application was closed during a restore')
      for (const fetched of await reader.poll(pollMs)) {
        const name = nameOf(fetched)
        const target = open.get(name)
        if (target === undefined) continue
        await this.#apply(target, fetched)
        deadlineMs = clock.monotonic() + timeoutMs
        if (fetched.nextOffset < target.plan.to) continue
        await this.#end(target, fetched.nextOffset)
        open.delete(name)
      }
      if (clock.monotonic() >= deadlineMs) throw this.#stuck([...open.keys()])
    }
  }

  async #apply(target: StoreToRestore, fetched: FetchedPartition): Promise<void> {
    const { opened } = target
    const cursor = this.#cursor
    const batch = opened.engine.batch()
    let count = 0
    for (const at of fetched.batches) {
      cursor.open(fetched.buffer, at)
      while (cursor.next()) {
        if (cursor.offset < fetched.firstOffset) continue
        opened.store.restore(batch, cursor)
        if (++count % recordsPerLook === 0) await this.#breathe()
      }
    }
    this.#place(target, fetched.nextOffset)
    await this.#options.state.writeRestored(opened, batch, this.#meta())
    reach('restore.batch')
    this.total += count
    this.#counts.set(target, this.#counts.get(target)! + count)
    this.#tell(target, 'batch', fetched.nextOffset)
  }

  async #end(target: StoreToRestore, position: number): Promise<void> {
    assert(position >= target.plan.to, 'E1: a restore ends at the end')
    this.#place(target, position)
    await this.#options.state.writeRestored(target.opened, target.opened.engine.batch(), this.#meta())
    reach('restore.leave')
    this.#tell(target, 'end', position)
  }

  #place({ opened, topicId, leaderEpoch }: StoreToRestore, offset: number): void {
    this.#positions.set(opened.store.name, { topicId, leaderEpoch, offset })
  }

  #meta(): CommitMeta {
    const { state, clock } = this.#options
    const inputs = state.lastCommit?.inputs ?? {}
    return { timeMs: clock.now(), changelogs: Object.fromEntries(this.#positions), inputs }
  }

  /** Other work of the process gets its turn. */
  async #breathe(): Promise<void> {
    const { clock } = this.#options
    if (clock.monotonic() < this.#sliceEndMs) return
    await clock.turn()
    this.#sliceEndMs = clock.monotonic() + loopSliceMs
  }

  #tell(target: StoreToRestore, stage: RestoreProgress['stage'], position: number): void {
    this.#options.onProgress({
      taskId: this.#options.taskId,
      store: target.opened.store.name,
      stage,
      restored: this.#counts.get(target) ?? 0,
      remaining: Math.max(0, target.plan.to - position),
      reason: target.plan.reason,
    })
  }

  #stuck(partitions: readonly string[]): StreamError {
    const what = `the restore of task ${this.#options.taskId} has not moved for ${this.#options.timeoutMs} ms; it waits for ${partitions.join(', ')}: is a transaction open there?`
    return new StreamError('TIMED_OUT', what)
  }
}
