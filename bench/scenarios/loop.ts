import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { int64, string } from 'millrace'
import { BatchBuilder, BatchCursor, batchSize, crcMatches } from 'millrace/client'
import { peakRssMiB, type ScenarioResult } from '../result.ts'
import { partitions } from '../workload.ts'

const outputBatchBytes = 1024 * 1024
/** The best of them counts: a limit is what the machine can do undisturbed. */
const walks = 5
const noHeaders: [] = []
const nobody = { producerId: -1, producerEpoch: -1, baseSequence: -1, transactional: false }

function storedSegments(directory: string): Buffer[] {
  const segments: Buffer[] = []
  for (let partition = 0; partition < partitions; partition++) {
    const folder = join(directory, 'log', `input-${partition}`)
    for (const name of readdirSync(folder).sort()) {
      if (name.endsWith('.log')) segments.push(readFileSync(join(folder, name)))
    }
  }
  return segments
}

/**
 * The limit: walk the stored batches (CRC checked), decode key and value to strings, count in a Map, encode one (key, count)
 * record per input into batches (CRC computed). No log, no transactions, no state on the disk.
 */
export async function measureLoop(directory: string, records: number): Promise<ScenarioResult> {
  const segments = storedSegments(directory)
  const counts = new Map<string, number>()
  const cursor = new BatchCursor()
  const builder = new BatchBuilder({ bytesMax: outputBatchBytes })
  let done = 0
  let outputBytes = 0
  let valueChars = 0
  let best = 0
  for (let walk = 0; walk < walks; walk++) {
    counts.clear()
    const startedAt = performance.now()
    for (const segment of segments) {
      for (let at = 0; at < segment.length; at += batchSize(segment, at)) {
        if (!crcMatches(segment, at)) throw new Error('a stored batch is damaged')
        cursor.open(segment, at)
        while (cursor.next()) {
          const key = string.decode(cursor.buffer, cursor.keyStart, cursor.keyEnd)
          valueChars += string.decode(cursor.buffer, cursor.valueStart, cursor.valueEnd).length
          const count = (counts.get(key) ?? 0) + 1
          counts.set(key, count)
          if (!builder.append(cursor.timestampMs, key, string, count, int64, noHeaders)) {
            outputBytes += builder.build(nobody).length
            builder.append(cursor.timestampMs, key, string, count, int64, noHeaders)
          }
          done++
        }
      }
    }
    best = Math.max(best, Math.round((records / (performance.now() - startedAt)) * 1000))
  }
  outputBytes += builder.build(nobody).length
  if (done !== records * walks || outputBytes === 0 || valueChars === 0)
    throw new Error(`walked ${done} of ${records * walks} records`)
  return {
    name: 'loop',
    records,
    outputs: records,
    recordsPerSecond: best,
    recordsPerSecondAfterFirstFifth: best,
    peakRssMiB: peakRssMiB(),
  }
}
