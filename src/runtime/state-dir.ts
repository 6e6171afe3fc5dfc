import { StreamError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import type { Machine } from '../base/machine.ts'

const processFile = 'kafka-streams-process-metadata'
const lockFile = '.lock'

/** Folders held by instances of this process, per disk. */
const heldHere = new WeakMap<Files, Set<string>>()

/**
 * The state folder of one instance of one application: `<stateDir>/<applicationId>/`. It keeps the instance's UUID, from
 * which its transactional id and its group instance id come, and is held by one instance at a time.
 */
export class StateDirectory {
  readonly path: string
  readonly processId: string
  readonly #files: Files
  #held = true

  private constructor(path: string, processId: string, files: Files) {
    this.path = path
    this.processId = processId
    this.#files = files
  }

  /** STATE_DIR_IN_USE names who holds it. */
  static async open(machine: Machine, stateDir: string, applicationId: string): Promise<StateDirectory> {
    const { files } = machine
    const path = `${stateDir}/${applicationId}`
    files.makeDirectory(path)
    hold(files, path)
    try {
      const processId = await readProcessId(machine, path)
      return new StateDirectory(path, processId, files)
    } catch (error) {
      release(files, path)
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

  close(): void {
    if (!this.#held) return
    this.#held = false
    release(this.#files, this.path)
  }
}
