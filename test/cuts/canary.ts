/**
 * The planted bug: records are acknowledged before they are on the disk. A harness that does not notice is worth nothing.
 */
import type { Files, OpenFile } from '../../src/base/files.ts'

/** Syncs of segments answer at once; their bytes only reach the disk by luck. */
export function withoutSyncs(files: Files): Files {
  return {
    open: (path, mode) => (path.endsWith('.log') ? withoutSync(files.open(path, mode)) : files.open(path, mode)),
    exists: (path) => files.exists(path),
    makeDirectory: (path) => files.makeDirectory(path),
    list: (path) => files.list(path),
    read: (path) => files.read(path),
    rename: (from, to) => files.rename(from, to),
    remove: (path) => files.remove(path),
    removeTree: (path) => files.removeTree(path),
    syncDirectory: (path) => files.syncDirectory(path),
    freeBytes: (path) => files.freeBytes(path),
  }
}

function withoutSync(file: OpenFile): OpenFile {
  return {
    path: file.path,
    read: (into, offset, length, position) => file.read(into, offset, length, position),
    write: (from, offset, length, position) => file.write(from, offset, length, position),
    size: () => file.size(),
    truncate: (size) => file.truncate(size),
    sync: async () => {},
    close: () => file.close(),
  }
}
