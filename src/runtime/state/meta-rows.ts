import { StreamError } from '../../base/errors.ts'
import type { EngineBatch, StateEngine } from '../../processor/state-engine.ts'

/** Where a topic was when it was written down: other data behind the same offset show by its id or its epoch. */
export interface LogPosition {
  readonly topicId: string
  readonly leaderEpoch: number
  readonly offset: number
}

/** What step 4 writes beside the rows. */
export interface CommitMeta {
  readonly timeMs: number
  /** By store name: the changelog's next offset that is not in the rows. */
  readonly changelogs: { readonly [store: string]: LogPosition }
  /** By `topic-partition`: the input offsets of the same commit. */
  readonly inputs: { readonly [topicPartition: string]: LogPosition }
}

export interface StoreMeta {
  readonly id: number
  readonly fingerprint: string
}

export interface EngineMeta {
  readonly stores: { readonly [name: string]: StoreMeta }
  readonly topology: string
  /** null: nothing was ever committed here. */
  readonly commit: CommitMeta | null
}

const stateFormatVersion = 1

/** The runtime's own rows begin with store id 0. */
const ownerBytes = 4

function key(name: string): Buffer {
  return Buffer.concat([Buffer.alloc(ownerBytes), Buffer.from(name)])
}

const formatKey = key('format')
const storesKey = key('stores')
const topologyKey = key('topology')
const commitKey = key('commit')

/** All rows of a store lie in here: from its id to the next. */
export function rowsOf(storeId: number): { gte: Buffer; lt: Buffer } {
  const gte = Buffer.alloc(ownerBytes)
  const lt = Buffer.alloc(ownerBytes)
  gte.writeUInt32BE(storeId)
  lt.writeUInt32BE(storeId + 1)
  return { gte, lt }
}

/** Reads what an engine says about itself; null when it is empty. STORE_FORMAT_NEWER when a later version wrote it. */
export function readMeta(engine: StateEngine, directory: string): EngineMeta | null {
  const format = readJson<{ version: number }>(engine, formatKey, directory)
  if (format === null) return null
  if (format.version > stateFormatVersion) {
    const what = `${directory} has state of format ${format.version}, this version knows up to ${stateFormatVersion}; run the version that wrote it, or remove the folder to rebuild it from the changelogs`
    throw new StreamError('STORE_FORMAT_NEWER', what)
  }
  return {
    stores: readJson<EngineMeta['stores']>(engine, storesKey, directory) ?? {},
    topology: readJson<string>(engine, topologyKey, directory) ?? '',
    commit: readJson<CommitMeta>(engine, commitKey, directory),
  }
}

function readJson<T>(engine: StateEngine, rowKey: Buffer, directory: string): T | null {
  const bytes = engine.get(rowKey)
  if (bytes === undefined) return null
  try {
    return JSON.parse(bytes.toString()) as T
  } catch (cause) {
    const what = `${directory}: the row ${rowKey.toString('utf8', ownerBytes)} cannot be read; remove the folder to rebuild it from the changelogs`
    throw new StreamError('STORE_CORRUPT', what, { cause })
  }
}

export function putIdentity(batch: EngineBatch, stores: EngineMeta['stores'], topology: string): void {
  batch.put(formatKey, json({ version: stateFormatVersion }))
  batch.put(storesKey, json(stores))
  batch.put(topologyKey, json(topology))
}

export function putCommit(batch: EngineBatch, commit: CommitMeta): void {
  batch.put(commitKey, json(commit))
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}
