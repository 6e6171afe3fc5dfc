import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { batchSize, frameProblem } from '../../src/records/batch-format.ts'

/** A partition's folder as it lies there after a kill: nothing here goes through the log's own reading. */
export interface StoredBatch {
  readonly buffer: Buffer
  readonly at: number
  /** Bytes of the partition before it, over all its segments. */
  readonly position: number
}

export function segmentNames(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .sort()
}

/** The whole batches, in order; a torn tail ends them. */
export function* batchesOf(folder: string): Generator<StoredBatch> {
  let before = 0
  for (const name of segmentNames(folder)) {
    const buffer = readFileSync(join(folder, name))
    for (let at = 0; frameProblem(buffer, at, buffer.length) === null; at += batchSize(buffer, at)) {
      yield { buffer, at, position: before + at }
    }
    before += buffer.length
  }
}

/** Names of the application's changelog partitions, `<topic>-<partition>`. */
export function changelogPartitions(logDirectory: string): string[] {
  if (!existsSync(logDirectory)) return []
  return readdirSync(logDirectory).filter((name) => /^flights-.*-changelog-\d+$/.test(name))
}
