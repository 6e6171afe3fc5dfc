/**
 * The broker: one node with everything in it, which leads every partition. It owns what it opens and closes it in order.
 *
 * DIR/.lock-…           who holds the folder
 * DIR/log/meta.json     topics, producer id blocks (topics/meta-file.ts)
 * DIR/log/T-P/          the log of partition P of topic T
 *
 * Laws
 *  B1  it serves only what it brought back: transactions first (they end what was ending), then groups, then requests
 *  B2  after `close` nothing waits: whoever asked has an answer or NET_DISCONNECTED
 *  B3  damage, a failed or full disk and bytes that recovery cut off are told to whoever listens, naming file and offset: what was
 *      found before at once, the rest when it is found
 */
import { dirname, join, resolve } from 'node:path'
import { StreamError } from '../base/errors.ts'
import { internalTopicBatchBytes } from '../base/limits.ts'
import type { Machine } from '../base/machine.ts'
import { LogDirectory } from '../log/log-directory.ts'
import type { TailCut } from '../log/recovery.ts'
import { type ApiName, apiNames, type RequestOf, type ResponseOf } from '../protocol/api.ts'
import { codecConnection } from '../protocol/codec-connection.ts'
import type { Connection, RequestContext, RequestHandler, SupportedVersions } from '../protocol/connection.ts'
import { DirectConnection } from './direct-connection.ts'
import { DiskGuard } from './disk-guard.ts'
import { GroupCoordinator } from './groups/group-coordinator.ts'
import type { BrokerRooms } from './handler.ts'
import { damageOf, InternalLog } from './internal-log.ts'
import { type BrokerOptions, type BrokerSettings, settingsOf } from './options.ts'
import { registry } from './registry.ts'
import { MetaFile } from './topics/meta-file.ts'
import { offsetsTopic, transactionsTopic } from './topics/topic-name.ts'
import { Topics } from './topics/topics.ts'
import { ProducerIds } from './transactions/producer-ids.ts'
import { TransactionCoordinator } from './transactions/transaction-coordinator.ts'
import { WaitingFetches } from './waiting-fetches.ts'

export interface ConnectOptions {
  readonly clientId?: string
  /** 'direct' (default): by reference. 'codec': encoded and decoded both ways, at the pinned versions. */
  readonly carrier?: 'direct' | 'codec'
}

const logFolder = 'log'

const supported: readonly SupportedVersions[] = apiNames
  .map((api) => registry[api])
  .map(({ apiKey, minVersion, maxVersion }) => ({ apiKey, minVersion, maxVersion }))

export class Broker implements RequestHandler {
  readonly directory: string
  readonly #rooms: BrokerRooms
  readonly #logs: LogDirectory
  readonly #connections = new Set<Connection>()
  readonly #listeners = new Set<(trouble: string) => void>()
  #connected = 0
  #closed: Promise<void> | null = null

  private constructor(directory: string, logs: LogDirectory, rooms: BrokerRooms) {
    this.directory = directory
    this.#logs = logs
    this.#rooms = rooms
    logs.onTrouble = (name, error) => this.#tell(troubleOf(name, error))
    rooms.disk.onFull = (error) => this.#tell(fullOf(error))
  }

  /**
   * Opens the folder, which is created when it is not there, and brings back what it holds.
   * Errors: DATA_DIR_LOCKED (naming the holder), LOG_FORMAT_NEWER, LOG_CORRUPT, CONFIG_INVALID, DISK_FULL, DISK_FAILED.
   * A damaged partition is offline while the others are served.
   */
  static async open(machine: Machine, directory: string, options: BrokerOptions = {}): Promise<Broker> {
    const settings = settingsOf(options)
    await makeDurableDirectory(machine, directory)
    const logs = await LogDirectory.open(machine, join(directory, logFolder), { lockDirectory: directory })
    try {
      return new Broker(directory, logs, await openRooms(machine, directory, logs, settings))
    } catch (error) {
      await logs.close()
      throw error
    }
  }

