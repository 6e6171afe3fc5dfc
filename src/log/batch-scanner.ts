import type { OpenFile } from '../base/files.ts'
import { MiB } from '../base/limits.ts'
import { batchHeaderBytes, batchSize, frameProblem } from '../records/batch-format.ts'

const chunkBytesDefault = 1 * MiB

/**
 * Walks the batches of a .log file front to back, reading it in large pieces. It looks at frames only: whoever uses it
 * checks the CRC where that is wanted.
 */
export class BatchScanner {
  readonly #file: OpenFile
  readonly #fileEnd: number
  /** What `at` points into. */
  buffer = Buffer.alloc(0)
  at = 0
  /** Of the current batch, in the file. */
  position: number
  size = 0
  /** Why the walk ended before the end of the file; null when it did not. */
  problem: string | null = null
  #bufferPosition: number
  readonly #chunkBytes: number

  constructor(file: OpenFile, position: number, fileEnd: number, chunkBytes = chunkBytesDefault) {
    this.#chunkBytes = chunkBytes
    this.#file = file
    this.#fileEnd = fileEnd
    this.position = position
    this.#bufferPosition = position
  }

  /** Goes to the next batch that is whole in the file. */
  next(): boolean {
    this.position += this.size
    this.size = 0
    const left = this.#fileEnd - this.position
    if (left === 0) return false
    if (left < batchHeaderBytes) return this.#stop(`${left} bytes are left, a batch header needs ${batchHeaderBytes}`)
    if (!this.#have(batchHeaderBytes)) return this.#stop('the file became shorter while it was read')
    const size = batchSize(this.buffer, this.at)
    if (size > left) return this.#stop(`its length field says ${size} bytes, ${left} are left`)
    if (size >= batchHeaderBytes && !this.#have(size)) return this.#stop('the file became shorter while it was read')
    const problem = frameProblem(this.buffer, this.at, this.buffer.length)
    if (problem !== null) return this.#stop(problem)
    this.size = size
    return true
  }

  /** The next `next` gives the current batch again. */
  rewind(): void {
    this.size = 0
  }

  #stop(problem: string): boolean {
    this.problem = problem
    return false
  }

  /** Makes `bytes` bytes from `position` on lie in the buffer. */
  #have(bytes: number): boolean {
    this.at = this.position - this.#bufferPosition
    if (this.at + bytes <= this.buffer.length) return true
    const length = Math.min(Math.max(this.#chunkBytes, bytes), this.#fileEnd - this.position)
    const buffer = Buffer.allocUnsafeSlow(length)
    if (this.#file.read(buffer, 0, length, this.position) < length) return false
    this.buffer = buffer
    this.#bufferPosition = this.position
    this.at = 0
    return true
  }
}
