import { DirectoryLock } from '../base/directory-lock.ts'
import type { Files } from '../base/files.ts'
import type { Machine } from '../base/machine.ts'
import { parseTaskId } from './task/task-id.ts'

const processFile = 'kafka-streams-process-metadata'

/**
 * The state folder of one instance of one application: `<stateDir>/<applicationId>/`. It keeps the instance's UUID, from
 * which its transactional id and its group instance id come, and is held by one instance at a time.
 */
export class StateDirectory {
  readonly path: string
  readonly processId: string
  readonly #files: Files
  readonly #lock: DirectoryLock

  private constructor(path: string, processId: string, files: Files, lock: DirectoryLock) {
    this.path = path
    this.processId = processId
    this.#files = files
    this.#lock = lock
  }

  /** STATE_DIR_IN_USE names who holds it. */
  static async open(machine: Machine, stateDir: string, applicationId: string): Promise<StateDirectory> {
    const { files } = machine
    const path = `${stateDir}/${applicationId}`
    const lock = DirectoryLock.acquire(machine, path, 'STATE_DIR_IN_USE')
    try {
      const processId = await readProcessId(machine, path)
      await files.syncDirectory(path)
      return new StateDirectory(path, processId, files, lock)
    } catch (error) {
      lock.release()
      throw error
    }
  }

  taskDirectory(taskId: string): string {
    return `${this.path}/${taskId}`
  }

  /** Tasks that have a folder here: state that a later assignment can go on from. */
  taskIds(): string[] {
    return this.#files.list(this.path).filter((name) => parseTaskId(name) !== null)
  }

  /** Idempotent. */
  close(): void {
    this.#lock.release()
  }
}

/** Kafka Streams' file of that name: JSON with a processId. A file that cannot be read is replaced: it is an identity, not state. */
async function readProcessId({ files, random }: Machine, directory: string): Promise<string> {
  const path = `${directory}/${processFile}`
  if (files.exists(path)) {
    const found = /"processId"\s*:\s*"([0-9a-f-]{36})"/.exec(files.read(path).toString())
    if (found?.[1] !== undefined) return found[1]
  }
  const processId = random.uuid()
  await writeText(files, path, JSON.stringify({ processId }))
  return processId
}

/** Replaces a small file in one step; its name is durable when its folder is synced. */
async function writeText(files: Files, path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`
  const file = files.open(temporary, 'write')
  try {
    const bytes = Buffer.from(text)
    file.truncate(0)
    file.write(bytes, 0, bytes.length, 0)
    await file.sync()
  } finally {
    file.close()
  }
  files.rename(temporary, path)
}
