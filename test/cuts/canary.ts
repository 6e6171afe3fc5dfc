/**
 * Planted bugs, each made of a disk that lies. A harness that does not notice them is worth nothing.
 */
import { dirname } from 'node:path'
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

export const plants: readonly Plant[] = [
  plant('segments', 'records are acknowledged before they are on the disk', () => skipping(/\.log$/)),
  plant('offsets', 'a transaction commits before its offsets are on the disk', () =>
    skipping(/__consumer_offsets-.*\.log$/),
  ),
  plant('decisions', 'a commit is answered before its decision is on the disk', () =>
    skipping(/__transaction_state-.*\.log$/),
  ),
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
