import { reach } from '../base/crash-points.ts'
import type { ActiveTask } from './active-task.ts'
import type { Task, TaskOffset } from './task/task.ts'

/** The log's side of a commit: a transaction, or under at-least-once a flush and an offset commit. */
export interface CommitTarget {
  /** Step 2: everything appended is acknowledged. */
  flush(): Promise<void>
  /** Step 3, first half. */
  sendOffsets(offsets: readonly TaskOffset[]): Promise<void>
  /** Step 3, second half: resolves when it is committed. What is produced from now on belongs to the next commit. */
  commit(): Promise<void>
}

export interface CommitScope {
  readonly tasks: readonly ActiveTask[]
  readonly target: CommitTarget
  /** The commit before: it may still be in its step 3, or writing. */
  readonly previous: CommitEnd
  /** Step 4 of the one before that. */
  readonly beforePrevious: Promise<void>
  readonly nowMs: number
  /** A step is done: for the metrics. */
  lap(step: CommitStep): void
  /** Step 3 is done. */
  committed(): void
  /** Step 1a of one task: it may wait for promises of the user's, which the others do not. */
  flush(task: Task): Promise<void>
}

/** What of a commit goes on while the next interval has begun. */
export interface CommitEnd {
  readonly committed: Promise<void>
  readonly written: Promise<void>
}

/** The time of 1b has in it the wait for 3(n) and 4(n-1), that of 4 the wait for the 4 before. */
export type CommitStep = '1a' | '1b' | '2' | '3' | '4'

/**
 * Makes everything since the last commit count, all of it or nothing (D4). At-least-once is the same sequence with an offset
 * commit in step 3.
 *
 *  1a  operators flush in topological order: coalesced updates go downstream
 *  1b  dirty entries go to their changelog topics
 *  2   the producer flushes: everything is acknowledged, so each changelog's end position is known
 *  3   input offsets join the transaction, and it commits
 *  4   one batch per task and engine, synced: dirty entries, changelog positions, input offsets
 *
 * Resolves when nothing more has to stand still: as soon as the end of the transaction is asked for, the next interval
 * may begin. `committed` is the end of step 3, `written` that of step 4. 1b(n+1) waits for 3(n) and for 4(n-1), and 4(n+1) for
 * 4(n): while the rows of one commit are written, the next one may be decided, and no more than that. A crash before 3 leaves
 * the local state without anything uncommitted; one between 3 and 4 leaves a tail of the changelog to be replayed, of two
 * commits at most.
 */
export async function commit(scope: CommitScope): Promise<CommitEnd> {
  const { tasks, target } = scope

  // 1a
  reach('commit.1a.enter')
  for (const { task } of tasks) await scope.flush(task)
  reach('commit.1a.leave')
  scope.lap('1a')

  // 1b
  await scope.previous.committed
  await scope.beforePrevious
  reach('commit.1b.enter')
  for (const active of tasks) active.rotate()
  reach('commit.1b.leave')
  scope.lap('1b')

  // 2
  reach('commit.2.enter')
  await target.flush()
  for (const active of tasks) active.measureChangelogs()
  reach('commit.2.leave')
  scope.lap('2')

  // 3, first half
  reach('commit.3.enter')
  const offsets = tasks.map(({ task }) => task.takeOffsets())
  await target.sendOffsets(offsets.flat())
  reach('commit.3.offsets')
  const committed = endTransaction(scope, offsets)
  const written = committed.then(() => scope.previous.written).then(() => writeState(scope))
  return { committed, written }
}

/** Step 3, second half. */
async function endTransaction(scope: CommitScope, offsets: readonly (readonly TaskOffset[])[]): Promise<void> {
  await scope.target.commit()
  reach('commit.3.leave')
  for (const [index, active] of scope.tasks.entries()) active.committed(offsets[index]!, scope.nowMs)
  scope.lap('3')
  scope.committed()
}

/** Step 4. It is over when nobody writes any more, also where one has failed. */
async function writeState({ tasks, lap }: CommitScope): Promise<void> {
  reach('commit.4.enter')
  const results = await Promise.allSettled(tasks.map((active) => active.writeState()))
  for (const result of results) if (result.status === 'rejected') throw result.reason
  reach('commit.4.leave')
  lap('4')
}
