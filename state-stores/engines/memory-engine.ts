/**
 * Engines in memory. `memory()` starts empty at each start and is restored from the changelog. `MemoryEngines` stand in
 * for LevelDB in a simulation: what a folder held outlives its engine, and a simulated power cut forgets what no synced
 * write has covered.
 */
import { StreamError } from '../../src/base/errors.ts'
import type { Machine } from '../../src/base/machine.ts'
import type {
  EngineBatch,
  EngineSnapshot,
  ScanRange,
  StateEngine,
  StateEngineSupplier,
} from '../../src/processor/state-engine.ts'
import { SortedRows } from './sorted-rows.ts'

const memorySupplier: StateEngineSupplier = Object.freeze({
  name: 'memory',
  persistent: false,
  async open(_machine: Machine, directory: string): Promise<StateEngine> {
    return new MemoryEngine(new Image(directory), async () => undefined)
  },
})

/** Stores in memory: fast, bounded by it, and restored from the changelog at each start. */
export function memory(): StateEngineSupplier {
  return memorySupplier
}

/** What a folder holds: now, and what would be left after a power cut. */
class Image {
  readonly directory: string
  current = new SortedRows()
  synced = new SortedRows()
  holder: MemoryEngine | null = null

  constructor(directory: string) {
    this.directory = directory
  }
}

/**
 * The folders of a simulated machine. The name is LevelDB's, so that a topology with `level()` can be given this instead.
 *
 * @example
 * const disk = new MemoryEngines()
 * const counts = stores.keyValue({ name: 'counts', key: string, value: int64, engine: disk.supplier() })
 * disk.crash()      // open engines are dead; the next open finds what was synced
 */
export class MemoryEngines {
  readonly #images = new Map<string, Image>()

  supplier(): StateEngineSupplier {
    return {
      name: 'level',
      persistent: true,
      open: async (machine, directory) => {
        const image = this.#images.get(directory) ?? new Image(directory)
        this.#images.set(directory, image)
        if (image.holder !== null) {
          throw new StreamError('STATE_DIR_IN_USE', `${directory}: another task has it open; close that one first`)
        }
        image.holder = new MemoryEngine(image, () => machine.clock.turn())
        return image.holder
      },
    }
  }

  /** A power cut: engines that are open stop working, writes under way are lost, folders hold what was synced. */
  crash(): void {
    for (const image of this.#images.values()) {
      image.holder?.kill()
      image.current = image.synced.fork()
    }
  }
}

class MemoryEngine implements StateEngine {
  readonly #image: Image
  readonly #turn: () => Promise<void>
  #open = true

  constructor(image: Image, turn: () => Promise<void>) {
    this.#image = image
    this.#turn = turn
  }

  get(key: Buffer): Buffer | undefined {
    return this.rows().get(key)
  }

  snapshot(): EngineSnapshot {
    return new MemorySnapshot(this.rows().fork())
  }

  batch(): EngineBatch {
    this.rows()
    return new MemoryBatch(this)
  }

  async close(): Promise<void> {
    this.kill()
  }

  kill(): void {
    this.#open = false
    if (this.#image.holder === this) this.#image.holder = null
  }

  rows(): SortedRows {
    if (!this.#open) throw new StreamError('CLOSED', `${this.#image.directory}: the state is closed`)
    return this.#image.current
  }

  async apply(change: (rows: SortedRows) => void, sync: boolean): Promise<void> {
    this.rows()
    await this.#turn()
    const rows = this.rows()
    change(rows)
    if (sync) this.#image.synced = rows.fork()
  }
}

class MemoryBatch implements EngineBatch {
  readonly #engine: MemoryEngine
  readonly #keys: Buffer[] = []
  readonly #values: (Buffer | null)[] = []
  readonly #cleared: { readonly gte: Buffer; readonly lt: Buffer }[] = []
  #joins: (() => void)[] = []

  constructor(engine: MemoryEngine) {
    this.#engine = engine
  }

  get length(): number {
    return this.#keys.length + this.#cleared.length
  }

  // Copies: what was handed over may be written over once `write` has resolved.
  put(key: Buffer, value: Buffer): void {
    this.#keys.push(Buffer.from(key))
    this.#values.push(Buffer.from(value))
  }

  del(key: Buffer): void {
    this.#keys.push(Buffer.from(key))
    this.#values.push(null)
  }

  clear(gte: Buffer, lt: Buffer): void {
    this.#cleared.push({ gte, lt })
  }

  beforeWrite(join: () => void): void {
    this.#joins.push(join)
  }

  async write(options: { sync: boolean }): Promise<void> {
    const joins = this.#joins
    this.#joins = []
    for (const join of joins) join()
    await this.#engine.apply((rows) => this.#apply(rows), options.sync)
  }

  #apply(rows: SortedRows): void {
    for (const [index, key] of this.#keys.entries()) {
      const value = this.#values[index] ?? null
      if (value === null) rows.delete(key)
      else rows.set(key, value)
    }
    for (const { gte, lt } of this.#cleared) rows.clear(gte, lt)
  }
}

class MemorySnapshot implements EngineSnapshot {
  readonly #rows: SortedRows

  constructor(rows: SortedRows) {
    this.#rows = rows
  }

  get(key: Buffer): Buffer | undefined {
    return this.#rows.get(key)
  }

  async *scan(range: ScanRange): AsyncGenerator<readonly [Buffer, Buffer]> {
    yield* this.#rows.scan(range.gte, range.lt, range.reverse ?? false)
  }

  async close(): Promise<void> {}
}
