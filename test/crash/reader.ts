import { embedded } from '../../src/broker/index.ts'
import { Admin, Consumer } from '../../src/client/index.ts'

/** Reads `airport-delays` as a read_committed consumer does: per airport the values of `flights` in order. */
export async function readAirportDelays(data: string): Promise<Map<string, number[]>> {
  const log = embedded(data)
  const lease = await log.acquire()
  try {
    const connection = lease.connect('crash-test-reader')
    const partitions = [0, 1, 2, 3].map((partition) => ({ topic: 'airport-delays', partition }))
    const ends = await new Admin(connection).listOffsets(partitions, 'latest', { isolation: 'readCommitted' })
    const consumer = new Consumer(connection, { isolation: 'readCommitted', autoOffsetReset: 'earliest' })
    consumer.assign(partitions)
    const seen = new Map<string, number[]>()
    for (const [index, partition] of partitions.entries()) {
      while ((await consumer.position(partition)) < ends[index]!.offset) {
        for (const record of await consumer.poll(1000)) {
          const key = String(record.key)
          const flights = (JSON.parse(String(record.value)) as { flights: number }).flights
          const list = seen.get(key)
          if (list === undefined) seen.set(key, [flights])
          else list.push(flights)
        }
      }
    }
    await consumer.close()
    return seen
  } finally {
    await lease.release()
  }
}
