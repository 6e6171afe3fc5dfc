/**
 * Which windows of a store are still there, and in which bucket of rows they lie. All follows from the largest start that
 * was ever put, -1 when there was none: a window is seen while its start > that − retention; its bucket is kept a little
 * longer, since buckets are cleared as a whole.
 */
const bucketMsMin = 60_000

export class Retention {
  readonly retentionMs: number
  /** How much time one bucket covers: as Kafka Streams' segments, half the retention, but at least a minute. */
  readonly bucketMs: number

  constructor(retentionMs: number) {
    this.retentionMs = retentionMs
    this.bucketMs = Math.max(Math.floor(retentionMs / 2), bucketMsMin)
  }

  bucketOf(startMs: number): number {
    return startMs - (startMs % this.bucketMs)
  }

  /** The bucket of the largest start; -1 without one. */
  lastBucketMs(largestStartMs: number): number {
    return largestStartMs < 0 ? -1 : this.bucketOf(largestStartMs)
  }

  /** Earlier buckets have expired. */
  firstLiveBucketMs(largestStartMs: number): number {
    return this.bucketOf(Math.max(0, largestStartMs - this.retentionMs))
  }

  /** Earlier windows are not seen. */
  firstVisibleMs(largestStartMs: number): number {
    return Math.max(0, largestStartMs - this.retentionMs + 1)
  }

  /** The buckets of the windows that start in [fromMs, toMs], the first ones first unless `reverse`. */
  bucketsIn({ fromMs, toMs, reverse }: { fromMs: number; toMs: number; reverse: boolean }): number[] {
    const buckets: number[] = []
    if (fromMs > toMs) return buckets
    for (let at = this.bucketOf(fromMs); at <= toMs; at += this.bucketMs) buckets.push(at)
    return reverse ? buckets.reverse() : buckets
  }
}
