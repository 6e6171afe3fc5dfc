import { basename, dirname, resolve } from 'node:path'
import { assert } from '../base/assert.ts'
import { StreamError } from '../base/errors.ts'
import type { Files, OpenFile } from '../base/files.ts'
import type { Random } from '../base/random.ts'
import { SimulatedFile } from './simulated-file.ts'

export interface SimulatedFilesOptions {
  /** How many bytes all files may hold together; a write beyond is DISK_FULL. Default: no end. */
  readonly capacityBytes?: number
  /** How long a sync takes: it is done when this resolves. Default: at once, in a later microtask. */
  readonly settle?: () => Promise<void>
}

/**
 * A disk in memory that forgets what was not synced. The process sees its own writes at once; what a power cut leaves of
 * them is drawn by lot, and is never better than what `Files` promises.
 *
 * The faults, all of them:
 *  - `cut`: every 4 KiB page that was written and not synced is, on its own, as it was or as any write since left it, so
 *    later writes survive without earlier ones; one page may be torn, at a multiple of 512 bytes; the size is one of
 *    those since the last sync, so a file may end early, or in zeros where pages are missing
 *  - `cut`: every name that was created, renamed or removed and whose folder was not synced since is, on its own, there
 *    or not; with a folder's name all below it goes
 *  - `kill`: the process dies and the machine goes on: all it wrote is there, and what was not synced may still go in a cut
 *  - `failSyncs`: a sync is refused, and what it should have made durable is lost even if a later one succeeds
 *  - `setCapacity`: the disk is full; what is there already stays readable and writable in place
 *  - after a cut or a kill nobody can use the old disk: calls throw DISK_FAILED, syncs under way never end
 *
 * Not simulated: bytes that rot, reads that fail, a disk that lies about syncing.
 *
 * @example
 * const files = new SimulatedFiles()
 * const file = files.open('/data/a', 'write')
 * file.write(Buffer.from('hello'), 0, 5, 0)
 * const disk = files.cut(new SeededRandom(1))   // hello may be there, in part, or not at all
 */
export class SimulatedFiles implements Files {
  #root: Folder
  /** Why nobody can use it any more. */
  #off: string | null = null
  #capacityBytes: number
  readonly #settle: () => Promise<void>
  #refused: { readonly pattern: RegExp; times: number }[] = []
  /** Changes of names that no sync of their folder has made durable, in order. */
  #unsynced: NameChange[] = []

  constructor(options: SimulatedFilesOptions = {}) {
    this.#root = { names: new Map(), durable: new Map() }
    this.#capacityBytes = options.capacityBytes ?? Number.MAX_SAFE_INTEGER
    this.#settle = options.settle ?? (() => Promise.resolve())
  }

  // ---- faults

