import { StreamError } from '../../src/base/errors.ts'
import type { Files, OpenFile } from '../../src/base/files.ts'
import type { Machine } from '../../src/base/machine.ts'
import { SeededRandom } from '../../src/base/random.ts'
import { noHeaders } from '../../src/base/serde.ts'
import { Broker } from '../../src/broker/broker.ts'
import type { BrokerOptions } from '../../src/broker/options.ts'
import type { ApiName, RequestOf, ResponseOf } from '../../src/protocol/api.ts'
import type { Connection } from '../../src/protocol/connection.ts'
import { codeToName, type KafkaError } from '../../src/protocol/error-codes.ts'
import { zeroUuid } from '../../src/protocol/schema.ts'
import { BatchBuilder, type BatchHeader, singleRecordBatch } from '../../src/records/batch-builder.ts'
import { BatchCursor } from '../../src/records/batch-cursor.ts'
import { batchSize, isControl, lastOffsetOf, patchOffset, producerIdOf } from '../../src/records/batch-format.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { SimulatedFiles } from '../../src/testing/simulated-files.ts'

export interface ReadRecord {
  readonly offset: number
  readonly key: string | null
  readonly value: string | null
  readonly timestampMs: number
}

const plain: BatchHeader = { producerId: -1, producerEpoch: -1, baseSequence: -1, transactional: false }

export function batchOf(values: readonly string[], header: BatchHeader = plain, timestampMs = 1000): Buffer {
  const builder = new BatchBuilder({ bytesMax: 1 << 20 })
  values.forEach((value, index) => {
    const bytes = Buffer.from(value)
    builder.appendBytes(timestampMs + index, bytes, 0, bytes.length, bytes, 0, bytes.length, noHeaders)
  })
  return builder.build(header)
}

/** The records a reader sees: read_committed leaves out those of aborted transactions, as clients do. */
export function recordsOf(answer: ResponseOf<'Fetch'>['responses'][number]['partitions'][number]): ReadRecord[] {
  const records: ReadRecord[] = []
  const buffer = answer.records ?? Buffer.alloc(0)
  const cursor = new BatchCursor()
  const aborted = [...(answer.abortedTransactions ?? [])].sort((a, b) => a.firstOffset - b.firstOffset)
  const open = new Set<number>()
  for (let at = 0; at < buffer.length; at += batchSize(buffer, at)) {
    const producerId = producerIdOf(buffer, at)
    while (aborted.length > 0 && aborted[0]!.firstOffset <= lastOffsetOf(buffer, at))
      open.add(aborted.shift()!.producerId)
    if (isControl(buffer, at)) {
      open.delete(producerId)
      continue
    }
    if (open.has(producerId)) continue
    cursor.open(buffer, at)
    while (cursor.next()) {
      const text = (start: number, end: number): string | null =>
        start < 0 ? null : cursor.buffer.utf8Slice(start, end)
      records.push({
        offset: cursor.offset,
        key: text(cursor.keyStart, cursor.keyEnd),
        value: text(cursor.valueStart, cursor.valueEnd),
        timestampMs: cursor.timestampMs,
      })
    }
  }
  return records
}

export interface FetchOptions {
  readonly committed?: boolean
  readonly maxWaitMs?: number
  readonly minBytes?: number
  readonly maxBytes?: number
  readonly partitionMaxBytes?: number
}

export interface TestProducer {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  /** partition → next sequence */
  readonly sequences: Map<string, number>
}

/** The disk as one process sees it. Killed, the process does nothing more; what it wrote stays. */
class ProcessFiles implements Files {
  readonly #disk: Files
  #alive = true

  constructor(disk: Files) {
    this.#disk = disk
  }

  kill(): void {
    this.#alive = false
  }

  get #living(): Files {
    if (!this.#alive) throw new StreamError('DISK_FAILED', 'this process was killed')
    return this.#disk
  }

