import { Consumer } from '../../client/consumer/consumer.ts'
import type { FetchedPartition } from '../../client/consumer/partition-state.ts'
import type { Connection } from '../../client/index.ts'
import { closeAll } from '../closing.ts'
import type { ResolvedConfig } from '../config.ts'
import type { ChangelogReader } from '../restore.ts'

/** A consumer without a group. It sees what is committed, and waits for what is still open, be it of an earlier run under exactly-once. */
export function changelogReader(
  connect: (clientId: string) => Connection,
  config: ResolvedConfig,
): ChangelogReader & { close(): Promise<void> } {
  const clientId = `${config.applicationId}-restore`
  const connection = connect(clientId)
  const consumer = new Consumer(connection, {
    clientId,
    isolation: 'readCommitted',
    autoOffsetReset: 'none',
    clock: config.machine.clock,
  })
  return {
    assign: (partitions) => {
      consumer.assign(partitions)
      for (const { topic, partition, from } of partitions) consumer.seek({ topic, partition }, from)
    },
    poll: (timeoutMs): Promise<readonly FetchedPartition[]> => consumer.pollBatches(timeoutMs),
    close: () => closeAll([() => consumer.close(), () => connection.close()]),
  }
}
