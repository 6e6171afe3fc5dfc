import { join } from 'node:path'
import type { Files, OpenFile } from '../base/files.ts'
import { journalNames } from './journal.ts'
import { type JournalEntry, type JournalFrame, readFrames } from './journal-frame.ts'
import { readTopicId } from './partition-metadata.ts'
import { segmentPath } from './segment-names.ts'

/**
 * After an unclean stop, before a partition is opened: what the journal of the last life made durable goes where it belongs, and is
 * synced there. Done twice it does the same.
 *
 * Not written are bytes of a topic or segment that is gone, and bytes behind a hole: what is missing there was synced once, and
 * recovery is to find that out. An error of the disk is thrown: the journal has the only durable copy, so the start ends with it.
 *
 * @param life the number of the life that stopped
 */
export async function replayJournal(files: Files, directory: string, life: number): Promise<void> {
  const frames = journalNames.flatMap((name) => framesOf(files, join(directory, name), life))
  frames.sort((left, right) => left.sequence - right.sequence)
  const touched = new Map<string, OpenFile>()
  try {
    for (const { entries } of frames) for (const entry of entries) restore(files, directory, entry, touched)
    for (const file of touched.values()) await file.sync()
  } finally {
    for (const file of touched.values()) file.close()
  }
}

/** All that it held is synced where it belongs. */
export function removeJournal(files: Files, directory: string): void {
  for (const path of journalNames.map((name) => join(directory, name))) if (files.exists(path)) files.remove(path)
}

function framesOf(files: Files, path: string, life: number): JournalFrame[] {
  if (!files.exists(path)) return []
  return readFrames(files.read(path)).filter((frame) => frame.life === life)
}

function restore(files: Files, directory: string, entry: JournalEntry, touched: Map<string, OpenFile>): void {
  const folder = join(directory, entry.folder)
  const path = segmentPath(folder, entry.baseOffset, '.log')
  let file = touched.get(path)
  if (file === undefined) {
    if (!files.exists(path) || readTopicId(files, folder) !== entry.topicId) return
    file = files.open(path, 'write')
    touched.set(path, file)
  }
  if (file.size() < entry.position) return
  file.write(entry.bytes, 0, entry.bytes.length, entry.position)
}
