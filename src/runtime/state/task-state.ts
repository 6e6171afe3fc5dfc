import { assert } from '../../base/assert.ts'
import { StreamError } from '../../base/errors.ts'
import { frozenGenerationsMax } from '../../base/limits.ts'
import type { Machine } from '../../base/machine.ts'
import type { EngineBatch, StateEngine, StateEngineSupplier } from '../../processor/state-engine.ts'
import type { ChangelogWriter, StateStore } from '../../processor/state-store.ts'
import type { StoreBuilder } from '../../processor/store-builder.ts'
import { type ClosingStep, closeAll, closeEach } from '../closing.ts'
import {
  type CommitMeta,
  type EngineMeta,
  type LogPosition,
  putCommit,
  putIdentity,
  readMeta,
  rowsOf,
  type StoreMeta,
} from './meta-rows.ts'

export interface TaskStateOptions {
  readonly machine: Machine
  /** The task's folder. */
  readonly directory: string
  readonly builders: readonly StoreBuilder[]
  /** Of the topology: kept beside the rows. */
  readonly fingerprint: string
  readonly cleanCacheBytesMax: number
  /** How long a folder that someone else in this process still holds is waited for. */
  readonly lockWaitMs: number
  /** Ends the waiting. */
  readonly signal?: AbortSignal
  currentTimestampMs(): number
  recordDropped(store: string, reason: string): void
}

interface OpenEngine {
  readonly supplier: StateEngineSupplier
  readonly engine: StateEngine
  readonly meta: EngineMeta | null
  readonly stores: StateStore[]
}

/** What a restore needs to know of one store. */
export interface OpenStore {
  readonly store: StateStore
  readonly builder: StoreBuilder
  readonly storeId: number
  readonly engine: StateEngine
  readonly persistent: boolean
  /** How far its changelog is in the rows; null: nothing is known of it. */
  readonly position: LogPosition | null
}

const lockRetryMs = 50

/**
 * A task's stores and their engines: what a commit writes, in one batch per engine (usually one).
 *
 * Laws
 *  M1  a row is written only by `write`, or by a restore, together with the changelog position it belongs to
 *  M2  at most two generations are on their way to the engines; `rotate` waits until the last one is committed and the one
 *      before it written
 *  M3  a store keeps its number for life, and another store's rows are never read as its own
 */
export class TaskState {
  readonly directory: string
  readonly stores: ReadonlyMap<string, StateStore>
  readonly opened: readonly OpenStore[]
  /** What was committed when it was opened; null: nothing ever. */
  readonly lastCommit: CommitMeta | null
  /** Of the topology that wrote it; null: new. */
  readonly lastTopology: string | null
  readonly #engines: readonly OpenEngine[]
  /** How many generations are frozen, */
  #frozenCount = 0
  /** and how many of those are committed: all, or all but the newest. */
  #committedCount = 0
  #closed = false
  /** When `write` last put a time beside the rows. */
  writtenMs: number

  private constructor(options: TaskStateOptions, engines: readonly OpenEngine[], opened: readonly OpenStore[]) {
    this.directory = options.directory
    this.#engines = engines
    this.opened = opened
    this.stores = new Map(opened.map(({ store }) => [store.name, store]))
    const persistent = engines.find(({ supplier, meta }) => supplier.persistent && meta !== null)
    this.lastCommit = persistent?.meta?.commit ?? null
    this.lastTopology = persistent?.meta?.topology ?? null
    this.writtenMs = this.lastCommit?.timeMs ?? 0
  }

  /**
   * Opens engines and stores. STORE_MISMATCH when a store of that name was written with other serdes, STATE_DIR_IN_USE when
   * the folder stays held.
   */
  static async open(options: TaskStateOptions): Promise<TaskState> {
    const engines: OpenEngine[] = []
    const opened: OpenStore[] = []
    try {
      const suppliers = [...new Map(options.builders.map(({ engine }) => [engine.name, engine])).values()]
      const persistentCount = suppliers.filter(({ persistent }) => persistent).length
      for (const supplier of suppliers) {
        // The folder is the engine's; several engines that keep files get one each inside it.
        const own = supplier.persistent && persistentCount > 1
        const directory = own ? `${options.directory}/${supplier.name}` : options.directory
        engines.push(await openEngine(supplier, directory, options))
      }
      for (const entry of engines) opened.push(...(await openStores(entry, options)))
      return new TaskState(options, engines, opened)
    } catch (error) {
      await closeEach(closingOf(engines), unheard)
      throw error
    }
  }

  get dirtyBytes(): number {
    let bytes = 0
    for (const store of this.stores.values()) bytes += store.dirtyBytes
    return bytes
  }

  /** No generation is frozen: step 4 of the last commit is done. */
  get settled(): boolean {
    return this.#frozenCount === 0
  }

  /** M2 */
  get mayRotate(): boolean {
    return this.#frozenCount < frozenGenerationsMax && this.#committedCount === this.#frozenCount
  }

  /** Step 1b: dirty entries go to their changelogs; the open generations are frozen. */
  rotate(changelogOf: (storeName: string) => ChangelogWriter | null): void {
    assert(this.mayRotate, 'M2: what was frozen before is committed, and at most one generation still to be written')
    this.#frozenCount++
    for (const store of this.stores.values()) store.rotate(changelogOf(store.name))
  }

