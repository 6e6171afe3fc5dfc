import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { embedded, int64, Streams, StreamsBuilder, string, topic } from 'millrace'

export const lines = topic('lines', { key: string, value: string, partitions: 4 })
export const totals = topic('totals', { key: string, value: int64, partitions: 4 })
export const builder = new StreamsBuilder()
export const counts = builder.stream(lines)
  .flatMapValues((line) => line.toLowerCase().match(/\p{L}+/gu) ?? [], { value: string })
  .groupBy((word) => word, { key: string })
  .count({ store: 'word-counts' })
counts.toStream().to(totals)

await using app = await Streams.start(builder.build(), { applicationId: 'word-count', log: embedded('./word-count-data') })
await app.feed(lines, createInterface({ input: process.argv[2] ? createReadStream(process.argv[2]) : process.stdin }))
await app.drained()
for await (const [word, count] of app.store(counts).all()) console.log(`${count} ${word}`)
