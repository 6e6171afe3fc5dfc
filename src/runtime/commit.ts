import { reach } from '../base/crash-points.ts'
import type { ActiveTask } from './active-task.ts'
import type { Task, TaskOffset } from './task/task.ts'

/** The log's side of a commit: a transaction, or under at-least-once a flush and an offset commit. */
export interface CommitTarget {
  /** Step 2: everything appended is acknowledged. */
  flush(): Promise<void>
  /** Step 3, first half. */
  sendOffsets(offsets: readonly TaskOffset[]): Promise<void>
  /** Step 3, second half: from here on it is committed. */
  commit(): Promise<void>
}

export interface CommitScope {
  readonly tasks: readonly ActiveTask[]
  readonly target: CommitTarget
  /** Step 4 of the commit before: it may still be writing. */
  readonly previousWrite: Promise<void>
  readonly nowMs: number
  /** A step is done: for the metrics. */
  lap(step: CommitStep): void
  /** Step 1a of one task: it may wait for promises of the user's, which the others do not. */
  flush(task: Task): Promise<void>
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
 * Returns the promise of step 4, which overlaps the next interval; 1b of the next commit waits for it, so 4(n+1) follows
 * 4(n). A crash before 3 leaves the local state without anything uncommitted; one between 3 and 4 leaves a tail of the
 * changelog to be replayed.
 */
export async function commit(scope: CommitScope): Promise<{ readonly write: Promise<void> }> {
  const { tasks, target } = scope

  // 1a
  reach('commit.1a.enter')
  for (const { task } of tasks) await scope.flush(task)
  reach('commit.1a.leave')
  scope.lap('1a')

  // 1b
  await scope.previousWrite
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

  // 3
  reach('commit.3.enter')
  const offsets = tasks.map(({ task }) => task.offsets())
  await target.sendOffsets(offsets.flat())
  reach('commit.3.offsets')
  await target.commit()
  reach('commit.3.leave')
  for (const [index, active] of tasks.entries()) active.committed(offsets[index]!)
  scope.lap('3')

  // 4
  return { write: writeState(scope) }
}

async function writeState({ tasks, nowMs, lap }: CommitScope): Promise<void> {
  reach('commit.4.enter')
  for (const active of tasks) await active.writeState(nowMs)
  reach('commit.4.leave')
  lap('4')
}
