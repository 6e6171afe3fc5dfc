import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock, Timer } from '../../src/base/clock.ts'
import { StreamError } from '../../src/base/errors.ts'
import { type Files, type OpenFile, systemFiles } from '../../src/base/files.ts'
import type { Machine } from '../../src/base/machine.ts'
import { SeededRandom } from '../../src/base/random.ts'
import { noHeaders } from '../../src/base/serde.ts'
import type { LogConfig, PartitionLogOptions } from '../../src/log/log-config.ts'
import { LogDirectory } from '../../src/log/log-directory.ts'
import { PartitionLog } from '../../src/log/partition-log.ts'
import { BatchBuilder, type BatchHeader, plainHeader } from '../../src/records/batch-builder.ts'
import { BatchCursor } from '../../src/records/batch-cursor.ts'
import { batchSize } from '../../src/records/batch-format.ts'

/** A clock that stands until it is moved; its timers fire while it moves. */
export class StillClock implements Clock {
  nowMs = 1_000_000
  readonly #timers: { atMs: number; callback: () => void }[] = []

  now(): number {
    return this.nowMs
  }

  monotonic(): number {
    return this.nowMs
  }

  timer(delayMs: number, callback: () => void): Timer {
    const timer = { atMs: this.nowMs + delayMs, callback }
    this.#timers.push(timer)
    return {
      cancel: () => {
        const index = this.#timers.indexOf(timer)
        if (index >= 0) this.#timers.splice(index, 1)
      },
    }
  }

  sleep(): Promise<void> {
    return Promise.reject(new Error('nothing here sleeps'))
  }

  turn(): Promise<void> {
    return Promise.resolve()
  }

  advance(byMs: number): void {
    this.nowMs += byMs
    for (const timer of this.#timers.filter((one) => one.atMs <= this.nowMs)) {
      this.#timers.splice(this.#timers.indexOf(timer), 1)
      timer.callback()
    }
  }
}

export interface TestMachine extends Machine {
  readonly clock: StillClock
}

/** The real disk without waiting for it: for tests that need no power cut, and many files. */
const quickFiles: Files = Object.assign(Object.create(systemFiles) as Files, {
  open(path: string, mode: 'read' | 'write'): OpenFile {
    return Object.assign(systemFiles.open(path, mode), { sync: () => Promise.resolve() })
  },
  syncDirectory: () => Promise.resolve(),
})

export function testMachine(): TestMachine {
  return { clock: new StillClock(), files: quickFiles, random: new SeededRandom(1) }
}

export const testConfig: LogConfig = {
  segmentBytes: 1 << 20,
  segmentMs: 7 * 24 * 3_600_000,
  indexIntervalBytes: 4096,
  messageTimestampType: 'CreateTime',
  maxMessageBytes: 1 << 20,
  flush: 'sync',
  compacted: false,
}

const folders: string[] = []

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-log-'))
  folders.push(folder)
  return folder
}

export function removeTemporaryFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
}

export interface OpenOptions extends Partial<Omit<PartitionLogOptions, 'recorded'>> {
  readonly recoveryPoint?: number
  readonly startOffset?: number
}

export function openLog(
  machine: Machine,
  directory: string,
  { recoveryPoint = 0, startOffset = 0, ...options }: OpenOptions = {},
): PartitionLog {
  return PartitionLog.open(machine, join(directory, 't-0'), {
    topic: 't',
    partition: 0,
    config: testConfig,
    leaderEpoch: 1,
    cleanShutdown: false,
    recorded: { recoveryPoint, startOffset },
    journal: null,
    ...options,
  })
}

export interface Row {
  readonly key?: string | null
  readonly value: string | null
  readonly timestampMs?: number
}

export function batchOf(
  rows: readonly (Row | string)[],
  header: BatchHeader = plainHeader,
  compression: 'none' | 'gzip' = 'none',
): Buffer {
  const builder = new BatchBuilder({ bytesMax: 1 << 26, compression })
  for (const one of rows) {
    const row = typeof one === 'string' ? { value: one } : one
    const key = row.key === undefined || row.key === null ? null : Buffer.from(row.key)
    const value = row.value === null ? null : Buffer.from(row.value)
    builder.appendBytes(row.timestampMs ?? 0, key, 0, key?.length ?? 0, value, 0, value?.length ?? 0, noHeaders)
  }
  return builder.build(header)
}

export interface ReadRow {
  readonly offset: number
  readonly value: string | null
}

export function rowsOf(records: Buffer): ReadRow[] {
  const cursor = new BatchCursor()
  const rows: ReadRow[] = []
  for (let at = 0; at < records.length; at += batchSize(records, at)) {
    cursor.open(records, at)
    while (cursor.next()) {
      rows.push({
        offset: cursor.offset,
        value: cursor.valueStart < 0 ? null : cursor.buffer.toString('utf8', cursor.valueStart, cursor.valueEnd),
      })
    }
  }
  return rows
}

/** All that can be read from `offset` on, in steps of `maxBytes`. */
export function readAll(log: PartitionLog, offset = log.startOffset, maxBytes = 4096): ReadRow[] {
  const rows: ReadRow[] = []
  let next = offset
  while (next < log.endOffset) {
    const found = rowsOf(log.read(next, maxBytes, { isolation: 'readUncommitted', minOneBatch: true }).records)
    if (found.length === 0) break
    rows.push(...found.filter((row) => row.offset >= next))
    next = found.at(-1)!.offset + 1
  }
  return rows
}

export const client = { origin: 'client' } as const

/** The coded error that it throws; null when it throws none. */
export function errorOf(run: () => unknown): StreamError | null {
  try {
    run()
    return null
  } catch (error) {
    if (StreamError.is(error)) return error
    throw error
  }
}

export const smallSegments: LogConfig = { ...testConfig, segmentBytes: 900, indexIntervalBytes: 150 }

/** A folder of logs with one partition of small segments, opened and closed again and again. */
export class Folder {
  readonly directory = temporaryFolder()
  readonly partition = join(this.directory, 't-0')
  #logs: LogDirectory | null = null

  async open(config: LogConfig = smallSegments): Promise<PartitionLog> {
    // Another machine each time: a life that was dropped without a close holds no lock.
    this.#logs = await LogDirectory.open(testMachine(), this.directory)
    return this.#logs.openPartition('t', 0, { config })
  }

  /** The process dies: nothing is closed, and what was written is there. */
  kill(): void {
    this.#logs = null
    for (const name of readdirSync(this.directory)) if (name.startsWith('.lock')) rmSync(join(this.directory, name))
  }

  checkpoint(): Promise<void> {
    return this.#logs!.checkpoint()
  }

  async close(): Promise<void> {
    await this.#logs?.close()
    this.#logs = null
  }

  named(part: string): string[] {
    const names = readdirSync(this.partition).filter((name) => name.endsWith(part))
    return names.sort().map((name) => join(this.partition, name))
  }
}

export function flip(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at] = bytes[at]! ^ 1
  writeFileSync(path, bytes)
}
