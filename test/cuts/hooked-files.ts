/**
 * A disk that is watched, and that can be made to lie: what a history cuts by, and what a planted bug is made of.
 */
import type { Files, OpenFile } from '../../src/base/files.ts'

export interface DiskHooks {
  /** The program does this now: `write /data/x`, `sync /data/x`, `rename /data/x` (the new name), `remove /data/x`. */
  readonly watch?: (event: string) => void
  /** Does the sync of this file, or of this folder, answer at once and do nothing? */
  readonly skipsSync?: (path: string, kind: 'file' | 'folder') => boolean
  /** What is written instead of the bytes. */
  readonly instead?: (path: string, bytes: Buffer) => Buffer
}

export function hookedFiles(files: Files, hooks: DiskHooks): Files {
  const watch = (event: string): void => hooks.watch?.(event)
  return {
    open: (path, mode) => hookedFile(files.open(path, mode), hooks),
    exists: (path) => files.exists(path),
    makeDirectory: (path) => files.makeDirectory(path),
    list: (path) => files.list(path),
    read: (path) => files.read(path),
    rename: (from, to) => {
      watch(`rename ${to}`)
      files.rename(from, to)
    },
    remove: (path) => {
      watch(`remove ${path}`)
      files.remove(path)
    },
    removeTree: (path) => files.removeTree(path),
    syncDirectory: async (path) => {
      watch(`sync ${path}`)
      if (hooks.skipsSync?.(path, 'folder') !== true) await files.syncDirectory(path)
    },
    freeBytes: (path) => files.freeBytes(path),
  }
}

function hookedFile(file: OpenFile, hooks: DiskHooks): OpenFile {
  const { path } = file
  return {
    path,
    read: (into, offset, length, position) => file.read(into, offset, length, position),
    write: (from, offset, length, position) => {
      hooks.watch?.(`write ${path}`)
      if (hooks.instead === undefined) return file.write(from, offset, length, position)
      const bytes = hooks.instead(path, from.subarray(offset, offset + length))
      file.write(bytes, 0, bytes.length, position)
    },
    size: () => file.size(),
    truncate: (size) => file.truncate(size),
    sync: async () => {
      hooks.watch?.(`sync ${path}`)
      if (hooks.skipsSync?.(path, 'file') !== true) await file.sync()
    },
    close: () => file.close(),
  }
}
