/**
 * Fetch, versions 4–17.
 * Waits up to maxWaitMs for minBytes. Sends whole batches, undecoded; the first batch always, even when it is larger than
 * the limits. Which partition is read first is drawn by lot, so that a total limit starves none, whatever order the
 * client asks in.
 * Left out: fetch sessions (always answers session 0), followers, preferred replicas, tiered storage.
 */
import { fetchResponseBytesMax } from '../../base/limits.ts'
import type { PartitionLog } from '../../log/partition-log.ts'
import type { RequestOf, ResponseOf } from '../../protocol/api.ts'
import type { KafkaError } from '../../protocol/error-codes.ts'
import { type BrokerRooms, handler } from '../handler.ts'
import { answerTo, codeOf } from '../kafka-answers.ts'
import { epochProblem } from '../leader-epoch.ts'
import type { Partition } from '../topics/partition.ts'

type Asked = RequestOf<'Fetch'>['topics'][number]['partitions'][number]
type Answer = ResponseOf<'Fetch'>['responses'][number]['partitions'][number]

/** One partition that was asked for. */
interface Target {
  readonly asked: Asked
  readonly partition: Partition | null
  readonly error: KafkaError
}

const nothing = Buffer.alloc(0)

export const fetch = handler('Fetch', { min: 4, max: 17 }, async (request, broker, context) => {
  if (request.sessionId !== 0) return empty('FETCH_SESSION_ID_NOT_FOUND')
  const byId = context.version >= 13
  const topics = request.topics.map((topic) => {
    return { topic, targets: topic.partitions.map((asked) => target(broker, topic, asked, byId)) }
  })
  const targets = topics.flatMap((topic) => topic.targets)
  const committed = request.isolationLevel === 1
  const enough = (): boolean => isEnough(targets, committed, request)
  if (request.maxWaitMs > 0 && !enough()) {
    const partitions = targets.map(({ partition }) => partition).filter((partition) => partition !== null)
    await broker.fetches.wait(new Set(partitions), request.maxWaitMs, enough)
  }
  const first = targets.length > 1 ? broker.machine.random.int(targets.length) : 0
  const answers = readAll(targets, committed, request.maxBytes, first)
  const responses = topics.map(({ topic, targets: own }) => {
    const partitions = own.map((asked) => answers.get(asked)!)
    return { topic: topic.topic, topicId: topic.topicId, partitions }
  })
  return { throttleTimeMs: 0, errorCode: 0, sessionId: 0, responses }
})

function empty(error: KafkaError): ResponseOf<'Fetch'> {
  return { throttleTimeMs: 0, errorCode: codeOf(error), sessionId: 0, responses: [] }
}

function target(
  broker: BrokerRooms,
  topic: { readonly topic: string; readonly topicId: string },
  asked: Asked,
  byId: boolean,
): Target {
  const known = byId ? broker.topics.getById(topic.topicId) : broker.topics.get(topic.topic)
  if (known === undefined) {
    return { asked, partition: null, error: byId ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION' }
  }
  const partition = known.partitions[asked.partition] ?? null
  if (partition === null) return { asked, partition, error: 'UNKNOWN_TOPIC_OR_PARTITION' }
  const error = partition.online === null ? 'NONE' : epochProblem(partition.online, asked.currentLeaderEpoch)
  return { asked, partition, error }
}

/** Is there an error to tell, or are there minBytes to send? */
function isEnough(
  targets: readonly Target[],
  committed: boolean,
  { minBytes, maxBytes }: { readonly minBytes: number; readonly maxBytes: number },
): boolean {
  let readable = false
  for (const { asked, partition, error } of targets) {
    const log = partition?.online
    if (error !== 'NONE' || log == null || asked.fetchOffset < log.startOffset || asked.fetchOffset > log.endOffset)
      return true
    if ((committed ? log.lastStableOffset : log.highWatermark) > asked.fetchOffset) readable = true
  }
  if (minBytes <= 0 || targets.length === 0) return true
  if (!readable) return false
  if (minBytes === 1) return true
  let bytes = 0
  for (const answer of readAll(targets, committed, maxBytes, 0).values()) bytes += answer.records?.length ?? 0
  return bytes >= minBytes
}

function readAll(targets: readonly Target[], committed: boolean, maxBytes: number, first: number): Map<Target, Answer> {
  const answers = new Map<Target, Answer>()
  let left = Math.min(maxBytes, fetchResponseBytesMax)
  let isFirst = true
  for (let count = 0; count < targets.length; count++) {
    const next = targets[(first + count) % targets.length]!
    const answer = readOne(next, committed, Math.min(left, next.asked.partitionMaxBytes), isFirst)
    const bytes = answer.records?.length ?? 0
    if (bytes > 0) isFirst = false
    left = Math.max(0, left - bytes)
    answers.set(next, answer)
  }
  return answers
}

function readOne({ asked, partition, error }: Target, committed: boolean, maxBytes: number, isFirst: boolean): Answer {
  const { partition: partitionIndex } = asked
  if (error !== 'NONE' || partition === null) return failed(partitionIndex, error)
  try {
    const { log } = partition
    const diverging = divergence(log, asked)
    if (diverging !== null) return { ...failed(partitionIndex, 'NONE'), divergingEpoch: diverging }
    const isolation = committed ? 'readCommitted' : 'readUncommitted'
    const read = log.read(asked.fetchOffset, Math.max(0, maxBytes), { isolation, minOneBatch: isFirst })
    return {
      partitionIndex,
      errorCode: 0,
      highWatermark: read.highWatermark,
      lastStableOffset: read.lastStableOffset,
      logStartOffset: read.logStartOffset,
      abortedTransactions: committed ? read.abortedTransactions : null,
      preferredReadReplica: -1,
      records: read.records,
    }
  } catch (failure) {
    return failed(partitionIndex, answerTo(failure))
  }
}

/** The reader's last record is not ours: where our history leaves its. */
function divergence(log: PartitionLog, asked: Asked): { epoch: number; endOffset: number } | null {
  if (asked.lastFetchedEpoch < 0) return null
  const { leaderEpoch: epoch, endOffset } = log.endOffsetForEpoch(asked.lastFetchedEpoch)
  return epoch !== asked.lastFetchedEpoch || endOffset < asked.fetchOffset ? { epoch, endOffset } : null
}

function failed(partitionIndex: number, error: KafkaError): Answer {
  return {
    partitionIndex,
    errorCode: codeOf(error),
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
    abortedTransactions: null,
    preferredReadReplica: -1,
    records: nothing,
  }
}
