import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { embedded, Streams } from 'millrace'
import { peakRssMiB, type ScenarioResult, Timeline } from '../result.ts'
import { buildTopology } from './topologies.ts'

/** Counts every key once, loses the local state, and measures how fast it comes back from the changelog. */
export async function measureRestore(directory: string, records: number): Promise<ScenarioResult> {
  const log = embedded(directory)
  const lease = await log.acquire()
  const config = { applicationId: 'bench-restore', log, commitIntervalMs: 100 }
  const before = await Streams.start(buildTopology('restore'), config)
  await before.drained()
  await before.close()
  rmSync(join(directory, 'state'), { recursive: true })
  const timeline = new Timeline(records)
  const app = await Streams.start(buildTopology('restore'), config)
  const rates = timeline.end()
  const { restoredRecords } = app
  await app.close()
  await lease.release()
  if (restoredRecords < records) throw new Error(`restored ${restoredRecords} of ${records} entries`)
  return { name: 'restore', records, outputs: restoredRecords, ...rates, peakRssMiB: peakRssMiB() }
}
