/**
 * Loaded into the flights program before it starts: writes what only the inside knows to the file CRASH_TEST_WATCH, one JSON
 * line each, while it is true. It sees the crash points go by before they kill.
 *
 *  { "phase": "ingest" }        it has begun to ingest; "open": to restore
 *  { "restoreMs": 12 }          so long stores were being restored, between `restore.enter` and `restore.leave`
 *  { "mark": { … } }            how long the changelogs were when a commit was about to write there (`commit.1b.enter`)
 */
import { appendFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Phase } from './program.ts'
import { changelogPartitions, segmentNames } from './segments.ts'

// The program's own instance of the table: that of the built package.
const built = new URL('../base/crash-points.js', import.meta.resolve('millrace/testing'))
const { observeCrashPoints } = (await import(built.href)) as typeof import('../../src/base/crash-points.ts')

const { CRASH_TEST_WATCH: file = '', CRASH_TEST_LOG: logDirectory = '' } = process.env
let restoring = 0
let restoringSince = 0

function tell(what: object): void {
  appendFileSync(file, `${JSON.stringify(what)}\n`)
}

function lengths(): Record<string, number> {
  const bytes = (folder: string): number =>
    segmentNames(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
  return Object.fromEntries(changelogPartitions(logDirectory).map((name) => [name, bytes(join(logDirectory, name))]))
}

let phase = ''

function enter(next: Phase): void {
  if (phase !== next) tell({ phase: next })
  phase = next
}

observeCrashPoints((point) => {
  if (point === 'ingest.begin') enter('ingest')
  else if (point === 'restore.enter') enter('open')

  if (point === 'restore.enter' && restoring++ === 0) restoringSince = performance.now()
  else if (point === 'restore.leave' && --restoring === 0) tell({ restoreMs: performance.now() - restoringSince })
  else if (point === 'commit.1b.enter') tell({ mark: lengths() })
})
