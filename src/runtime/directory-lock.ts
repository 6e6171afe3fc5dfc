import { StreamError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'

/** Who holds a folder: a process is known by its id, the moment it started, and the boot it belongs to. */
interface Holder {
  readonly pid: number
  readonly startTime: string
  readonly bootId: string
}

/** Folders held by this process, per disk. */
const heldHere = new WeakMap<Files, Set<string>>()

const lockFile = '.lock'

/**
 * Takes a folder for this process, or says who has it: STATE_DIR_IN_USE. A holder that died, or that is a zombie, holds nothing.
 * Returns how to let it go.
 */
export function lockDirectory(files: Files, path: string): () => void {
  const held = heldHere.get(files) ?? new Set<string>()
  heldHere.set(files, held)
  if (held.has(path)) throw inUse(path, `another instance of this process (${process.pid})`)
  const file = `${path}/${lockFile}`
  if (files.exists(file)) {
    const holder = parseHolder(files.read(file).toString())
    // Our own process id without an entry above: a simulated crash, or an id that came round again.
    if (holder !== null && holder.pid !== process.pid && isAlive(files, holder)) {
      throw inUse(path, `process ${holder.pid}`)
    }
  }
  writeText(files, file, JSON.stringify(describe(files, process.pid)))
  held.add(path)
  return () => {
    held.delete(path)
    if (files.exists(file)) files.remove(file)
  }
}

function inUse(path: string, holder: string): StreamError {
  return new StreamError(
    'STATE_DIR_IN_USE',
    `${path} is in use by ${holder}; stop it, or give this instance another stateDir`,
  )
}

/** Replaces a small file in one step. */
export function writeText(files: Files, path: string, text: string): void {
  const temporary = `${path}.tmp`
  const file = files.open(temporary, 'write')
  const bytes = Buffer.from(text)
  file.truncate(0)
  file.write(bytes, 0, bytes.length, 0)
  file.close()
  files.rename(temporary, path)
}

function describe(files: Files, pid: number): Holder {
  return { pid, startTime: statOf(files, pid)?.startTime ?? '', bootId: bootIdOf(files) }
}

function isAlive(files: Files, holder: Holder): boolean {
  if (holder.bootId !== bootIdOf(files)) return false
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    // Not allowed to signal it: it is somebody else's, and alive.
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false
  }
  const stat = statOf(files, holder.pid)
  if (stat === null) return true
  return stat.state !== 'Z' && (holder.startTime === '' || stat.startTime === holder.startTime)
}

/** State and start time of a process, where the system shows them (Linux). */
function statOf(files: Files, pid: number): { readonly state: string; readonly startTime: string } | null {
  const path = `/proc/${pid}/stat`
  if (!files.exists(path)) return null
  const text = files.read(path).toString()
  // The second field, the name, is in parentheses and may hold anything: count from behind it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0] ?? '', startTime: fields[19] ?? '' }
}

function bootIdOf(files: Files): string {
  const path = '/proc/sys/kernel/random/boot_id'
  return files.exists(path) ? files.read(path).toString().trim() : ''
}

function parseHolder(text: string): Holder | null {
  try {
    const { pid, startTime, bootId } = JSON.parse(text) as Partial<Holder>
    return typeof pid === 'number' ? { pid, startTime: startTime ?? '', bootId: bootId ?? '' } : null
  } catch {
    // A torn lock file is one of a process that died while it wrote it.
    return null
  }
}
