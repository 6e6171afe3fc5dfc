import { setTimeout as sleep } from 'node:timers/promises'
import { embedded, Streams } from 'millrace'
import { type Percentiles, peakRssMiB, percentiles, type ScenarioResult, Timeline } from '../result.ts'
import { buildTopology, drain, outputRecords } from './topologies.ts'

const timerMs = 5
const idleMs = 2000

class LateTimers {
  readonly #late: number[] = []
  #running = true

  async run(): Promise<void> {
    while (this.#running) {
      const due = performance.now() + timerMs
      await sleep(timerMs)
      this.#late.push(Math.max(0, performance.now() - due))
    }
  }

  stop(): Percentiles {
    this.#running = false
    return percentiles(this.#late)
  }
}

/** How late a 5 ms timer comes while `stateless` runs flat out, beside the same timer in an idle process. */
export async function measureTimers(directory: string, records: number): Promise<ScenarioResult> {
  const idleTimers = new LateTimers()
  const idleRun = idleTimers.run()
  await sleep(idleMs)
  const idle = idleTimers.stop()
  await idleRun

  const log = embedded(directory)
  const lease = await log.acquire()
  const app = await Streams.start(buildTopology('stateless'), {
    applicationId: 'bench-timers',
    log,
    commitIntervalMs: 100,
  })
  const timeline = new Timeline(records)
  const timers = new LateTimers()
  const run = timers.run()
  await drain(app, timeline)
  const busy = timers.stop()
  const rates = timeline.end()
  await run
  await app.close()
  const outputs = await outputRecords(log)
  await lease.release()
  return { name: 'timers', records, outputs, ...rates, peakRssMiB: peakRssMiB(), ...busy, idle }
}
