/** What both histories ask of a broker: topics, and all that a read_committed reader finds in them. */
import type { Broker } from '../../src/broker/broker.ts'
import { Admin } from '../../src/client/admin/admin.ts'
import { Consumer } from '../../src/client/consumer/consumer.ts'
import type { TopicPartition } from '../../src/client/topic-partition.ts'
import type { Life } from './life.ts'

const pollMs = 50
/** Small segments and many index entries, so that cuts fall into the making of new ones. */
const configs = { 'segment.bytes': '6000', 'index.interval.bytes': '1500' }
/** Of topics whose batches are so small: a few to a segment. */
const tinyConfigs = { 'segment.bytes': '2100' }
const internalTopics = ['__consumer_offsets', '__transaction_state']

export interface ReadRecord extends TopicPartition {
  readonly offset: number
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
}

export async function createTopics(
  broker: Broker,
  life: Life,
  topics: { readonly [name: string]: number },
): Promise<void> {
  const connection = broker.connect({ clientId: 'admin' })
  const admin = new Admin(connection, { clock: life.machine.clock })
  const wanted = Object.entries(topics).map(([name, partitions]) => {
    return { name, partitions, configs: name === 'even' ? tinyConfigs : configs }
  })
  await admin.createTopics(wanted, { ifNotExists: true })
  for (const topic of internalTopics) await admin.alterConfigs(topic, configs)
  await connection.close()
}

/** Every committed record of the partitions. Transactions that are open are waited for. */
export async function readAll(
  broker: Broker,
  life: Life,
  partitions: readonly TopicPartition[],
): Promise<ReadRecord[]> {
  const connection = broker.connect({ clientId: 'reader' })
  const { clock } = life.machine
  const admin = new Admin(connection, { clock })
  const ends = await admin.listOffsets(partitions, 'latest', { isolation: 'readUncommitted' })
  const consumer = new Consumer(connection, { isolation: 'readCommitted', autoOffsetReset: 'earliest', clock })
  consumer.assign(partitions)
  const found: ReadRecord[] = []
  for (const at of partitions) {
    const end = ends.find(({ topic, partition }) => topic === at.topic && partition === at.partition)!.offset
    while ((await consumer.position(at)) < end) found.push(...(await consumer.poll(pollMs)))
  }
  await consumer.close()
  await connection.close()
  return found
}

/** After a power cut everything is served: throws why a partition is not. */
export function requireOnline(broker: Broker): void {
  for (const error of broker.offline().values()) throw error
}