  connect(options: ConnectOptions = {}): Connection {
    if (this.#closed !== null) throw new StreamError('CLOSED', `${this.directory}: the broker is closed; open it again`)
    const { clientId = 'millrace', carrier = 'direct' } = options
    const carried =
      carrier === 'codec'
        ? codecConnection(this, { clientId })
        : new DirectConnection(this, clientId, ++this.#connected)
    const connection: Connection = {
      checked: carried.checked,
      request: (api, body) => carried.request(api, body),
      close: () => {
        this.#connections.delete(connection)
        return carried.close()
      },
    }
    this.#connections.add(connection)
    return connection
  }

  async handle<A extends ApiName>(api: A, body: RequestOf<A>, context: RequestContext): Promise<ResponseOf<A>> {
    if (this.#closed !== null) throw new StreamError('NET_DISCONNECTED', 'the broker is closed; open it again')
    return registry[api].handle(body, this.#rooms, context)
  }

  supported(): readonly SupportedVersions[] {
    return supported
  }

  /** Partitions that do not serve, or not all they hold, by folder name, with the reason (file and offset). */
  offline(): ReadonlyMap<string, StreamError> {
    const offline = new Map(this.#logs.offline())
    const { groups, transactions } = this.#rooms
    if (groups.failure !== null) offline.set(`${offsetsTopic}-0`, groups.failure)
    if (transactions.failure !== null) offline.set(`${transactionsTopic}-0`, transactions.failure)
    return offline
  }

  /** What an unclean stop left unfinished at the end of partitions, and was cut off at this start, by folder name. */
  tailCuts(): ReadonlyMap<string, TailCut> {
    return this.#logs.tailCuts()
  }

  #tell(trouble: string): void {
    for (const tell of this.#listeners) tell(trouble)
  }

  /** B3. Returns what ends the telling. */
  listen(tell: (trouble: string) => void): () => void {
    for (const [name, cut] of this.tailCuts()) tell(cutOf(name, cut))
    for (const [name, error] of this.offline()) tell(troubleOf(name, error))
    const { full } = this.#rooms.disk
    if (full !== null) tell(fullOf(full))
    this.#listeners.add(tell)
    return () => this.#listeners.delete(tell)
  }

  /** B2. Everything is synced, and the next start knows that it was. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const { groups, transactions, fetches, topics, machine } = this.#rooms
    groups.close()
    fetches.close()
    await transactions.close()
    // The answers of the lines above reach who asked before the connections go.
    await machine.clock.turn()
    for (const connection of this.#connections) await connection.close()
    try {
      await topics.close()
    } finally {
      await this.#logs.close()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function troubleOf(name: string, error: StreamError): string {
  return `partition ${name} of the log does not serve all it holds: ${error.message}`
}

function fullOf(error: StreamError): string {
  return `the log takes no records: ${error.message}`
}

function cutOf(name: string, { path, offset, bytes, problem }: TailCut): string {
  const cut =
    bytes === 0
      ? `it is cut off at offset ${offset}, where ${path} ends (${problem})`
      : `${bytes} bytes from offset ${offset} on were cut off, where ${path} ends now (${problem})`
  return `partition ${name} of the log was not closed: ${cut}; that is what a crash leaves, check the disk if more is missing`
}

/** A folder whose name is only in memory would take everything in it along in a power cut. */
async function makeDurableDirectory({ files }: Machine, directory: string): Promise<void> {
  if (MetaFile.exists({ files }, join(directory, logFolder))) return
  const parents = [dirname(resolve(directory))]
  for (let path = parents[0]!; !files.exists(path); path = dirname(path)) parents.push(dirname(path))
  files.makeDirectory(directory)
  for (const parent of parents) await files.syncDirectory(parent)
}

/** B1 */
async function openRooms(
  machine: Machine,
  directory: string,
  logs: LogDirectory,
  settings: BrokerSettings,
): Promise<BrokerRooms> {
  const meta = await openMeta(machine, logs)
  const topics = new Topics(meta, logs, machine.random, settings.flush)
  await topics.load()
  await createInternal(topics)
  await syncInternal(topics)
  const find = topics.find.bind(topics)
  const internal = (topic: string): InternalLog | null => {
    const log = topics.find(topic, 0)?.online
    return log == null ? null : new InternalLog(machine.clock, log, internalTopicBatchBytes)
  }
  const groups = new GroupCoordinator(machine, settings, internal(offsetsTopic), find)
  const transactions = new TransactionCoordinator({
    machine,
    settings,
    log: internal(transactionsTopic),
    producerIds: new ProducerIds(meta),
    groups,
    find,
    coordinatorEpoch: logs.leaderEpoch,
  })
  await transactions.recover(topics.partitions(), logs.cleanShutdown)
  groups.load()
  topics.onDelete = (topic) => {
    transactions.forgetTopic(topic)
    groups.forgetTopic(topic)
  }
  const disk = new DiskGuard(machine, directory, settings.minFreeBytes)
  const fetches = new WaitingFetches(machine.clock)
  return { machine, settings, topics, groups, transactions, disk, fetches, supported: () => supported }
}

/** M4: the file comes before any folder, so folders without it mean that it was lost. */
async function openMeta(machine: Machine, logs: LogDirectory): Promise<MetaFile> {
  const isNew = !MetaFile.exists(machine, logs.directory)
  if (isNew && logs.folders().length > 0) {
    const advice = 'the list of topics is lost; restore meta.json from a copy of the data folder'
    throw new StreamError('LOG_CORRUPT', `${logs.directory} has partitions but no meta.json: ${advice}`)
  }
  const meta = MetaFile.open(machine, logs.directory)
  if (isNew) await meta.update((first) => first)
  return meta
}

/**
 * What a life that died had decided, the disk may not have: before anything follows from a decision, a marker or an answer, it
 * is made durable. A log that cannot be synced is offline from then on, and says so.
 */
async function syncInternal(topics: Topics): Promise<void> {
  for (const name of [offsetsTopic, transactionsTopic]) {
    await topics
      .find(name, 0)
      ?.online?.sync()
      .catch((error: unknown) => void damageOf(error))
  }
}

async function createInternal(topics: Topics): Promise<void> {
  const configs = [
    { name: 'cleanup.policy', value: 'compact' },
    { name: 'compression.type', value: 'producer' },
    { name: 'segment.bytes', value: '104857600' },
  ]
  const missing = [offsetsTopic, transactionsTopic].filter((name) => topics.get(name) === undefined)
  const results = await topics.create(missing.map((name) => ({ name, partitions: 1, configs })))
  for (const [name, { error, message }] of results) {
    if (error !== 'NONE') throw new StreamError('DISK_FAILED', `${name} could not be created: ${message}`)
  }
}
