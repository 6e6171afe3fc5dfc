/** `preload.ts SCENARIO DIRECTORY RECORDS`: writes a scenario's input to an embedded log, in a process of its own. */
import { embedded } from 'millrace'
import { Admin, Producer } from 'millrace/client'
import type { ScenarioName } from './options.ts'
import {
  distinctRecords,
  type InputRecord,
  partitions,
  streamRecords,
  tableRecords,
  tableRecordsOf,
} from './workload.ts'

const batchBytes = 128 * 1024
const flushEvery = 20_000

async function write(producer: Producer, topic: string, records: Iterable<InputRecord>): Promise<void> {
  let sent: Promise<unknown>[] = []
  for (const record of records) {
    sent.push(producer.send({ topic, key: record.key, value: record.value, timestampMs: record.timestampMs }))
    if (sent.length === flushEvery) {
      await Promise.all(sent)
      sent = []
    }
  }
  await Promise.all(sent)
}

const [scenario, directory, records] = process.argv.slice(2) as [ScenarioName, string, string]
const count = Number(records)
const log = embedded(directory, { flush: 'os' })
const lease = await log.acquire()
const connection = lease.connect('bench-preload')
await new Admin(connection).createTopics([
  { name: 'input', partitions },
  { name: 'table', partitions },
  { name: 'output', partitions },
])
const producer = new Producer(connection, { batchBytes, lingerMs: 5 })
const distinct = scenario === 'restore' || scenario === 'count-cold'
if (scenario !== 'latency' && scenario !== 'produce') {
  await write(producer, 'input', distinct ? distinctRecords(count) : streamRecords(count))
}
if (scenario === 'stream-table-join') await write(producer, 'table', tableRecordsOf(tableRecords))
await producer.close()
await lease.release()
