import { embedded } from 'millrace'
import { Admin, BatchCursor, Consumer, Producer } from 'millrace/client'
import { string } from 'millrace/serdes'
import { peakRssMiB, type ScenarioResult, Timeline } from '../result.ts'
import { partitions, streamRecords } from '../workload.ts'

const batchBytes = 128 * 1024

/** The client alone, on the embedded log: `produce` with acks=all, `consume` with key and value decoded to strings. */
export async function measureClient(
  name: 'produce' | 'consume',
  directory: string,
  records: number,
): Promise<ScenarioResult> {
  const log = embedded(directory)
  const lease = await log.acquire()
  const connection = lease.connect('bench')
  const timeline = new Timeline(records)
  if (name === 'produce') await produce(connection, records, timeline)
  else await consume(connection, records, timeline)
  const rates = timeline.end()
  await lease.release()
  return { name, records, outputs: records, ...rates, peakRssMiB: peakRssMiB() }
}

type Connection = ConstructorParameters<typeof Producer>[0]

async function produce(connection: Connection, records: number, timeline: Timeline): Promise<void> {
  const producer = new Producer(connection, { acks: 'all', batchBytes })
  const appenders = Array.from({ length: partitions }, (_, partition) => producer.partition('input', partition))
  let done = 0
  for (const record of streamRecords(records)) {
    const appender = appenders[done % partitions]!
    appender.append(record.timestampMs, record.key, string, record.value, string, [])
    done++
    if (producer.full) {
      await producer.ready()
      timeline.sample(done)
    }
  }
  await producer.flush()
  await producer.close()
}

async function consume(connection: Connection, records: number, timeline: Timeline): Promise<void> {
  const tps = Array.from({ length: partitions }, (_, partition) => ({ topic: 'input', partition }))
  await new Admin(connection).listOffsets(tps, 'latest')
  const consumer = new Consumer(connection, { isolation: 'readCommitted', autoOffsetReset: 'earliest' })
  consumer.assign(tps)
  const cursor = new BatchCursor()
  let done = 0
  let chars = 0
  while (done < records) {
    for (const fetched of await consumer.pollBatches(1000)) {
      for (const at of fetched.batches) {
        cursor.open(fetched.buffer, at)
        while (cursor.next()) {
          chars += string.decode(cursor.buffer, cursor.keyStart, cursor.keyEnd).length
          chars += string.decode(cursor.buffer, cursor.valueStart, cursor.valueEnd).length
          done++
        }
      }
      timeline.sample(done)
    }
  }
  if (chars === 0) throw new Error('nothing was decoded')
  await consumer.close()
}
