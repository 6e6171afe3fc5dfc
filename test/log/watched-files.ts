import { StreamError } from '../../src/base/errors.ts'
import { type Files, type OpenFile, systemFiles } from '../../src/base/files.ts'

/** The real disk, telling what is synced, and failing where a test asks for it. */
export class WatchedFiles implements Files {
  /** File names and folder names, in the order in which their syncs began. */
  readonly synced: string[] = []
  /** Names whose next operation of that kind fails. */
  readonly failing = { sync: new Set<string>(), write: new Set<string>() }
  /** When set, syncs wait for it. */
  gate: Promise<void> | null = null

  open(path: string, mode: 'read' | 'write'): OpenFile {
    const file = systemFiles.open(path, mode)
    const name = nameOf(path)
    return {
      path,
      read: (into, offset, length, position) => file.read(into, offset, length, position),
      write: (from, offset, length, position) => {
        if (!this.failing.write.delete(name)) return file.write(from, offset, length, position)
        file.write(from, offset, length >> 1, position)
        throw new StreamError('DISK_FULL', `write ${path}: no space left`)
      },
      size: () => file.size(),
      truncate: (size) => file.truncate(size),
      sync: async () => {
        this.synced.push(name)
        await this.gate
        if (this.failing.sync.delete(name)) throw new StreamError('DISK_FAILED', `sync ${path}: input/output error`)
        await file.sync()
      },
      close: () => file.close(),
    }
  }

  async syncDirectory(path: string): Promise<void> {
    this.synced.push(nameOf(path))
    await systemFiles.syncDirectory(path)
  }

  exists(path: string): boolean {
    return systemFiles.exists(path)
  }

  makeDirectory(path: string): void {
    systemFiles.makeDirectory(path)
  }

  list(path: string): string[] {
    return systemFiles.list(path)
  }

  read(path: string): Buffer {
    return systemFiles.read(path)
  }

  rename(from: string, to: string): void {
    systemFiles.rename(from, to)
  }

  remove(path: string): void {
    systemFiles.remove(path)
  }

  removeTree(path: string): void {
    systemFiles.removeTree(path)
  }

  freeBytes(path: string): number {
    return systemFiles.freeBytes(path)
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
