import { setTimeout as sleep } from 'node:timers/promises'
import { embedded, int64, Streams, StreamsBuilder, string, topic, tumbling } from 'millrace'
import { Admin, BatchCursor, Consumer } from 'millrace/client'
import type { ScenarioName } from '../options.ts'
import { peakRssMiB, type ScenarioResult, Timeline } from '../result.ts'
import { partitions } from '../workload.ts'

const input = topic('input', { key: string, value: string, partitions })
const table = topic('table', { key: string, value: string, partitions })
const texts = topic('output', { key: string, value: string, partitions })
const counts = topic('output', { key: string, value: int64, partitions })
const windowMs = 10_000
const sampleEveryMs = 10

type Draw = (builder: StreamsBuilder) => void

const topologies: { readonly [name: string]: Draw } = {
  stateless: (builder) =>
    builder
      .stream(input)
      .filter((value) => value.length > 0)
      .mapValues((value) => value.toUpperCase(), { value: string })
      .to(texts),
  count: (builder) => builder.stream(input).groupByKey().count().toStream().to(counts),
  'windowed-count': (builder) =>
    builder
      .stream(input)
      .groupByKey()
      .windowedBy(tumbling(windowMs))
      .count()
      .toStream()
      .selectKey((_count, windowed) => windowed.key, { key: string })
      .to(counts),
  'repartition-count': (builder) =>
    builder
      .stream(input)
      .groupBy((value) => value.slice(0, value.indexOf(' ')), { key: string })
      .count()
      .toStream()
      .to(counts),
  'stream-table-join': (builder) =>
    builder
      .stream(input)
      .join(builder.table(table), (left, right) => left.slice(0, 50) + right.slice(0, 50), { value: string })
      .to(texts),
}

export function buildTopology(name: string) {
  const draw = topologies[name === 'count-cold' || name === 'latency' || name === 'restore' ? 'count' : name]
  if (draw === undefined) throw new Error(`no topology for ${name}`)
  const builder = new StreamsBuilder()
  draw(builder)
  return builder.build()
}

/** Samples how far the application is until everything is processed and committed. */
export async function drain(app: Streams, timeline: Timeline): Promise<void> {
  let over = false
  const drained = app.drained().finally(() => {
    over = true
  })
  while (!over) {
    await Promise.race([drained, sleep(sampleEveryMs)])
    timeline.sample(app.processedRecords('input'))
  }
  await drained
}

/** How many records a read_committed reader finds in the output. */
export async function outputRecords(log: ReturnType<typeof embedded>): Promise<number> {
  const lease = await log.acquire()
  const connection = lease.connect('bench')
  const tps = Array.from({ length: partitions }, (_, partition) => ({ topic: 'output', partition }))
  const ends = await new Admin(connection).listOffsets(tps, 'latest', { isolation: 'readCommitted' })
  const consumer = new Consumer(connection, { isolation: 'readCommitted', autoOffsetReset: 'earliest' })
  consumer.assign(tps)
  const cursor = new BatchCursor()
  let count = 0
  for (let missing = ends.filter(({ offset }) => offset > 0).length; missing > 0; ) {
    for (const fetched of await consumer.pollBatches(1000)) {
      for (const at of fetched.batches) {
        cursor.open(fetched.buffer, at)
        while (cursor.next()) count++
      }
      if (fetched.nextOffset >= ends[fetched.partition]!.offset) missing--
    }
  }
  await consumer.close()
  await lease.release()
  return count
}

/** From `running` until every input offset is committed: exactly-once, commit interval 100 ms, LevelDB, default durability. */
export async function measureTopology(name: ScenarioName, directory: string, records: number): Promise<ScenarioResult> {
  const log = embedded(directory)
  const lease = await log.acquire()
  const app = await Streams.start(buildTopology(name), { applicationId: `bench-${name}`, log, commitIntervalMs: 100 })
  const timeline = new Timeline(records)
  await drain(app, timeline)
  const rates = timeline.end()
  await app.close()
  const peak = peakRssMiB()
  const outputs = await outputRecords(log)
  await lease.release()
  return { name, records, outputs, ...rates, peakRssMiB: peak }
}
