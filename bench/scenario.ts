/** `scenario.ts SCENARIO DIRECTORY RECORDS`: runs one scenario and prints its result as the last line. */
import type { ScenarioName } from './options.ts'
import type { ScenarioResult } from './result.ts'
import { measureClient } from './scenarios/client.ts'
import { measureLatency } from './scenarios/latency.ts'
import { measureLoop } from './scenarios/loop.ts'
import { measureRestore } from './scenarios/restore.ts'
import { measureTimers } from './scenarios/timers.ts'
import { measureTopology } from './scenarios/topologies.ts'

const [name, directory, count] = process.argv.slice(2) as [ScenarioName, string, string]
const records = Number(count)

function measure(): Promise<ScenarioResult> {
  switch (name) {
    case 'loop':
      return measureLoop(directory, records)
    case 'produce':
    case 'consume':
      return measureClient(name, directory, records)
    case 'restore':
      return measureRestore(directory, records)
    case 'latency':
      return measureLatency(directory, records)
    case 'timers':
      return measureTimers(directory, records)
    default:
      return measureTopology(name, directory, records)
  }
}

console.log(JSON.stringify(await measure()))
