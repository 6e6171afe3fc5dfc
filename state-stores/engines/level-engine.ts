/**
 * The engine over LevelDB (`level`): reads are synchronous, a bounded number of writes is in flight per process
 * (write-queue.ts).
 *
 * Failures are coded: STATE_DIR_IN_USE when another process or engine has the folder, STORE_CORRUPT when LevelDB says so,
 * CLOSED after close, DISK_FULL and DISK_FAILED for the rest; each names the folder.
 */
import { Level } from 'level'
import type { Clock, Timer } from '../../src/base/clock.ts'
import { messageOf, StreamError } from '../../src/base/errors.ts'
import { snapshotLifeMsMax } from '../../src/base/limits.ts'
import type { Machine } from '../../src/base/machine.ts'
import type {
  EngineBatch,
  EngineSnapshot,
  ScanRange,
  StateEngine,
  StateEngineSupplier,
} from '../../src/processor/state-engine.ts'
import { levelWrites } from './write-queue.ts'

type Database = Level<Buffer, Buffer>
type ChainedBatch = ReturnType<typeof chainedBatch>

const scanRowsMax = 1000
const encodings = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const

function chainedBatch(database: Database) {
  return database.batch()
}

const levelSupplier: StateEngineSupplier = Object.freeze({
  name: 'level',
  persistent: true,
  async open(machine: Machine, directory: string): Promise<StateEngine> {
    machine.files.makeDirectory(directory)
    const database: Database = new Level(directory, encodings)
    try {
      await database.open()
    } catch (error) {
      throw coded(error, directory)
    }
    return new LevelEngine(database, directory, machine.clock)
  },
})

/** Stores on LevelDB: what survives is what was committed, whatever is killed. The default. */
export function level(): StateEngineSupplier {
  return levelSupplier
}

const levelCodes: { readonly [code: string]: 'STATE_DIR_IN_USE' | 'STORE_CORRUPT' | 'CLOSED' } = {
  LEVEL_LOCKED: 'STATE_DIR_IN_USE',
  LEVEL_CORRUPTION: 'STORE_CORRUPT',
  LEVEL_DATABASE_NOT_OPEN: 'CLOSED',
  LEVEL_BATCH_NOT_OPEN: 'CLOSED',
  LEVEL_ITERATOR_NOT_OPEN: 'CLOSED',
  LEVEL_SNAPSHOT_NOT_OPEN: 'CLOSED',
}

const remedies = {
  STATE_DIR_IN_USE: 'another process or task has it open; give this one its own state folder',
  STORE_CORRUPT: 'remove the folder, and the state is restored from its changelogs',
  CLOSED: 'the state is closed',
} as const

function coded(error: unknown, directory: string): StreamError {
  if (StreamError.is(error)) return error
  // Opening fails with a general code whose cause says what it was.
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = levelCodes[codeOf(cause)] ?? levelCodes[codeOf(error)]
  if (code !== undefined) {
    return new StreamError(code, `${directory}: ${remedies[code]} (${messageOf(cause)})`, { cause: error })
  }
  const text = messageOf(cause)
  return /no space left/i.test(text)
    ? new StreamError('DISK_FULL', `${directory}: no space left; free some and try again`, { cause: error })
    : new StreamError('DISK_FAILED', `${directory}: ${text}`, { cause: error })
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
}

class LevelEngine implements StateEngine {
  readonly #database: Database
  readonly #directory: string
  readonly #clock: Clock

  constructor(database: Database, directory: string, clock: Clock) {
    this.#database = database
    this.#directory = directory
    this.#clock = clock
  }

