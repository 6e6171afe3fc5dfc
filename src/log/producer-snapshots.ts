import type { Files } from '../base/files.ts'
import { encodeSnapshot } from './producer-snapshot.ts'
import type { ProducerState } from './producer-state.ts'
import { segmentPath } from './segment-names.ts'

const snapshotsKept = 2

/** The snapshot files of one partition: written at checkpoints, the newest two are kept. */
export class ProducerSnapshots {
  readonly #files: Files
  readonly #directory: string
  /** Ascending. */
  #offsets: number[]
  #unsynced: number | null = null

  constructor(files: Files, directory: string, offsets: readonly number[]) {
    this.#files = files
    this.#directory = directory
    this.#offsets = [...offsets]
  }

  /** The state is that after all batches below `offset`. */
  write(offset: number, state: ProducerState): void {
    if (this.#offsets.at(-1) === offset) return
    const bytes = encodeSnapshot(state)
    const file = this.#files.open(segmentPath(this.#directory, offset, '.snapshot'), 'write')
    try {
      file.truncate(0)
      file.write(bytes, 0, bytes.length, 0)
    } finally {
      file.close()
    }
    this.#offsets.push(offset)
    this.#unsynced = offset
  }

  async sync(): Promise<void> {
    const offset = this.#unsynced
    if (offset === null) return
    const file = this.#files.open(segmentPath(this.#directory, offset, '.snapshot'), 'write')
    try {
      await file.sync()
    } finally {
      file.close()
    }
    if (this.#unsynced === offset) this.#unsynced = null
  }

  dropOld(): void {
    for (const offset of this.#offsets.splice(0, Math.max(0, this.#offsets.length - snapshotsKept))) {
      this.#files.remove(segmentPath(this.#directory, offset, '.snapshot'))
    }
  }
}
