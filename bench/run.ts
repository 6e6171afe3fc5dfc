/**
 * `npm run bench [-- --json] [--only a,b] [--records N]`: each scenario in a process of its own, its input written by
 * another; rates and times, the best of several runs where `runsOf` says so, and their ratio to `loop`, the hand-written limit.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Table from 'cli-table3'
import { type BenchOptions, defaultRecords, readOptions, runsOf, type ScenarioName } from './options.ts'
import type { ScenarioResult } from './result.ts'

function runProcess(file: string, args: readonly string[]): string {
  const path = join(import.meta.dirname, file)
  const node = ['--import', 'tsx', '--expose-gc', path, ...args]
  const child = spawnSync(process.execPath, node, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 26,
  })
  if (child.status !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${child.status ?? child.signal}`)
  return child.stdout
}

function runScenario(name: ScenarioName, records: number): ScenarioResult {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  try {
    runProcess('preload.ts', [name, directory, String(records)])
    const lines = runProcess('scenario.ts', [name, directory, String(records)])
      .trim()
      .split('\n')
    return JSON.parse(lines.at(-1) ?? '') as ScenarioResult
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function bestRun(name: ScenarioName, records: number): ScenarioResult {
  let best = runScenario(name, records)
  for (let run = 1; run < runsOf[name]; run++) {
    const next = runScenario(name, records)
    if (meritOf(name, next) > meritOf(name, best)) best = next
  }
  return best
}

/** What runs of a scenario are compared by: more is better. */
function meritOf(name: ScenarioName, result: ScenarioResult): number {
  if (name === 'latency') return -result.p99Ms!
  if (name === 'timers') return -result.p999Ms!
  return result.recordsPerSecondAfterFirstFifth
}

function optionsOrExit(): BenchOptions {
  try {
    return readOptions()
  } catch (error) {
    console.error(`${(error as Error).message}\nusage: npm run bench [-- --json] [--only a,b] [--records N]`)
    process.exit(2)
  }
}

const options = optionsOrExit()
const results: (ScenarioResult & { readonly ratioToLoop: number })[] = []
let limit = 0
for (const name of options.only) {
  if (!options.json) console.error(`${name} …`)
  const result = bestRun(name, options.records ?? defaultRecords[name])
  if (name === 'loop') limit = result.recordsPerSecondAfterFirstFifth
  const ratioToLoop = Math.round((1000 * result.recordsPerSecondAfterFirstFifth) / limit) / 1000
  results.push({ ...result, ratioToLoop })
}

if (options.json) console.log(JSON.stringify({ node: process.version, scenarios: results }))
else console.log(render())

function render(): string {
  const table = new Table({
    head: ['scenario', 'records', 'outputs', 'rec/s', 'after 1/5', 'of loop', 'MiB', 'p50', 'p99', 'p99.9', 'max ms'],
    colAligns: ['left', ...Array.from({ length: 10 }, () => 'right' as const)],
    style: { head: [], border: [] },
  })
  const figure = (value: number | undefined): string => (value === undefined ? '' : value.toLocaleString('en'))
  for (const row of results) {
    const times = [row.p50Ms, row.p99Ms, row.p999Ms, row.maxMs].map(figure)
    const rates = [row.records, row.outputs, row.recordsPerSecond, row.recordsPerSecondAfterFirstFifth].map(figure)
    table.push([row.name, ...rates, row.ratioToLoop.toFixed(3), figure(row.peakRssMiB), ...times])
    if (row.idle !== undefined) {
      const idle = [row.idle.p50Ms, row.idle.p99Ms, row.idle.p999Ms, row.idle.maxMs].map(figure)
      table.push([`${row.name} (idle)`, '', '', '', '', '', '', ...idle])
    }
  }
  return `Node ${process.version}\n${table.toString()}`
}
