import { producerIdBlock } from '../../base/limits.ts'
import type { MetaFile } from '../topics/meta-file.ts'

/**
 * Producer ids, each given once, ever. They are taken from blocks; a block is durable before its first id is given, so
 * a crash wastes at most one block.
 */
export class ProducerIds {
  readonly #meta: MetaFile
  #next = 0
  #end = 0
  #fetching: Promise<void> | null = null

  constructor(meta: MetaFile) {
    this.#meta = meta
  }

  async take(): Promise<number> {
    while (this.#next === this.#end) {
      this.#fetching ??= this.#fetch().finally(() => {
        this.#fetching = null
      })
      await this.#fetching
    }
    return this.#next++
  }

  async #fetch(): Promise<void> {
    let first = 0
    await this.#meta.update((meta) => {
      first = meta.nextProducerId
      return { ...meta, nextProducerId: first + producerIdBlock }
    })
    this.#next = first
    this.#end = first + producerIdBlock
  }
}
