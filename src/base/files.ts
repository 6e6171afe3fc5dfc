import {
  closeSync,
  existsSync,
  fdatasync,
  fstatSync,
  fsync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { messageOf, StreamError } from './errors.ts'

/**
 * The disk, asked for. Reads and writes are synchronous, syncing is not (D9). Every failure is a coded error that names
 * the path: DISK_FULL where the system says ENOSPC, else DISK_FAILED.
 *
 * What survives a power cut: bytes of a file once `sync` resolved after they were written; a name (created, renamed or
 * removed) once `syncDirectory` of its folder resolved. Everything survives the death of the process.
 */
export interface Files {
  /** 'read' fails when it is not there, 'write' opens or creates for reading and writing. */
  open(path: string, mode: 'read' | 'write'): OpenFile
  exists(path: string): boolean
  /** Creates the folder and its parents; already there is fine. */
  makeDirectory(path: string): void
  /** The names in a folder, sorted by code unit. */
  list(path: string): string[]
  /** The whole file. */
  read(path: string): Buffer
  /** Replaces `to` in one step. */
  rename(from: string, to: string): void
  remove(path: string): void
  /** Removes a folder and all in it; not there is fine. */
  removeTree(path: string): void
  syncDirectory(path: string): Promise<void>
  /** Bytes free on the disk that holds the path. */
  freeBytes(path: string): number
}

export interface OpenFile {
  readonly path: string
  /** Reads up to `length` bytes and returns how many there were. */
  read(into: Buffer, offset: number, length: number, position: number): number
  /** Writes all of them. */
  write(from: Buffer, offset: number, length: number, position: number): void
  size(): number
  truncate(size: number): void
  /** fdatasync: what was written before the call is on the disk when it resolves. */
  sync(): Promise<void>
  close(): void
}

function failed(action: string, path: string, error: unknown): StreamError {
  const full = (error as NodeJS.ErrnoException).code === 'ENOSPC'
  return full
    ? new StreamError('DISK_FULL', `${action} ${path}: no space left; free some and try again`, { cause: error })
    : new StreamError('DISK_FAILED', `${action} ${path}: ${messageOf(error)}`, { cause: error })
}

function guarded<T>(action: string, path: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw failed(action, path, error)
  }
}

class SystemFile implements OpenFile {
  readonly path: string
  readonly #descriptor: number
  #closed = false

  constructor(path: string, mode: 'read' | 'write') {
    this.path = path
    this.#descriptor = guarded('open', path, () => {
      if (mode === 'read') return openSync(path, 'r')
      return openSync(path, existsSync(path) ? 'r+' : 'w+')
    })
  }

  read(into: Buffer, offset: number, length: number, position: number): number {
    return guarded('read', this.path, () => {
      let done = 0
      while (done < length) {
        const count = readSync(this.#descriptor, into, offset + done, length - done, position + done)
        if (count === 0) break
        done += count
      }
      return done
    })
  }

  write(from: Buffer, offset: number, length: number, position: number): void {
    guarded('write', this.path, () => {
      let done = 0
      while (done < length) done += writeSync(this.#descriptor, from, offset + done, length - done, position + done)
    })
  }

  size(): number {
    return guarded('stat', this.path, () => fstatSync(this.#descriptor).size)
  }

  truncate(size: number): void {
    guarded('truncate', this.path, () => ftruncateSync(this.#descriptor, size))
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#descriptor, (error) => (error ? reject(failed('sync', this.path, error)) : resolve()))
    })
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    guarded('close', this.path, () => closeSync(this.#descriptor))
  }
}

/**
 * Level by level. Node's own `recursive` tries for ever where a folder that is there says that it is not, as those of /proc do
 * when something is to be made in them.
 */
function makeLevels(path: string): void {
  const parent = dirname(path)
  if (!existsSync(parent)) makeLevels(parent)
  try {
    mkdirSync(path)
  } catch (error) {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw error
  }
}

class SystemFiles implements Files {
  open(path: string, mode: 'read' | 'write'): OpenFile {
    return new SystemFile(path, mode)
  }

  exists(path: string): boolean {
    return existsSync(path)
  }

  makeDirectory(path: string): void {
    guarded('make directory', path, () => makeLevels(path))
  }

  list(path: string): string[] {
    return guarded('list', path, () => readdirSync(path).sort())
  }

  read(path: string): Buffer {
    return guarded('read', path, () => readFileSync(path))
  }

  rename(from: string, to: string): void {
    guarded('rename', from, () => renameSync(from, to))
  }

  remove(path: string): void {
    guarded('remove', path, () => unlinkSync(path))
  }

  removeTree(path: string): void {
    guarded('remove', path, () => rmSync(path, { recursive: true, force: true }))
  }

  syncDirectory(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const descriptor = guarded('open', path, () => openSync(path, 'r'))
      fsync(descriptor, (error) => {
        closeSync(descriptor)
        if (error) reject(failed('sync', path, error))
        else resolve()
      })
    })
  }

  freeBytes(path: string): number {
    return guarded('statfs', path, () => {
      const stats = statfsSync(existsSync(path) ? path : dirname(path))
      return stats.bavail * stats.bsize
    })
  }
}

export const systemFiles: Files = new SystemFiles()
