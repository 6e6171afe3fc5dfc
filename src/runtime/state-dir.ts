import type { Files } from '../base/files.ts'
import type { Machine } from '../base/machine.ts'
import { lockDirectory, writeText } from './directory-lock.ts'

const processFile = 'kafka-streams-process-metadata'

/**
 * The state folder of one instance of one application: `<stateDir>/<applicationId>/`. It keeps the instance's UUID, from
 * which its transactional id and its group instance id come, and is held by one instance at a time.
 */
export class StateDirectory {
  readonly path: string
  readonly processId: string
  readonly #files: Files
  readonly #release: () => void
  #held = true

  private constructor(path: string, processId: string, files: Files, release: () => void) {
    this.path = path
    this.processId = processId
    this.#files = files
    this.#release = release
  }

  /** STATE_DIR_IN_USE names who holds it. */
  static async open(machine: Machine, stateDir: string, applicationId: string): Promise<StateDirectory> {
    const { files } = machine
    const path = `${stateDir}/${applicationId}`
    files.makeDirectory(path)
    const release = lockDirectory(files, path)
    try {
      const processId = readProcessId(machine, path)
      await files.syncDirectory(path)
      return new StateDirectory(path, processId, files, release)
    } catch (error) {
      release()
      throw error
    }
  }

  taskDirectory(taskId: string): string {
    return `${this.path}/${taskId}`
  }

  /** Tasks that have a folder here: state that a later assignment can go on from. */
  taskIds(): string[] {
    return this.#files.list(this.path).filter((name) => /^\d+_\d+$/.test(name))
  }

  /** Idempotent. */
  close(): void {
    if (!this.#held) return
    this.#held = false
    this.#release()
  }
}

/** Kafka Streams' file of that name: JSON with a processId. A file that cannot be read is replaced: it is an identity, not state. */
function readProcessId({ files, random }: Machine, directory: string): string {
  const path = `${directory}/${processFile}`
  if (files.exists(path)) {
    const found = /"processId"\s*:\s*"([0-9a-f-]{36})"/.exec(files.read(path).toString())
    if (found?.[1] !== undefined) return found[1]
  }
  const processId = random.uuid()
  writeText(files, path, JSON.stringify({ processId }))
  return processId
}
