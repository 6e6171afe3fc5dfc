import { assert } from './assert.ts'

/**
 * Every bound, with its unit, in one place; bounds that depend on each other are compared when the program loads.
 * Full means wait or refuse, never grow.
 */
export const KiB = 1024
export const MiB = 1024 * KiB
const GiB = 1024 * MiB

// frames, batches, segments
export const frameBytesMax = 100 * MiB
export const batchBytesMax = 1 * MiB
export const batchBytesDefault = 64 * KiB
/** What a compressed batch may become: bounds what a few hostile bytes can claim. */
export const inflatedBatchBytesMax = 64 * MiB
export const segmentBytesDefault = 1 * GiB
export const indexIntervalBytesDefault = 4 * KiB

/** Producers a partition remembers; beyond it the longest silent ones without a transaction are forgotten. */
export const producersPerPartitionMax = 10_000
export const producerIdExpirationMs = 24 * 60 * 60_000
/** A checkpoint bounds what a restart reads again: by time, and by bytes appended. */
export const checkpointIntervalMs = 30_000
export const checkpointBytes = 256 * MiB
/** Longer tails are made durable where they are: there is enough of them to be worth an fdatasync of their own. */
export const journalTailBytesMax = 32 * KiB
export const journalFrameBytesMax = 256 * KiB
/** Each of the journal's two files. */
export const journalHalfBytes = 1 * MiB
/** Sealed segments of one partition whose indexes and descriptor stay open between reads. */
export const warmSegmentsMax = 2

// the producer
export const producerBufferBytes = 32 * MiB
/** How many times its buffer a producer takes from one synchronous piece of work before it refuses. */
export const producerOverrun = 4
export const producerInFlightMax = 5
export const produceRequestBytesMax = 8 * MiB
export const deliveryTimeoutMsDefault = 120_000
export const topicLookupTimeoutMsDefault = 5_000
export const lingerMsDefault = 0
export const duplicateBatchesKept = 5

// the consumer
export const fetchBytesMax = 8 * MiB
export const fetchPartitionBytesMax = 1 * MiB
export const fetchWaitMsDefault = 500
export const fetchesInFlightMax = 5
export const metadataMaxAgeMsDefault = 60_000

// groups and transactions
export const sessionTimeoutMsDefault = 10_000
export const transactionTimeoutMsDefault = 10_000
export const transactionTimeoutMsMax = 15 * 60_000
export const requestTimeoutMsDefault = 30_000
export const rebalanceTimeoutMsDefault = 60_000

// the broker
export const minFreeBytesDefault = 64 * MiB
export const freeBytesCheckMs = 1000
export const metaFileBytesMax = 64 * MiB
export const internalReadBytes = 1 * MiB
export const internalTopicBatchBytes = 1 * MiB
export const topicPartitionsMax = 10_000
export const brokerPartitionsMax = 100_000
export const fetchWaitersMax = 10_000
export const fetchResponseBytesMax = 50 * MiB
export const producerIdBlock = 1000
export const groupsMax = 100_000
export const groupMembersMax = 10_000
export const groupSessionTimeoutMsMin = 10
export const groupSessionTimeoutMsMax = 30 * 60_000
export const groupNewMemberMsMax = 5 * 60_000
export const offsetMetadataBytesMax = 32_767
export const unsettledMarkersMax = 1000
export const transactionalIdsMax = 100_000
export const diskRetryMs = 1000
export const transactionalIdIdleMsMax = 7 * 24 * 60 * 60_000

// state
export const generationEntriesMax = 200_000
/** On their way to the engines beside the open one: a store holds at most three generations. */
export const frozenGenerationsMax = 2
/** LevelDB writes in flight per process. */
export const engineWritesInFlightMax = 4
export const generationBytesMax = 64 * MiB
export const cleanCacheBytesMax = 64 * MiB
export const rowChunkBytesMax = 16 * KiB
/** How long a query's scan may hold a snapshot of the state. */
export const snapshotLifeMsMax = 60_000

// the loop
export const loopSliceMs = 5
export const commitIntervalMsDefault = 100
export const taskTimeoutMsDefault = 300_000
export const repartitionPurgeIntervalMsDefault = 30_000
/** Fetched and not yet processed, per input partition: above, the partition is not fetched. */
export const queueBytesMax = 4 * MiB

assert(batchBytesDefault <= batchBytesMax, 'a batch of default size is allowed')
assert(batchBytesMax <= inflatedBatchBytesMax, 'a batch of any size that is allowed can be compressed and read')
assert(batchBytesMax < frameBytesMax, 'a batch fits in a frame')
assert(journalTailBytesMax < journalFrameBytesMax, 'any tail that is short enough fits in a frame of the journal')
assert(journalFrameBytesMax <= journalHalfBytes, 'a frame fits in a half of the journal')
assert(fetchPartitionBytesMax <= fetchBytesMax, 'one partition fits in a fetch')
assert(batchBytesMax <= producerBufferBytes, 'the producer can hold its largest batch')
assert(batchBytesMax <= produceRequestBytesMax, 'a batch fits into a produce request')
assert(generationBytesMax <= producerOverrun * producerBufferBytes, 'one generation can be laid down at once')
assert(producerInFlightMax <= duplicateBatchesKept, 'the broker sees any batch in flight that comes twice')
assert(transactionTimeoutMsDefault <= transactionTimeoutMsMax, 'the default transaction time-out is allowed')
assert(loopSliceMs * 10 < sessionTimeoutMsDefault, 'a slice of the loop cannot expire a session')
assert(groupSessionTimeoutMsMin < sessionTimeoutMsDefault, 'the default session time-out is allowed')
assert(sessionTimeoutMsDefault < groupSessionTimeoutMsMax, 'the default session time-out is allowed')
assert(topicPartitionsMax <= brokerPartitionsMax, 'one topic fits into a broker')
assert(transactionTimeoutMsMax < transactionalIdIdleMsMax, 'a transactional id in use is not forgotten')
assert(offsetMetadataBytesMax < batchBytesMax, 'an offset commit fits into a batch')
assert(fetchResponseBytesMax + batchBytesMax < frameBytesMax, 'an answer to a fetch fits into a frame')
