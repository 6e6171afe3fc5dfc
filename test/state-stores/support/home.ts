import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemMachine } from '../../../src/base/machine.ts'
import type { Headers } from '../../../src/base/serde.ts'
import type { EngineBatch, StateEngine, StateEngineSupplier } from '../../../src/processor/state-engine.ts'
import type { ChangelogWriter, StateStore, StoreContext } from '../../../src/processor/state-store.ts'
import type { TypedStoreBuilder } from '../../../state-stores/builders.ts'
import { level } from '../../../state-stores/engines/level-engine.ts'
import { MemoryEngines, memory } from '../../../state-stores/engines/memory-engine.ts'

/** Where a store of a test lives, and how it dies. */
export interface Home {
  readonly supplier: StateEngineSupplier
  readonly directory: string
  /** The process dies; what was written stays. */
  die(engine: StateEngine): Promise<void>
  dispose(): void
}

export function levelHome(): Home {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-stores-'))
  return {
    supplier: level(),
    directory,
    die: (engine) => engine.close(),
    dispose: () => rmSync(directory, { recursive: true, force: true }),
  }
}

/** As LevelDB, in memory; dying is a power cut. */
export function simulatedHome(): Home {
  const disk = new MemoryEngines()
  return { supplier: disk.supplier(), directory: '/simulated', die: async () => disk.crash(), dispose: () => undefined }
}

export function memoryHome(): Home {
  return { supplier: memory(), directory: '/memory', die: (engine) => engine.close(), dispose: () => undefined }
}

/** A changelog record, as bytes in text. */
export interface Logged {
  readonly key: Buffer
  readonly value: Buffer | null
  readonly timestampMs: number
}

export class Changelog implements ChangelogWriter {
  readonly records: Logged[] = []

  append(
    timestampMs: number,
    key: Buffer,
    keyStart: number,
    keyEnd: number,
    value: Buffer | null,
    valueStart: number,
    valueEnd: number,
    _headers: Headers,
  ): void {
    this.records.push({
      timestampMs,
      key: Buffer.from(key.subarray(keyStart, keyEnd)),
      value: value === null ? null : Buffer.from(value.subarray(valueStart, valueEnd)),
    })
  }
}

/** One store on one engine, with the steps of a commit as a task takes them. */
export class Bench<S extends StateStore> {
  readonly home: Home
  readonly #builder: TypedStoreBuilder<S>
  readonly #options: { readonly storeId: number; readonly cleanCacheBytesMax: number }
  engine!: StateEngine
  store!: S
  dropped = 0
  nowMs = 0

  constructor(
    home: Home,
    builder: TypedStoreBuilder<S>,
    options: { storeId?: number; cleanCacheBytesMax?: number } = {},
  ) {
    this.home = home
    this.#builder = builder
    this.#options = { storeId: 1, cleanCacheBytesMax: 1 << 20, ...options }
  }

  async open(): Promise<S> {
    this.engine = await this.home.supplier.open(systemMachine, this.home.directory)
    this.store = this.#builder.build()
    await this.store.open(this.context(this.#options.storeId))
    return this.store
  }

  context(storeId: number): StoreContext {
    return {
      engine: this.engine,
      storeId,
      cleanCacheBytesMax: this.#options.cleanCacheBytesMax,
      currentTimestampMs: () => this.nowMs,
      recordDropped: () => {
        this.dropped++
      },
    }
  }

  rotate(): Logged[] {
    const changelog = new Changelog()
    this.store.rotate(changelog)
    return changelog.records
  }

  stage(): EngineBatch {
    const batch = this.engine.batch()
    this.store.stage(batch)
    return batch
  }

  /** All steps from 1b on. */
  async commit(): Promise<Logged[]> {
    const records = this.rotate()
    this.store.committed()
    await this.stage().write({ sync: true })
    this.store.settled()
    return records
  }

  async dieAndReopen(): Promise<S> {
    await this.home.die(this.engine)
    this.store.close()
    return this.open()
  }

  async restore(records: readonly Logged[], recordsPerBatch = 3): Promise<void> {
    for (let from = 0; from < records.length; from += recordsPerBatch) {
      const batch = this.engine.batch()
      for (const record of records.slice(from, from + recordsPerBatch)) this.store.restore(batch, restored(record))
      await batch.write({ sync: true })
    }
  }

  async close(): Promise<void> {
    this.store.close()
    await this.engine.close()
    this.home.dispose()
  }
}

function restored(record: Logged) {
  // With other bytes around, as inside a fetched batch.
  const value = record.value ?? Buffer.alloc(0)
  const buffer = Buffer.concat([Buffer.from('<<'), record.key, Buffer.from('|'), value, Buffer.from('>>')])
  const keyEnd = 2 + record.key.length
  return {
    buffer,
    keyStart: 2,
    keyEnd,
    valueStart: record.value === null ? -1 : keyEnd + 1,
    valueEnd: record.value === null ? -1 : keyEnd + 1 + value.length,
    timestampMs: record.timestampMs,
  }
}

export async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
