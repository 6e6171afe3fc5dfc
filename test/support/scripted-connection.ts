import { StreamError } from '../../src/base/errors.ts'
import type { ApiName, RequestOf, ResponseOf } from '../../src/protocol/api.ts'
import type { Connection } from '../../src/protocol/connection.ts'
import { type KafkaError, kafkaErrors } from '../../src/protocol/error-codes.ts'
import { zeroUuid } from '../../src/protocol/schema.ts'
import { deepFreeze } from '../../src/testing/freeze.ts'

type Answer<A extends ApiName> = ResponseOf<A> | Promise<ResponseOf<A>>
type Handlers = { [A in ApiName]?: (body: RequestOf<A>, call: number) => Answer<A> }

export interface SeenRequest {
  readonly api: ApiName
  readonly body: unknown
}

/**
 * A broker of a few lines: each API is answered by a function of the test. What is handed over is frozen, and an answer
 * never comes inside the call.
 */
export class ScriptedConnection implements Connection {
  readonly checked: boolean = false
  readonly seen: SeenRequest[] = []
  readonly #handlers: Handlers
  readonly #calls = new Map<ApiName, number>()
  readonly #delays = new Map<ApiName, Promise<void>>()

  constructor(handlers: Handlers = {}) {
    this.#handlers = { ...defaults, ...handlers }
  }

  on<A extends ApiName>(api: A, handler: (body: RequestOf<A>, call: number) => Answer<A>): this {
    Object.assign(this.#handlers, { [api]: handler })
    return this
  }

  /** Answers to an API wait for a promise. */
  holdBack(api: ApiName, until: Promise<void>): this {
    this.#delays.set(api, until)
    return this
  }

  /** How often an API was asked. */
  count(api: ApiName): number {
    return this.#calls.get(api) ?? 0
  }

  bodies<A extends ApiName>(api: A): RequestOf<A>[] {
    return this.seen.filter((request) => request.api === api).map((request) => request.body as RequestOf<A>)
  }

  names(): ApiName[] {
    return this.seen.map((request) => request.api)
  }

  async request<A extends ApiName>(api: A, body: RequestOf<A>): Promise<ResponseOf<A>> {
    const call = this.count(api) + 1
    this.#calls.set(api, call)
    this.seen.push({ api, body: deepFreeze(body) })
    const handler = this.#handlers[api] as ((body: RequestOf<A>, call: number) => Answer<A>) | undefined
    if (handler === undefined) throw new Error(`the test has no answer to ${api}`)
    await this.#delays.get(api)
    return deepFreeze(await handler(body, call))
  }

  async close(): Promise<void> {}
}

/** The request arrived, its answer did not. */
export function lost(): never {
  throw new StreamError('NET_DISCONNECTED', 'the answer was lost')
}

export function codeOf(name: KafkaError): number {
  return kafkaErrors[name].code
}

export function topicIdOf(name: string): string {
  return `00000000-0000-0000-0000-${Buffer.from(name.padEnd(6, '_').slice(0, 6)).toString('hex')}`
}

/** Each topic has four partitions, and all the same error. */
export function metadataAnswer({ topics }: RequestOf<'Metadata'>, error: KafkaError = 'NONE'): ResponseOf<'Metadata'> {
  return {
    throttleTimeMs: 0,
    brokers: [],
    clusterId: null,
    controllerId: 0,
    clusterAuthorizedOperations: 0,
    topics: (topics ?? []).map(({ name }) => ({
      errorCode: codeOf(error),
      name,
      topicId: topicIdOf(name ?? ''),
      isInternal: false,
      topicAuthorizedOperations: 0,
      partitions: [0, 1, 2, 3].map((partitionIndex) => ({
        errorCode: 0,
        partitionIndex,
        leaderId: 0,
        leaderEpoch: 3,
        replicaNodes: [0],
        isrNodes: [0],
        offlineReplicas: [],
      })),
    })),
  }
}

/** An answer to Produce: `errorOf` says how each partition went, `offsets` counts what was taken. */
export function produceAnswer(
  { topicData }: RequestOf<'Produce'>,
  baseOffsetOf: (topic: string, partition: number, records: Buffer) => number,
  errorOf: (topic: string, partition: number) => KafkaError = () => 'NONE',
): ResponseOf<'Produce'> {
  return {
    throttleTimeMs: 0,
    responses: topicData.map(({ name, partitionData }) => ({
      name,
      partitionResponses: partitionData.map(({ index, records }) => {
        const error = errorOf(name, index)
        return {
          index,
          errorCode: codeOf(error),
          baseOffset: error === 'NONE' ? baseOffsetOf(name, index, records!) : -1,
          logAppendTimeMs: -1,
          logStartOffset: 0,
          recordErrors: [],
          errorMessage: null,
        }
      }),
    })),
  }
}

const defaults: Handlers = {
  Metadata: (request) => metadataAnswer(request),
  FindCoordinator: ({ coordinatorKeys }) => ({
    throttleTimeMs: 0,
    errorCode: 0,
    errorMessage: null,
    nodeId: 0,
    host: '',
    port: 0,
    coordinators: coordinatorKeys.map((key) => {
      return { key, nodeId: 0, host: '', port: 0, errorCode: 0, errorMessage: null }
    }),
  }),
  InitProducerId: ({ producerEpoch }) => ({
    throttleTimeMs: 0,
    errorCode: 0,
    producerId: 7,
    producerEpoch: producerEpoch + 1,
  }),
  AddPartitionsToTxn: ({ v3AndBelowTopics }) => ({
    throttleTimeMs: 0,
    resultsByTopicV3AndBelow: v3AndBelowTopics.map(({ name, partitions }) => ({
      name,
      resultsByPartition: partitions.map((partitionIndex) => ({ partitionIndex, partitionErrorCode: 0 })),
    })),
  }),
  AddOffsetsToTxn: () => ({ throttleTimeMs: 0, errorCode: 0 }),
  TxnOffsetCommit: ({ topics }) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: 0 })),
    })),
  }),
  EndTxn: () => ({ throttleTimeMs: 0, errorCode: 0 }),
  LeaveGroup: () => ({ throttleTimeMs: 0, errorCode: 0, members: [] }),
}

/** Nothing new, for a Fetch. */
export function emptyFetch(): ResponseOf<'Fetch'> {
  return { throttleTimeMs: 0, errorCode: 0, sessionId: 0, responses: [] }
}

export interface FetchedPiece {
  readonly topic: string
  readonly partition: number
  readonly records?: Buffer
  readonly error?: KafkaError
  readonly endOffset?: number
  readonly aborted?: readonly { producerId: number; firstOffset: number }[]
}

export function fetchAnswer(pieces: readonly FetchedPiece[]): ResponseOf<'Fetch'> {
  return {
    ...emptyFetch(),
    responses: pieces.map(({ topic, partition, records, error, endOffset, aborted }) => ({
      topic,
      topicId: zeroUuid,
      partitions: [
        {
          partitionIndex: partition,
          errorCode: codeOf(error ?? 'NONE'),
          highWatermark: endOffset ?? 100,
          lastStableOffset: endOffset ?? 100,
          logStartOffset: 0,
          abortedTransactions: aborted ?? null,
          preferredReadReplica: -1,
          records: records ?? null,
        },
      ],
    })),
  }
}