  /** The power goes: gives the disk as the next start finds it. The old one is of no use any more. */
  cut(random: Random): SimulatedFiles {
    const after = this.#successor('the power is gone; use the disk that cut() gave')
    for (const change of this.#unsynced) if (random.int(2) === 0) change.survive()
    after.#root = survivors(this.#root, random)
    return after
  }

  /** The process dies: gives the disk as the next one finds it. The old one is of no use any more. */
  kill(): SimulatedFiles {
    const after = this.#successor('the process is dead; use the disk that kill() gave')
    after.#root = this.#root
    after.#unsynced = this.#unsynced
    return after
  }

  #successor(why: string): SimulatedFiles {
    this.#requirePower()
    this.#off = why
    return new SimulatedFiles({ capacityBytes: this.#capacityBytes, settle: this.#settle })
  }

  /** The next `times` syncs of files or folders whose path matches are refused with DISK_FAILED. */
  failSyncs(pattern: RegExp, times = 1): void {
    this.#refused.push({ pattern, times })
  }

  /** From now on all files may hold so many bytes together. */
  setCapacity(bytes: number): void {
    this.#capacityBytes = bytes
  }

  // ---- Files

  open(path: string, mode: 'read' | 'write'): OpenFile {
    this.#requirePower()
    const { folder, name } = this.#place('open', path)
    let node = folder.names.get(name)
    if (node === undefined && mode === 'write') {
      node = new SimulatedFile()
      this.#name(folder, name, node)
    }
    if (!(node instanceof SimulatedFile))
      throw failed('open', path, node === undefined ? 'no such file' : 'is a folder')
    return new Handle(this, path, node)
  }

  exists(path: string): boolean {
    this.#requirePower()
    return this.#find(path) !== undefined
  }

  makeDirectory(path: string): void {
    this.#requirePower()
    let folder = this.#root
    for (const name of partsOf(path)) {
      let next = folder.names.get(name)
      if (next === undefined) {
        next = { names: new Map(), durable: new Map() }
        this.#name(folder, name, next)
      }
      if (next instanceof SimulatedFile) throw failed('make directory', path, `${name} is a file`)
      folder = next
    }
  }

  list(path: string): string[] {
    this.#requirePower()
    return [...this.#folder('list', path).names.keys()].sort()
  }

  read(path: string): Buffer {
    this.#requirePower()
    const node = this.#find(path)
    if (!(node instanceof SimulatedFile))
      throw failed('read', path, node === undefined ? 'no such file' : 'is a folder')
    const bytes = Buffer.alloc(node.size)
    node.read(bytes, 0, bytes.length, 0)
    return bytes
  }

  rename(from: string, to: string): void {
    this.#requirePower()
    const source = this.#place('rename', from)
    const target = this.#place('rename', to)
    const node = source.folder.names.get(source.name)
    if (node === undefined) throw failed('rename', from, 'no such file')
    const replaced = target.folder.names.get(target.name)
    if (replaced === node) return
    if (replaced !== undefined && replaced instanceof SimulatedFile !== node instanceof SimulatedFile) {
      throw failed('rename', from, `${to} is of another kind`)
    }
    if (replaced !== undefined && !(replaced instanceof SimulatedFile) && replaced.names.size > 0) {
      throw failed('rename', from, `${to} is not empty`)
    }
    source.folder.names.delete(source.name)
    target.folder.names.set(target.name, node)
    this.#unsynced.push({
      folders: [source.folder, target.folder],
      survive: () => {
        if (source.folder.durable.get(source.name) === node) source.folder.durable.delete(source.name)
        target.folder.durable.set(target.name, node)
      },
    })
  }

  remove(path: string): void {
    this.#requirePower()
    const { folder, name } = this.#place('remove', path)
    const node = folder.names.get(name)
    if (!(node instanceof SimulatedFile))
      throw failed('remove', path, node === undefined ? 'no such file' : 'is a folder')
    this.#forget(folder, name, node)
  }

  removeTree(path: string): void {
    this.#requirePower()
    const node = this.#find(path)
    if (node === undefined) return
    if (!(node instanceof SimulatedFile)) for (const name of [...node.names.keys()]) this.removeTree(`${path}/${name}`)
    const { folder, name } = this.#place('remove', path)
    this.#forget(folder, name, node)
  }

  async syncDirectory(path: string): Promise<void> {
    this.#requirePower()
    const folder = this.#folder('sync', path)
    const before = this.#unsynced.filter(({ folders }) => folders.includes(folder))
    await this.#settle()
    if (this.#off !== null) return never()
    const refused = this.#refuses(path)
    if (!refused) for (const change of before) if (this.#unsynced.includes(change)) change.survive()
    this.#unsynced = this.#unsynced.filter((change) => !before.includes(change))
    if (refused) throw failed('sync', path, 'the disk refused')
  }

  freeBytes(): number {
    this.#requirePower()
    return Math.max(0, this.#capacityBytes - usedBytes(this.#root))
  }

  // ---- for open files

  /** Waits as long as a sync takes, and ends it then and there: a cut comes before it or after, not in between. */
  async sync(path: string, file: SimulatedFile): Promise<void> {
    const mark = file.mark()
    await this.#settle()
    if (this.#off !== null) return never()
    if (!this.#refuses(path)) return file.synced(mark)
    file.syncFailed(mark)
    throw failed('sync', path, 'the disk refused')
  }

  #refuses(path: string): boolean {
    const refusal = this.#refused.find(({ pattern, times }) => times > 0 && pattern.test(path))
    if (refusal !== undefined) refusal.times--
    return refusal !== undefined
  }

  requireRoom(path: string, bytes: number): void {
    this.#requirePower()
    if (bytes <= 0 || this.#capacityBytes === Number.MAX_SAFE_INTEGER) return
    if (usedBytes(this.#root) + bytes <= this.#capacityBytes) return
    throw new StreamError('DISK_FULL', `write ${path}: no space left; free some and try again`)
  }

  requirePower(): void {
    this.#requirePower()
  }

  #requirePower(): void {
    if (this.#off !== null) throw new StreamError('DISK_FAILED', this.#off)
  }

  // ---- names

  #name(folder: Folder, name: string, node: Node): void {
    folder.names.set(name, node)
    this.#unsynced.push({ folders: [folder], survive: () => void folder.durable.set(name, node) })
  }

  #forget(folder: Folder, name: string, node: Node): void {
    folder.names.delete(name)
    const survive = (): void => {
      if (folder.durable.get(name) === node) folder.durable.delete(name)
    }
    this.#unsynced.push({ folders: [folder], survive })
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root
    for (const name of partsOf(path)) {
      if (node === undefined || node instanceof SimulatedFile) return undefined
      node = node.names.get(name)
    }
    return node
  }

  #folder(action: string, path: string): Folder {
    const node = this.#find(path)
    if (node === undefined || node instanceof SimulatedFile) throw failed(action, path, 'no such folder')
    return node
  }

  #place(action: string, path: string): { folder: Folder; name: string } {
    const whole = resolve('/', path)
    return { folder: this.#folder(action, dirname(whole)), name: basename(whole) }
  }
}

interface Folder {
  /** What the process sees. */
  readonly names: Map<string, Node>
  /** What is on the disk for good. */
  readonly durable: Map<string, Node>
}

type Node = Folder | SimulatedFile

interface NameChange {
  readonly folders: readonly Folder[]
  survive(): void
}

class Handle implements OpenFile {
  readonly path: string
  readonly #files: SimulatedFiles
  readonly #file: SimulatedFile
  #closed = false

  constructor(files: SimulatedFiles, path: string, file: SimulatedFile) {
    this.path = path
    this.#files = files
    this.#file = file
  }

  read(into: Buffer, offset: number, length: number, position: number): number {
    this.#requireOpen('read')
    return this.#file.read(into, offset, length, position)
  }

  write(from: Buffer, offset: number, length: number, position: number): void {
    this.#requireOpen('write')
    assert(offset + length <= from.length, 'the bytes to write are there')
    this.#files.requireRoom(this.path, position + length - this.#file.size)
    this.#file.write(from, offset, length, position)
  }

  size(): number {
    this.#requireOpen('stat')
    return this.#file.size
  }

  truncate(size: number): void {
    this.#requireOpen('truncate')
    this.#files.requireRoom(this.path, size - this.#file.size)
    this.#file.truncate(size)
  }

  async sync(): Promise<void> {
    this.#requireOpen('sync')
    await this.#files.sync(this.path, this.#file)
  }

  close(): void {
    this.#closed = true
  }

  #requireOpen(action: string): void {
    this.#files.requirePower()
    if (this.#closed) throw failed(action, this.path, 'the file is closed')
  }
}

/** What waits for a disk without power waits for good. */
function never(): Promise<never> {
  return new Promise(() => {})
}

function failed(action: string, path: string, why: string): StreamError {
  return new StreamError('DISK_FAILED', `${action} ${path}: ${why}`)
}

function partsOf(path: string): string[] {
  return resolve('/', path)
    .split('/')
    .slice(1)
    .filter((part) => part !== '')
}

function usedBytes(folder: Folder): number {
  let bytes = 0
  for (const node of folder.names.values()) bytes += node instanceof SimulatedFile ? node.size : usedBytes(node)
  return bytes
}

/** What a cut leaves of a folder: the durable names, and of each file what `SimulatedFile.cut` gives. */
function survivors(folder: Folder, random: Random): Folder {
  const names = new Map<string, Node>()
  for (const [name, node] of [...folder.durable].sort(([left], [right]) => (left < right ? -1 : 1))) {
    names.set(name, node instanceof SimulatedFile ? new SimulatedFile(node.cut(random)) : survivors(node, random))
  }
  return { names, durable: new Map(names) }
}
