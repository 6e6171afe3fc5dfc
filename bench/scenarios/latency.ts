import { setTimeout as sleep } from 'node:timers/promises'
import { embedded, Streams } from 'millrace'
import { Consumer, Producer } from 'millrace/client'
import { peakRssMiB, percentiles, type ScenarioResult, Timeline } from '../result.ts'
import { keyCount, partitions } from '../workload.ts'
import { buildTopology } from './topologies.ts'

/** All keys once: from then on the state has its size, as it has in an application that runs. */
const warmUpRecords = keyCount

/**
 * The `count` topology at 1,000 records a second and a commit interval of 10 ms: from `send` until a read_committed consumer
 * has the record's count. Keys come round only every ten seconds, so that each record has an update of its own.
 */
export async function measureLatency(directory: string, records: number): Promise<ScenarioResult> {
  const log = embedded(directory)
  const lease = await log.acquire()
  const app = await Streams.start(buildTopology('latency'), {
    applicationId: 'bench-latency',
    log,
    commitIntervalMs: 10,
  })
  const connection = lease.connect('bench')
  const producer = new Producer(connection)
  const consumer = new Consumer(connection, { isolation: 'readCommitted', autoOffsetReset: 'earliest' })
  consumer.assign(Array.from({ length: partitions }, (_, partition) => ({ topic: 'output', partition })))
  const total = records + warmUpRecords
  const sentAt = new Map<string, number>()
  const latencies: number[] = []
  let received = 0
  const timeline = new Timeline(total)

  const reader = (async (): Promise<void> => {
    while (received < total) {
      for (const record of await consumer.poll(1000)) {
        const sent = sentAt.get(String(record.key))
        if (sent === undefined) throw new Error(`an update of ${String(record.key)} that was not sent`)
        if (++received > warmUpRecords) latencies.push(performance.now() - sent)
        timeline.sample(received)
      }
    }
  })()

  const startedAt = performance.now()
  for (let index = 0; index < total; ) {
    const due = Math.min(total, Math.floor(performance.now() - startedAt))
    for (; index < due; index++) {
      const key = `key-${index % keyCount}`
      sentAt.set(key, performance.now())
      producer.send({ topic: 'input', key, value: 'x'.repeat(100), timestampMs: Date.now() }).catch(fail)
    }
    await sleep(1)
  }
  await reader
  const rates = timeline.end()
  await consumer.close()
  await producer.close()
  await app.close()
  await lease.release()
  return {
    name: 'latency',
    records,
    outputs: latencies.length,
    ...rates,
    peakRssMiB: peakRssMiB(),
    ...percentiles(latencies),
  }
}

function fail(error: unknown): void {
  console.error(error)
  process.exit(1)
}
