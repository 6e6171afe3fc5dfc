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
  /** The end of the commit before: it may still be writing. */
  readonly previous: Promise<void>
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
 * may begin. `committed` is the end of step 3, `written` that of step 4; 1b of the next commit waits for it, so 3(n+1) and
 * 4(n+1) follow 4(n). A crash before 3 leaves the local state without anything uncommitted; one between 3 and 4 leaves a
 * tail of the changelog to be replayed.
 */
export async function commit(scope: CommitScope): Promise<CommitEnd> {
  const { tasks, target } = scope

  // 1a
  reach('commit.1a.enter')
  for (const { task } of tasks) await scope.flush(task)
  reach('commit.1a.leave')
  scope.lap('1a')

  // 1b
  await scope.previous
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
  return { committed, written: committed.then(() => writeState(scope)) }
}

/** Step 3, second half. */
async function endTransaction(scope: CommitScope, offsets: readonly (readonly TaskOffset[])[]): Promise<void> {
  await scope.target.commit()
  reach('commit.3.leave')
  for (const [index, active] of scope.tasks.entries()) active.committed(offsets[index]!)
  scope.lap('3')
  scope.committed()
}

/** Step 4. */
async function writeState({ tasks, nowMs, lap }: CommitScope): Promise<void> {
  reach('commit.4.enter')
  for (const active of tasks) await active.writeState(nowMs)
  reach('commit.4.leave')
  lap('4')
}
