import type { StreamError } from '../../base/errors.ts'
import type { Headers } from '../../base/serde.ts'
import type { Record } from '../../processor/record.ts'
import type { ChangelogWriter } from '../../processor/state-store.ts'
import type { SinkNode } from '../../topology/node.ts'

/**
 * The way out of a task: the runtime's goes to a producer, the test driver's captures. A task asks for its writers once,
 * when it is made, so that no record pays for a look-up.
 */
export interface RecordCollector {
  /** The writer of one sink: serialises, chooses the partition, appends. What it throws goes to the sink's error policy. */
  sink(node: SinkNode): SinkWriter
  /** Raw bytes to a topic of that name, as they are (dead letters). Partition null: by the key's bytes, as for a sink. */
  sendRaw(
    topic: string,
    partition: number | null,
    timestampMs: number,
    key: Buffer | null,
    value: Buffer | null,
    headers: Headers,
  ): void
  /** The changelog of a store; null when it has none. */
  changelog(storeName: string): ChangelogWriter | null
  /** The way out cannot take more now: the task stops after the record at hand, and its caller waits. */
  readonly full: boolean
  /** Why nothing is taken any more, null or absent: it is. What is written then is refused with this very error. */
  readonly refusal?: StreamError | null
}

export interface SinkWriter {
  send(record: Record<unknown, unknown>): void
}
