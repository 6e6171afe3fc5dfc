/**
 * How many changelog records the application's last two commits wrote: what a restart may restore at most. Computed from the
 * segment files as they lie there after a kill.
 *
 * Exactly once, a commit is a PREPARE_COMMIT of the application in `__transaction_state`, which lists its partitions: the
 * k-th that lists a partition is ended there by its k-th commit marker. One that was prepared and has no marker yet will get
 * it at the next start; what was not prepared will be aborted, and counts for nothing.
 */
import { join } from 'node:path'
import { decodeTransaction, decodeTransactionKey } from '../../src/broker/transactions/transaction-records.ts'
import { BatchCursor } from '../../src/records/batch-cursor.ts'
import { isControl, producerIdOf, recordCountOf } from '../../src/records/batch-format.ts'
import { decodeControl } from '../../src/records/control-record.ts'
import { batchesOf, changelogPartitions } from './segments.ts'

interface AppCommit {
  /** `<topic>-<partition>` */
  readonly partitions: ReadonlySet<string>
  records: number
}

export function recordsOfLastTwoCommits(logDirectory: string): number {
  const commits = appCommits(join(logDirectory, '__transaction_state-0'))
  for (const partition of changelogPartitions(logDirectory)) {
    const listing = commits.filter((commit) => commit.partitions.has(partition))
    countRecords(join(logDirectory, partition), listing)
  }
  return commits.slice(-2).reduce((sum, { records }) => sum + records, 0)
}

/** In order, of whatever `flights-<UUID>-<thread>`: the ingest has an id of its own. */
function appCommits(folder: string): AppCommit[] {
  const commits: AppCommit[] = []
  const states = new Map<string, string>()
  const cursor = new BatchCursor()
  for (const { buffer, at } of batchesOf(folder)) {
    cursor.open(buffer, at)
    while (cursor.next()) {
      const id = decodeTransactionKey(cursor.buffer.subarray(cursor.keyStart, cursor.keyEnd))
      if (cursor.valueStart < 0 || !/^flights-.*-\d+$/.test(id)) continue
      const stored = decodeTransaction(id, cursor.buffer.subarray(cursor.valueStart, cursor.valueEnd))
      // Written twice in a row it is the same transaction.
      if (stored.state === 'PrepareCommit' && states.get(id) !== 'PrepareCommit') {
        const names = [...stored.partitions].flatMap(([topic, indexes]) =>
          [...indexes].map((index) => `${topic}-${index}`),
        )
        commits.push({ partitions: new Set(names), records: 0 })
      }
      states.set(id, stored.state)
    }
  }
  return commits
}

/** Adds what lies in one changelog partition to the commits that list it. */
function countRecords(folder: string, commits: readonly AppCommit[]): void {
  const open = new Map<number, number>()
  let next = 0
  for (const { buffer, at } of batchesOf(folder)) {
    const producer = producerIdOf(buffer, at)
    if (!isControl(buffer, at)) {
      open.set(producer, (open.get(producer) ?? 0) + recordCountOf(buffer, at))
      continue
    }
    const records = open.get(producer) ?? 0
    open.delete(producer)
    if (decodeControl(buffer, at)?.type !== 'commit') continue
    const commit = commits[next++]
    if (commit === undefined) throw new Error(`${folder} has commit marker ${next}, of ${commits.length} commits`)
    commit.records += records
  }
  if (next === commits.length) return
  if (next < commits.length - 1) throw new Error(`${folder} has ${next} commit markers, of ${commits.length} commits`)
  for (const records of open.values()) commits[next]!.records += records
}

/** The bytes that each changelog partition had when a commit was about to write there. */
export type ChangelogMark = Readonly<Record<string, number>>

/**
 * At least once, nothing in the log says where a commit's changes begin: the marks do, one for each commit that began, in
 * order. The last two may be unfinished; what they wrote stays all the same.
 */
export function recordsSinceMark(logDirectory: string, marks: readonly ChangelogMark[]): number {
  const mark = marks.at(-2) ?? {}
  let sum = 0
  for (const partition of changelogPartitions(logDirectory)) {
    for (const { buffer, at, position } of batchesOf(join(logDirectory, partition))) {
      if (position >= (mark[partition] ?? 0)) sum += recordCountOf(buffer, at)
    }
  }
  return sum
}