  /** Step 3 is known to be done: queries may see the generation frozen last. */
  committed(): void {
    assert(this.#committedCount < this.#frozenCount, 'M2: what is committed was frozen')
    this.#committedCount++
    for (const store of this.stores.values()) store.committed()
  }

  /**
   * Step 4: the rows of the oldest frozen generation, and what they belong to, in one batch per engine. `durable`: synced to
   * the disk. Never asked for while an earlier one runs: 4(n+1) waits for 4(n).
   */
  async write(commit: CommitMeta, durable: boolean): Promise<void> {
    assert(this.#committedCount > 0, 'M2: what is written was committed')
    for (const { engine, stores } of this.#engines) {
      const batch = engine.batch()
      for (const store of stores) store.stage(batch)
      putCommit(batch, commit)
      await batch.write({ sync: durable })
    }
    this.writtenMs = commit.timeMs
    for (const store of this.stores.values()) store.settled()
    this.#frozenCount--
    this.#committedCount--
  }

  /** As `write`, when there are no rows: only what they belong to. */
  async touch(commit: CommitMeta): Promise<void> {
    assert(this.settled, 'M1: rows and their position are written together')
    for (const { engine } of this.#engines) {
      const batch = engine.batch()
      putCommit(batch, commit)
      await batch.write({ sync: false })
    }
    this.writtenMs = commit.timeMs
  }

  /** Forgets a store's rows before it is rebuilt. `commit` no longer knows its position. */
  async clear(opened: OpenStore, commit: CommitMeta): Promise<void> {
    assert(!(opened.store.name in commit.changelogs), 'M1: no position without its rows')
    const batch = opened.engine.batch()
    const { gte, lt } = rowsOf(opened.storeId)
    putCommit(batch, commit)
    batch.clear(gte, lt)
    await batch.write({ sync: false })
    opened.store.cleared?.()
  }

  /**
   * A restore's rows and the position they reach (M1). Synced each time: LevelDB may begin a new log file at any write, and syncing
   * that one does not make the one before durable.
   */
  async writeRestored(opened: OpenStore, batch: EngineBatch, commit: CommitMeta): Promise<void> {
    putCommit(batch, commit)
    await batch.write({ sync: true })
    assert(opened.storeId > 0, 'M3: store numbers begin with 1')
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await closeAll(closingOf(this.#engines))
  }
}

function closingOf(engines: readonly OpenEngine[]): ClosingStep[] {
  const stores = engines.flatMap((entry) => entry.stores)
  return [...stores, ...engines.map(({ engine }) => engine)].map((each) => () => each.close())
}

/** After an error that is thrown anyway: what cannot be closed on top of it is no news. */
function unheard(): void {}

async function openEngine(
  supplier: StateEngineSupplier,
  directory: string,
  options: TaskStateOptions,
): Promise<OpenEngine> {
  const engine = await acquireEngine(supplier, directory, options)
  try {
    return { supplier, engine, meta: readMeta(engine, directory), stores: [] }
  } catch (error) {
    await closeEach([() => engine.close()], unheard)
    throw error
  }
}

/** Waits while somebody else in this process still holds the folder. */
async function acquireEngine(
  supplier: StateEngineSupplier,
  directory: string,
  { machine, lockWaitMs, signal }: TaskStateOptions,
): Promise<StateEngine> {
  const deadlineMs = machine.clock.monotonic() + lockWaitMs
  for (;;) {
    try {
      return await supplier.open(machine, directory)
    } catch (error) {
      const held = StreamError.is(error, 'STATE_DIR_IN_USE')
      if (!held || signal?.aborted === true || machine.clock.monotonic() >= deadlineMs) throw error
      await machine.clock.sleep(lockRetryMs, signal)
    }
  }
}

async function openStores(entry: OpenEngine, options: TaskStateOptions): Promise<OpenStore[]> {
  const known: { [name: string]: StoreMeta } = { ...entry.meta?.stores }
  const builders = options.builders.filter(({ engine }) => engine.name === entry.supplier.name)
  for (const builder of builders) known[builder.name] = storeMeta(builder, known, options.directory)
  const batch = entry.engine.batch()
  putIdentity(batch, known, options.fingerprint)
  await batch.write({ sync: false })
  const opened: OpenStore[] = []
  for (const builder of builders) {
    const store = builder.build()
    const storeId = known[builder.name]!.id
    await store.open({
      engine: entry.engine,
      storeId,
      cleanCacheBytesMax: options.cleanCacheBytesMax,
      currentTimestampMs: options.currentTimestampMs,
      recordDropped: (reason) => options.recordDropped(builder.name, reason),
    })
    entry.stores.push(store)
    const position = entry.meta?.commit?.changelogs[builder.name] ?? null
    const { engine, supplier } = entry
    opened.push({ store, builder, storeId, engine, persistent: supplier.persistent, position })
  }
  return opened
}

function storeMeta(builder: StoreBuilder, known: { readonly [name: string]: StoreMeta }, directory: string): StoreMeta {
  const found = known[builder.name]
  if (found === undefined) {
    const ids = Object.values(known).map(({ id }) => id)
    return { id: Math.max(0, ...ids) + 1, fingerprint: builder.fingerprint }
  }
  if (found.fingerprint !== builder.fingerprint) {
    const what = `the store ${builder.name} in ${directory} was written as ${found.fingerprint}, the topology says ${builder.fingerprint}; give the store another name, or remove the folder and reset the application`
    throw new StreamError('STORE_MISMATCH', what)
  }
  return found
}
