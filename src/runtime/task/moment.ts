import type { RecordMetadata } from '../../processor/record.ts'
import type { RecordQueue } from './record-queue.ts'

const nowhere: RecordMetadata = Object.freeze({ topic: '', partition: -1, offset: -1 })

/**
 * Where and when a task is: one object per task, shared by its nodes, stores and error handling. Plain fields, because the
 * hot path writes them for each record.
 */
export class TaskMoment {
  /** Of the record or punctuation at hand: what a plain put is stamped with. */
  timestampMs = -1
  /** The largest timestamp taken up so far, -1 before the first. */
  streamTimeMs = -1
  /** The queue whose record is at hand, or was last. Its cursor still stands on that record. */
  queue: RecordQueue | null = null
  /** False in a punctuator and in a flush of several records: no one source record can be blamed. */
  hasSource = false
  /** Records taken up since the last flush. */
  recordsSinceFlush = 0

  /** A punctuator's records come from nowhere: topic '', partition and offset -1. */
  metadata(): RecordMetadata | null {
    const { queue } = this
    if (!this.hasSource) return nowhere
    return queue === null ? null : { topic: queue.topic, partition: queue.partition, offset: queue.takenOffset }
  }

  /** For messages: `topic-partition@offset`. */
  place(): string {
    const { queue } = this
    return queue === null ? 'no record' : `${queue.topic}-${queue.partition}@${queue.takenOffset}`
  }
}
