import { assert } from './assert.ts'

/**
 * Every bound, with its unit, in one place; bounds that depend on each other are compared when the program loads.
 * Full means wait or refuse, never grow.
 */
export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB

// frames, batches, segments
export const frameBytesMax = 100 * MiB
export const batchBytesMax = 1 * MiB
export const batchBytesDefault = 64 * KiB
/** What a compressed batch may become: bounds what a few hostile bytes can claim. */
export const inflatedBatchBytesMax = 64 * MiB
export const segmentBytesDefault = 1 * GiB
export const indexIntervalBytesDefault = 4 * KiB

// the producer
export const producerBufferBytes = 32 * MiB
export const producerInFlightMax = 5
export const lingerMsDefault = 0
export const duplicateBatchesKept = 5

// the consumer
export const fetchBytesMax = 8 * MiB
export const fetchPartitionBytesMax = 1 * MiB
export const fetchWaitMsDefault = 500

// groups and transactions
export const sessionTimeoutMsDefault = 10_000
export const transactionTimeoutMsDefault = 10_000
export const transactionTimeoutMsMax = 15 * 60_000
export const requestTimeoutMsDefault = 30_000

// state
export const generationEntriesMax = 200_000
export const generationBytesMax = 64 * MiB
export const cleanCacheBytesMax = 64 * MiB
export const rowChunkBytesMax = 16 * KiB

// the loop
export const loopSliceMs = 5
export const queueRecordsMax = 1000
export const commitIntervalMsDefault = 100
export const taskTimeoutMsDefault = 300_000

assert(batchBytesDefault <= batchBytesMax, 'a batch of default size is allowed')
assert(batchBytesMax <= inflatedBatchBytesMax, 'a batch of any size that is allowed can be compressed and read')
assert(batchBytesMax < frameBytesMax, 'a batch fits in a frame')
assert(fetchPartitionBytesMax <= fetchBytesMax, 'one partition fits in a fetch')
assert(batchBytesMax <= producerBufferBytes, 'the producer can hold its largest batch')
assert(transactionTimeoutMsDefault <= transactionTimeoutMsMax, 'the default transaction time-out is allowed')
assert(loopSliceMs * 10 < sessionTimeoutMsDefault, 'a slice of the loop cannot expire a session')