  open(path: string, mode: 'read' | 'write'): OpenFile {
    const file = this.#living.open(path, mode)
    const living = (): OpenFile => {
      void this.#living
      return file
    }
    return {
      path,
      read: (into, offset, length, position) => living().read(into, offset, length, position),
      write: (from, offset, length, position) => living().write(from, offset, length, position),
      size: () => living().size(),
      truncate: (size) => living().truncate(size),
      sync: () => living().sync(),
      close: () => file.close(),
    }
  }

  exists(path: string): boolean {
    return this.#living.exists(path)
  }

  makeDirectory(path: string): void {
    this.#living.makeDirectory(path)
  }

  list(path: string): string[] {
    return this.#living.list(path)
  }

  read(path: string): Buffer {
    return this.#living.read(path)
  }

  rename(from: string, to: string): void {
    this.#living.rename(from, to)
  }

  remove(path: string): void {
    this.#living.remove(path)
  }

  removeTree(path: string): void {
    this.#living.removeTree(path)
  }

  syncDirectory(path: string): Promise<void> {
    return this.#living.syncDirectory(path)
  }

  freeBytes(path: string): number {
    return this.#living.freeBytes(path)
  }
}

/** A broker on a disk in memory, with a clock moved by hand. */
export class Fixture {
  clock = new ManualClock()
  readonly disk: SimulatedFiles
  readonly directory = '/data'
  readonly #options: BrokerOptions
  #files: ProcessFiles
  #seed = 1
  broker!: Broker
  connection!: Connection

  private constructor(options: BrokerOptions, disk: SimulatedFiles) {
    this.#options = options
    this.disk = disk
    this.#files = new ProcessFiles(disk)
  }

  static async open(options: BrokerOptions = {}, disk = new SimulatedFiles()): Promise<Fixture> {
    const fixture = new Fixture({ minFreeBytes: 0, ...options }, disk)
    await fixture.start()
    return fixture
  }

