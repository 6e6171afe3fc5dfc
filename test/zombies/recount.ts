import { Admin, Consumer } from '../../src/client/index.ts'
import type { Connection } from '../../src/protocol/connection.ts'

const partitions = [0, 1, 2, 3].map((partition) => ({ topic: 'counts', partition }))

/** What a read_committed reader of `counts` has seen: per key it must be 1, 2, 3, … without a hole or a repetition. */
export async function readCounts(connection: Connection): Promise<{ total: number; wrong: string[] }> {
  const ends = await new Admin(connection).listOffsets(partitions, 'latest', { isolation: 'readCommitted' })
  const consumer = new Consumer(connection, { isolation: 'readCommitted', autoOffsetReset: 'earliest' })
  consumer.assign(partitions)
  const last = new Map<string, number>()
  const wrong: string[] = []
  let total = 0
  for (const [index, partition] of partitions.entries()) {
    while ((await consumer.position(partition)) < ends[index]!.offset) {
      for (const record of await consumer.poll(500)) {
        const key = String(record.key)
        const count = Number((record.value as Buffer).readBigInt64BE(0))
        const before = last.get(key) ?? 0
        if (count !== before + 1) wrong.push(`${key}: ${count} after ${before}`)
        last.set(key, count)
        total++
      }
    }
  }
  await consumer.close()
  return { total, wrong }
}
