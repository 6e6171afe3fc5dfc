/**
 * What the broker knows beside its logs: cluster id, next producer id, topics with partitions and configs.
 * One small file of JSON with a checksum, replaced whole.
 *
 * Laws
 *  M1  the file on disk is always one whole version: the new one is written beside it, synced, then renamed
 *  M2  an update counts once `update` resolved: the folder is synced too, or a power cut could bring the old file back
 *  M3  updates happen one after the other, each sees the one before
 *  M4  the file is written before the first partition folder: folders without a file mean that it was lost
 *
 * Not here: which folders go with a topic (topics.ts).
 */
import { join } from 'node:path'
import { assert } from '../../base/assert.ts'
import { StreamError } from '../../base/errors.ts'
import { metaFileBytesMax } from '../../base/limits.ts'
import type { Machine } from '../../base/machine.ts'
import { decodeCheckedJson, encodeCheckedJson } from '../../log/checked-json.ts'
import { replaceFile } from '../../log/checkpoint-file.ts'
import type { TopicConfigs } from './topic-configs.ts'

export interface TopicMeta {
  readonly name: string
  readonly id: string
  readonly partitions: number
  readonly configs: TopicConfigs
}

export interface Meta {
  readonly clusterId: string
  readonly nextProducerId: number
  readonly topics: readonly TopicMeta[]
  /** Ids of deleted topics that may still have folders: nothing else says that those may go. */
  readonly deleted: readonly string[]
}

const metaFileName = 'meta.json'
const format = 2
const advice = 'restore it from a copy of the data folder'

export class MetaFile {
  readonly #machine: Machine
  readonly #directory: string
  #current: Meta
  #last: Promise<void> = Promise.resolve()

  private constructor(machine: Machine, directory: string, current: Meta) {
    this.#machine = machine
    this.#directory = directory
    this.#current = current
  }

  static exists({ files }: Pick<Machine, 'files'>, directory: string): boolean {
    return files.exists(join(directory, metaFileName))
  }

  /** Reads the file, or makes the first one in memory. LOG_CORRUPT, LOG_FORMAT_NEWER. */
  static open(machine: Machine, directory: string): MetaFile {
    const path = join(directory, metaFileName)
    if (machine.files.exists(path)) return new MetaFile(machine, directory, parse(path, machine.files.read(path)))
    const clusterId = Buffer.from(machine.random.uuid().replaceAll('-', ''), 'hex').toString('base64url')
    return new MetaFile(machine, directory, { clusterId, nextProducerId: 0, topics: [], deleted: [] })
  }

  get current(): Meta {
    return this.#current
  }

  /** Changes what is there; resolves when the change is durable (M2). A failed write changes nothing. */
  update(change: (meta: Meta) => Meta): Promise<void> {
    const done = this.#last.then(() => this.#write(change(this.#current)))
    // The next update waits for this one, whatever came of it; who asked for this one hears of its failure.
    this.#last = done.catch(() => undefined)
    return done
  }

  async #write(next: Meta): Promise<void> {
    assert(next.nextProducerId >= this.#current.nextProducerId, 'a producer id is given once')
    const bytes = encodeCheckedJson({ format, ...next })
    if (bytes.length > metaFileBytesMax) {
      throw new StreamError(
        'CONFIG_INVALID',
        `the list of topics would take ${bytes.length} bytes; delete topics first`,
      )
    }
    await replaceFile(this.#machine.files, join(this.#directory, metaFileName), bytes)
    this.#current = next
  }
}

function parse(path: string, bytes: Buffer): Meta {
  const fields = decodeCheckedJson(path, bytes, advice)
  if (typeof fields.format === 'number' && fields.format > format) {
    const newer = `this program knows up to ${format}; use the newer one`
    throw new StreamError('LOG_FORMAT_NEWER', `${path} has format ${fields.format}, ${newer}`)
  }
  if (fields.format !== format) throw corrupt(path, 'it names no format')
  const { clusterId, nextProducerId, topics, deleted } = fields
  if (typeof clusterId !== 'string' || !Number.isSafeInteger(nextProducerId)) {
    throw corrupt(path, 'the cluster id or the next producer id is missing')
  }
  if (!Array.isArray(topics) || !topics.every(isTopic)) throw corrupt(path, 'its list of topics is damaged')
  if (!Array.isArray(deleted) || !deleted.every((id) => typeof id === 'string')) {
    throw corrupt(path, 'its list of deleted topics is damaged')
  }
  return { clusterId, nextProducerId: Number(nextProducerId), topics, deleted }
}

function isTopic(raw: unknown): raw is TopicMeta {
  if (typeof raw !== 'object' || raw === null) return false
  const { name, id, partitions, configs } = raw as Partial<TopicMeta>
  if (typeof name !== 'string' || typeof id !== 'string' || typeof configs !== 'object') return false
  return Number.isSafeInteger(partitions) && partitions! > 0
}

function corrupt(path: string, what: string): StreamError {
  return new StreamError('LOG_CORRUPT', `${path}: ${what}; ${advice}`)
}