  machine(): Machine {
    return { clock: this.clock, files: this.#files, random: new SeededRandom(this.#seed++) }
  }

  async start(): Promise<void> {
    this.broker = await Broker.open(this.machine(), this.directory, this.#options)
    this.connection = this.broker.connect({ clientId: 'test' })
  }

  async reopen(): Promise<void> {
    await this.broker.close()
    await this.start()
  }

  /** The process is killed and a new one starts; in between `damage` may take away what was not synced. */
  async crash(damage: (disk: Files) => void = () => {}): Promise<void> {
    this.#files.kill()
    damage(this.disk)
    this.#files = new ProcessFiles(this.disk)
    this.clock = new ManualClock(this.clock.now())
    await this.start()
  }

  async close(): Promise<void> {
    await this.broker.close().catch(() => {})
  }

  /** Starts again with one record more in an internal topic. */
  async reopenWith(topic: string, { key, value }: { key: Buffer; value: Buffer | null }): Promise<void> {
    await this.crash((disk) => {
      const file = disk.open(`/data/log/${topic}-0/00000000000000000000.log`, 'write')
      const bytes = disk.read(file.path)
      let end = 0
      for (let at = 0; at < bytes.length; at += batchSize(bytes, at)) end = lastOffsetOf(bytes, at) + 1
      const batch = singleRecordBatch(1, key, value)
      patchOffset(batch, 0, end, 1)
      file.write(batch, 0, batch.length, bytes.length)
      file.close()
    })
  }

  request<A extends ApiName>(api: A, body: RequestOf<A>): Promise<ResponseOf<A>> {
    return this.connection.request(api, body)
  }

  async createTopic(name: string, numPartitions = 1, configs: Record<string, string> = {}): Promise<KafkaError> {
    const { topics } = await this.request('CreateTopics', {
      topics: [
        {
          name,
          numPartitions,
          replicationFactor: -1,
          assignments: [],
          configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
        },
      ],
      timeoutMs: 1000,
      validateOnly: false,
    })
    return codeToName(topics[0]!.errorCode)
  }

  async deleteTopic(name: string): Promise<KafkaError> {
    const { responses } = await this.request('DeleteTopics', {
      topics: [{ name, topicId: zeroUuid }],
      topicNames: [],
      timeoutMs: 1000,
    })
    return codeToName(responses[0]!.errorCode)
  }

  batch(...values: string[]): Buffer {
    return batchOf(values)
  }

  async append(
    topic: string,
    partition: number,
    records: Buffer | null,
    acks = -1,
  ): Promise<{ error: KafkaError; offset: number; message: string | null }> {
    const { responses } = await this.request('Produce', {
      transactionalId: null,
      acks,
      timeoutMs: 1000,
      topicData: [{ name: topic, partitionData: [{ index: partition, records }] }],
    })
    const answer = responses[0]?.partitionResponses[0]
    if (answer === undefined) return { error: 'NONE', offset: -1, message: null }
    return { error: codeToName(answer.errorCode), offset: answer.baseOffset, message: answer.errorMessage }
  }

  async produce(topic: string, partition: number, values: readonly string[], acks = -1): Promise<number> {
    const { error, offset, message } = await this.append(topic, partition, batchOf(values), acks)
    if (error !== 'NONE') throw new Error(`${error}: ${message}`)
    return offset
  }

  async topicId(name: string): Promise<string> {
    const { topics } = await this.request('Metadata', {
      topics: [{ name, topicId: zeroUuid }],
      allowAutoTopicCreation: false,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    })
    return topics[0]!.topicId
  }

  async fetchRequest(
    targets: readonly { topic: string; partition: number; offset: number }[],
    options: FetchOptions = {},
  ): Promise<RequestOf<'Fetch'>> {
    const topics = await Promise.all(
      targets.map(async ({ topic, partition, offset }) => ({
        topic,
        topicId: await this.topicId(topic),
        partitions: [
          {
            partition,
            currentLeaderEpoch: -1,
            fetchOffset: offset,
            lastFetchedEpoch: -1,
            logStartOffset: -1,
            partitionMaxBytes: options.partitionMaxBytes ?? 1 << 20,
          },
        ],
      })),
    )
    return {
      replicaId: -1,
      maxWaitMs: options.maxWaitMs ?? 0,
      minBytes: options.minBytes ?? 1,
      maxBytes: options.maxBytes ?? 8 << 20,
      isolationLevel: options.committed === true ? 1 : 0,
      sessionId: 0,
      sessionEpoch: -1,
      topics,
      forgottenTopicsData: [],
      rackId: '',
    }
  }

  async fetch(
    topic: string,
    partition: number,
    offset: number,
    options: FetchOptions = {},
  ): Promise<ResponseOf<'Fetch'>['responses'][number]['partitions'][number]> {
    const answer = await this.request('Fetch', await this.fetchRequest([{ topic, partition, offset }], options))
    return answer.responses[0]!.partitions[0]!
  }

  async values(topic: string, partition = 0, options: FetchOptions = {}, offset = 0): Promise<(string | null)[]> {
    return recordsOf(await this.fetch(topic, partition, offset, options)).map(({ value }) => value)
  }

  committedValues(topic: string, partition = 0): Promise<(string | null)[]> {
    return this.values(topic, partition, { committed: true })
  }

  async listOffset(topic: string, partition: number, timestamp: number, committed = false): Promise<number> {
    const { topics } = await this.request('ListOffsets', {
      replicaId: -1,
      isolationLevel: committed ? 1 : 0,
      topics: [{ name: topic, partitions: [{ partitionIndex: partition, currentLeaderEpoch: -1, timestamp }] }],
    })
    return topics[0]!.partitions[0]!.offset
  }

  // ---- transactions

  async init(
    transactionalId: string,
    timeoutMs = 10_000,
    known: { producerId: number; producerEpoch: number } = { producerId: -1, producerEpoch: -1 },
  ): Promise<TestProducer & { error: KafkaError }> {
    const { producerId, producerEpoch } = known
    const answer = await this.request('InitProducerId', {
      transactionalId,
      transactionTimeoutMs: timeoutMs,
      producerId,
      producerEpoch,
    })
    return {
      error: codeToName(answer.errorCode),
      transactionalId,
      producerId: answer.producerId,
      producerEpoch: answer.producerEpoch,
      sequences: new Map(),
    }
  }

  async join(producer: TestProducer, topic: string, ...partitions: number[]): Promise<KafkaError> {
    const { resultsByTopicV3AndBelow: results } = await this.request('AddPartitionsToTxn', {
      v3AndBelowTransactionalId: producer.transactionalId,
      v3AndBelowProducerId: producer.producerId,
      v3AndBelowProducerEpoch: producer.producerEpoch,
      v3AndBelowTopics: [{ name: topic, partitions }],
    })
    return codeToName(results[0]!.resultsByPartition[0]!.partitionErrorCode)
  }

  async write(
    producer: TestProducer,
    topic: string,
    partition: number,
    values: readonly string[],
  ): Promise<KafkaError> {
    const name = `${topic}-${partition}`
    const baseSequence = producer.sequences.get(name) ?? 0
    const { producerId, producerEpoch } = producer
    const header = { producerId, producerEpoch, baseSequence, transactional: true }
    const { error } = await this.append(topic, partition, batchOf(values, header))
    if (error === 'NONE') producer.sequences.set(name, baseSequence + values.length)
    return error
  }

  /** Joins the partition and writes to it. */
  async send(producer: TestProducer, topic: string, partition: number, values: readonly string[]): Promise<void> {
    for (const error of [
      await this.join(producer, topic, partition),
      await this.write(producer, topic, partition, values),
    ]) {
      if (error !== 'NONE') throw new Error(error)
    }
  }

  async end(producer: TestProducer, committed: boolean): Promise<KafkaError> {
    const { transactionalId, producerId, producerEpoch } = producer
    const answer = await this.request('EndTxn', { transactionalId, producerId, producerEpoch, committed })
    return codeToName(answer.errorCode)
  }

  async addOffsets(producer: TestProducer, groupId: string): Promise<KafkaError> {
    const { transactionalId, producerId, producerEpoch } = producer
    const answer = await this.request('AddOffsetsToTxn', { transactionalId, producerId, producerEpoch, groupId })
    return codeToName(answer.errorCode)
  }

  async sendOffset(
    producer: TestProducer,
    groupId: string,
    topic: string,
    partition: number,
    offset: number,
    member: { memberId: string; generationId: number; groupInstanceId?: string | null } = {
      memberId: '',
      generationId: -1,
    },
  ): Promise<KafkaError> {
    const answer = await this.request('TxnOffsetCommit', {
      transactionalId: producer.transactionalId,
      groupId,
      producerId: producer.producerId,
      producerEpoch: producer.producerEpoch,
      generationId: member.generationId,
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId ?? null,
      topics: [
        {
          name: topic,
          partitions: [
            { partitionIndex: partition, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: 'm' },
          ],
        },
      ],
    })
    return codeToName(answer.topics[0]!.partitions[0]!.errorCode)
  }

  async commitOffset(
    groupId: string,
    topic: string,
    partition: number,
    offset: number,
    member: { memberId: string; generationId: number; groupInstanceId?: string | null } = {
      memberId: '',
      generationId: -1,
    },
    metadata = '',
  ): Promise<KafkaError> {
    const answer = await this.request('OffsetCommit', {
      groupId,
      generationIdOrMemberEpoch: member.generationId,
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId ?? null,
      retentionTimeMs: -1,
      topics: [
        {
          name: topic,
          partitions: [
            {
              partitionIndex: partition,
              committedOffset: offset,
              committedLeaderEpoch: 0,
              committedMetadata: metadata,
            },
          ],
        },
      ],
    })
    return codeToName(answer.topics[0]!.partitions[0]!.errorCode)
  }

  /** The committed offset, or the name of the error. */
  async committedOffset(
    groupId: string,
    topic: string,
    partition: number,
    requireStable = false,
  ): Promise<number | KafkaError> {
    const { groups } = await this.request('OffsetFetch', {
      groupId: '',
      topics: [],
      groups: [{ groupId, memberId: null, memberEpoch: -1, topics: [{ name: topic, partitionIndexes: [partition] }] }],
      requireStable,
    })
    const { errorCode, committedOffset } = groups[0]!.topics[0]!.partitions[0]!
    return errorCode === 0 ? committedOffset : codeToName(errorCode)
  }
}
