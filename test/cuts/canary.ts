/**
 * Planted bugs, each made of a disk that lies. A harness that does not notice them is worth nothing.
 */
import { dirname } from 'node:path'
import { StreamError } from '../../src/base/errors.ts'
import type { Files } from '../../src/base/files.ts'
import { encodeSnapshot } from '../../src/log/producer-snapshot.ts'
import { ProducerState } from '../../src/log/producer-state.ts'
import { type DiskHooks, hookedFiles } from './hooked-files.ts'

export interface Plant {
  /** As in `--plant NAME`. */
  readonly name: string
  readonly story: string
  /** The disk of one life. */
  readonly faulty: (files: Files) => Files
}

const journalPath = /\/journal\.\d$/

export const plants: readonly Plant[] = [
  plant('segments', 'records are acknowledged before they are on the disk', () => directly(/\.log$/)),
  plant('offsets', 'a transaction commits before its offsets are on the disk', () =>
    directly(/__consumer_offsets-.*\.log$/),
  ),
  plant('decisions', 'a commit is answered before its decision is on the disk', () =>
    directly(/__transaction_state-.*\.log$/),
  ),
  plant('journal', 'what the journal was given counts before it is on the disk', () => skipping(journalPath)),
  plant(
    'recovery-points',
    'a recovery point is recorded before what lies below it is on the disk',
    checkpointsUnsynced,
  ),
  plant('snapshots', 'a checkpoint forgets the producers', () => ({ instead: emptySnapshot })),
  plant('replacements', 'a file is renamed before its new content is on the disk', () => skipping(/\.tmp$/)),
  plant('names', 'what is in a file is durable, its name is not', () => ({
    skipsSync: (_path, kind) => kind === 'folder',
  })),
]

function plant(name: string, story: string, hooks: () => DiskHooks): Plant {
  return { name, story, faulty: (files) => hookedFiles(files, hooks()) }
}

/** The same, with a journal that takes nothing: what is to be durable is synced where it is. */
function directly(pattern: RegExp): DiskHooks {
  return { ...skipping(pattern), instead: refusingJournal }
}

function refusingJournal(path: string, bytes: Buffer): Buffer {
  if (journalPath.test(path)) throw new StreamError('DISK_FULL', `write ${path}: no space left`)
  return bytes
}

function skipping(pattern: RegExp): DiskHooks {
  return { skipsSync: (path, kind) => kind === 'file' && pattern.test(path) }
}

/** From the snapshot on, with which a checkpoint begins, until the recovery points are recorded. */
function checkpointsUnsynced(): DiskHooks {
  const underWay = new Set<string>()
  return {
    watch: (event) => {
      if (event.endsWith('.snapshot')) underWay.add(dirname(event.split(' ')[1]!))
      if (/^rename .*recovery-point/.test(event)) underWay.clear()
    },
    skipsSync: (path) => path.endsWith('.log') && underWay.has(dirname(path)),
  }
}

function emptySnapshot(path: string, bytes: Buffer): Buffer {
  return path.endsWith('.snapshot') ? encodeSnapshot(new ProducerState()) : bytes
}
