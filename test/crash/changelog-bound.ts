import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { batchSize, isControl, recordCountOf } from '../../src/records/batch-format.ts'
import { decodeControl } from '../../src/records/control-record.ts'

/**
 * How many changelog records the last two commits wrote, read from the segment files as they lie there after a kill: an
 * upper bound of what a restart may restore.
 */
export function recordsOfLastTwoCommits(logDirectory: string): number {
  if (!existsSync(logDirectory)) return 0
  const folders = readdirSync(logDirectory).filter((name) => /^flights-.*-changelog-\d+$/.test(name))
  return folders.reduce((sum, folder) => sum + boundOfPartition(join(logDirectory, folder)), 0)
}

function boundOfPartition(folder: string): number {
  const commits: number[] = []
  let open = 0
  for (const name of readdirSync(folder)
    .filter((file) => file.endsWith('.log'))
    .sort()) {
    const bytes = readFileSync(join(folder, name))
    for (let at = 0; at + 61 <= bytes.length && at + batchSize(bytes, at) <= bytes.length; at += batchSize(bytes, at)) {
      if (!isControl(bytes, at)) open += recordCountOf(bytes, at)
      else {
        if (decodeControl(bytes, at)?.type === 'commit') commits.push(open)
        open = 0
      }
    }
  }
  const last = commits.at(-1) ?? 0
  // What has no marker yet may have been prepared: then it is the last commit.
  return last + Math.max(open, commits.at(-2) ?? 0)
}
