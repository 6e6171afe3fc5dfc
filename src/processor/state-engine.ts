import type { Machine } from '../base/machine.ts'

/**
 * An ordered map of bytes with atomic batches: what stores are built on. One per task and engine name; stores of a task
 * that name the same engine share it, so that a commit is one write.
 */
export interface StateEngine {
  /** A point read, synchronous: the hot path. */
  get(key: Buffer): Buffer | undefined
  /** A frozen view for scans and queries; close it. */
  snapshot(): EngineSnapshot
  batch(): EngineBatch
  close(): Promise<void>
}

export interface ScanRange {
  readonly gte: Buffer
  readonly lt: Buffer
  readonly reverse?: boolean
}

export interface EngineSnapshot {
  get(key: Buffer): Buffer | undefined
  scan(range: ScanRange): AsyncIterable<readonly [Buffer, Buffer]>
  close(): Promise<void>
}

/** Rows that become durable together or not at all. Buffers handed over must not change until `write` resolves. */
export interface EngineBatch {
  readonly length: number
  put(key: Buffer, value: Buffer): void
  del(key: Buffer): void
  /** Removes a whole range at the moment of the write (expired buckets), after this batch's other rows. */
  clear(gte: Buffer, lt: Buffer): void
  /** Calls `join` once, when `write` begins: rows that are put together over many records of a restore join then. */
  beforeWrite(join: () => void): void
  write(options: { sync: boolean }): Promise<void>
}

export interface StateEngineSupplier {
  /** 'level', 'memory', or a user's own. */
  readonly name: string
  /** false: state starts empty at each start and is restored from the changelog. */
  readonly persistent: boolean
  open(machine: Machine, directory: string): Promise<StateEngine>
}