  get(key: Buffer): Buffer | undefined {
    try {
      return this.#database.getSync(key)
    } catch (error) {
      throw coded(error, this.#directory)
    }
  }

  snapshot(): EngineSnapshot {
    try {
      return new LevelSnapshot(this.#database, this.#directory, this.#clock)
    } catch (error) {
      throw coded(error, this.#directory)
    }
  }

  batch(): EngineBatch {
    try {
      return new LevelBatch(this.#database, this.#directory)
    } catch (error) {
      throw coded(error, this.#directory)
    }
  }

  async close(): Promise<void> {
    try {
      await this.#database.close()
    } catch (error) {
      throw coded(error, this.#directory)
    }
  }
}

/** What abstract-level calls to hand one row to its engine; see `rawPut` in LevelBatch. */
interface RawBatch {
  _put(key: Buffer, value: Buffer): void
}

function hasRawPut(batch: object): batch is RawBatch {
  return '_put' in batch && typeof batch._put === 'function'
}

class LevelBatch implements EngineBatch {
  readonly #database: Database
  readonly #directory: string
  readonly #batch: ChainedBatch
  /**
   * The public `put` copies each row's options for hooks and events, which nobody here uses: 10,000 rows take 9 ms of the
   * main thread against 3 to 4 ms without (as an array of operations 20 to 80 ms). Both copy the bytes at once.
   */
  readonly #raw: RawBatch | null
  readonly #cleared: { readonly gte: Buffer; readonly lt: Buffer }[] = []
  #joins: (() => void)[] = []
  #rows = 0

  constructor(database: Database, directory: string) {
    this.#database = database
    this.#directory = directory
    this.#batch = chainedBatch(database)
    this.#raw = hasRawPut(this.#batch) ? this.#batch : null
  }

  get length(): number {
    return this.#rows + this.#cleared.length
  }

  put(key: Buffer, value: Buffer): void {
    // The first row goes the public way: a chained batch that has counted nothing does not write.
    if (this.#rows++ === 0 || this.#raw === null) this.#batch.put(key, value)
    else this.#raw._put(key, value)
  }

  del(key: Buffer): void {
    this.#rows++
    this.#batch.del(key)
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
    try {
      await levelWrites.run(() => this.#write(options.sync))
    } catch (error) {
      throw coded(error, this.#directory)
    }
  }

  async #write(sync: boolean): Promise<void> {
    if (this.#rows > 0) await this.#batch.write({ sync })
    else await this.#batch.close()
    // Not part of the atomic write: a range is cleared again at the next open when this is cut short.
    for (const range of this.#cleared) await this.#database.clear(range)
  }
}

class LevelSnapshot implements EngineSnapshot {
  readonly #database: Database
  readonly #directory: string
  readonly #snapshot: ReturnType<Database['snapshot']>
  readonly #iterators = new Set<ReturnType<Database['iterator']>>()
  readonly #timer: Timer
  #expired = false

  constructor(database: Database, directory: string, clock: Clock) {
    this.#database = database
    this.#directory = directory
    this.#snapshot = database.snapshot()
    this.#timer = clock.timer(snapshotLifeMsMax, () => {
      this.#expired = true
      // Who reads next is told that it took too long; a failed release is told to who closes.
      this.#release().catch(() => undefined)
    })
  }

  get(key: Buffer): Buffer | undefined {
    this.#check()
    try {
      return this.#database.getSync(key, { ...encodings, snapshot: this.#snapshot })
    } catch (error) {
      throw coded(error, this.#directory)
    }
  }

  async *scan(range: ScanRange): AsyncGenerator<readonly [Buffer, Buffer]> {
    this.#check()
    const { gte, lt, reverse = false } = range
    const iterator = this.#database.iterator({ gte, lt, reverse, snapshot: this.#snapshot, fillCache: false })
    this.#iterators.add(iterator)
    try {
      while (true) {
        const rows = await iterator.nextv(scanRowsMax)
        if (rows.length === 0) return
        for (const row of rows) yield row
        this.#check()
      }
    } catch (error) {
      throw this.#expired ? this.#late() : coded(error, this.#directory)
    } finally {
      this.#iterators.delete(iterator)
      await iterator.close()
    }
  }

  async close(): Promise<void> {
    this.#timer.cancel()
    await this.#release()
  }

  async #release(): Promise<void> {
    for (const iterator of this.#iterators) await iterator.close()
    await this.#snapshot.close()
  }

  #check(): void {
    if (this.#expired) throw this.#late()
  }

  #late(): StreamError {
    return new StreamError(
      'TIMED_OUT',
      `${this.#directory}: a scan held its snapshot for more than ${snapshotLifeMsMax} ms; read less or read faster`,
    )
  }
}
