import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { assert } from './assert.ts'
import { type ErrorCode, StreamError } from './errors.ts'
import { type Files, systemFiles } from './files.ts'
import type { Machine } from './machine.ts'

const prefix = '.lock-'

/** Tokens of the locks that this process holds, per disk: a simulated life that died leaves a file, but no token. */
const heldHere = new WeakMap<Files, Set<string>>()

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return null
  }
}

/** Field 22 of /proc/PID/stat, the clock tick the process started at; null when it is gone (a zombie is). */
function startOf(pid: number): string | null {
  const stat = textOf(`/proc/${pid}/stat`)
  if (stat === null) return null
  // The name before it is in parentheses and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null)
}

/** Where there is no /proc, a process is told by its number alone. */
const hasProc = startOf(process.pid) !== null
const bootId = textOf('/proc/sys/kernel/random/boot_id')?.trim() ?? 'boot'
const ownStart = startOf(process.pid) ?? '0'

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/**
 * Keeps a folder to one holder. A lock is an empty file whose name says who holds it: process id, the moment that
 * process started, the boot of the machine, and a token. So a lock that a dead process left, or one whose process id was
 * given to another program, is told from a living one, and no content can be torn.
 *
 * Law
 *  D1  two acquirers never both succeed: each makes its file first and looks for others second, so the later of the two
 *      sees the earlier. (Both may give up when they come at the same moment.)
 */
export class DirectoryLock {
  readonly path: string
  readonly #files: Files
  readonly #token: string
  #released = false

  private constructor(files: Files, path: string, token: string) {
    this.#files = files
    this.path = path
    this.#token = token
  }

  /** Takes the lock or throws `code`, naming the process that holds it. The folder is created when it is not there. */
  static acquire(
    machine: Machine,
    directory: string,
    code: Extract<ErrorCode, 'DATA_DIR_LOCKED' | 'STATE_DIR_IN_USE'>,
  ): DirectoryLock {
    const { files } = machine
    files.makeDirectory(directory)
    const token = machine.random.bytes(8).toString('hex')
    const own = `${prefix}${process.pid}-${ownStart}-${bootId}-${token}`
    const stale: string[] = []
    const lock = new DirectoryLock(files, join(directory, own), token)
    files.open(lock.path, 'write').close()
    tokensOf(files).add(token)
    for (const name of files.list(directory)) {
      if (!name.startsWith(prefix) || name === own) continue
      const holder = livingHolder(files, name)
      if (holder === null) {
        stale.push(name)
        continue
      }
      lock.release()
      const whose = holder === process.pid ? `this process (${holder})` : `process ${holder}`
      throw new StreamError(code, `${directory} is in use by ${whose}; close that one first, or use another folder`)
    }
    for (const name of stale) if (files.exists(join(directory, name))) files.remove(join(directory, name))
    return lock
  }

  /** Idempotent. */
  release(): void {
    if (this.#released) return
    this.#released = true
    tokensOf(this.#files).delete(this.#token)
    if (this.#files.exists(this.path)) this.#files.remove(this.path)
  }
}

function tokensOf(files: Files): Set<string> {
  const tokens = heldHere.get(files) ?? new Set<string>()
  heldHere.set(files, tokens)
  return tokens
}

/** The process id of a lock's holder while it lives, else null. */
function livingHolder(files: Files, name: string): number | null {
  const found = /^(\d+)-(\d+)-(.+)-([0-9a-f]{16})$/.exec(name.slice(prefix.length))
  if (found === null) return null
  const [, pidText, start, boot, token] = found
  const pid = Number(pidText)
  assert(token !== undefined, 'a lock name that matches has a token')
  if (boot !== bootId) return null
  if (pid === process.pid && start === ownStart) {
    // On the real disk it may be another copy of this module; on a simulated one it is a life that was cut off.
    return files === systemFiles || tokensOf(files).has(token) ? pid : null
  }
  const living = hasProc ? startOf(pid) === start : isRunning(pid)
  return living ? pid : null
}
