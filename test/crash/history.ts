import { deepStrictEqual } from 'node:assert'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Random } from '../../src/base/random.ts'
import { recordsOfLastTwoCommits } from './changelog-bound.ts'
import { expectedReport } from './expected.ts'
import { airportsCsv, randomFlights } from './flights-data.ts'
import type { Death } from './plan.ts'
import { type ProgramOptions, type ProgramResult, runFlights } from './program.ts'
import { readAirportDelays } from './reader.ts'

/** What happened: for the table that is printed at the end. */
export interface Tally {
  readonly phases: Map<string, number>
  readonly points: Map<string, number>
  notReached: number
  restoredMax: number
  runningMsMax: number
}

/** From `Streams.start`, restore included: kill tests run alone on their machine. */
const runningMsMax = 1000
const roundsMax = 12

/**
 * One story: a random file, killed again and again in one data folder, then run to its end, recounted, read back by a
 * read_committed reader, and run once more. Takes its deaths from the front of `deaths`; throws where the story is wrong.
 */
export async function runHistory(random: Random, deaths: Death[], tally: Tally, atLeastOnce: boolean): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-crash-'))
  const rows = 500 + random.int(8000)
  const flightsJson = randomFlights(random, rows)
  const program: ProgramOptions = {
    flights: join(folder, 'flights.json'),
    airports: join(folder, 'airports.csv'),
    data: join(folder, 'data'),
    atLeastOnce,
  }
  writeFileSync(program.flights, flightsJson)
  writeFileSync(program.airports, airportsCsv)
  let finished: ProgramResult | null = null
  let ingested = false
  for (let round = 0; finished === null && round < roundsMax && deaths.length > 0; round++) {
    // An ingest is only there to be killed while it is not over: such a death begins a story of its own.
    if (ingested && isInIngest(deaths[0]!)) break
    const death = deaths.shift()!
    const result = await dieOnce(program, death, tally)
    ingested ||= result.phase !== 'start' && result.phase !== 'ingest'
    if (result.exitCode !== 0) continue
    finished = result
    tally.notReached++
    if (death.kind === 'point' && !death.again) deaths.push({ ...death, nth: 1, again: true })
  }
  finished ??= await runToEnd(program, tally)
  const expected = expectedReport(flightsJson, airportsCsv)
  checkReport(JSON.parse(finished.stdout), expected, atLeastOnce)
  await checkReader(program.data, expected, atLeastOnce)
  const again = await runToEnd(program, tally)
  checkReport(JSON.parse(again.stdout), expected, atLeastOnce)
  deepStrictEqual(again.restored, 0, `after a clean close ${again.restored} changelog records were restored`)
  deepStrictEqual(JSON.parse(again.stdout).resumed, true, 'the last run did not say it resumed')
  rmSync(folder, { recursive: true })
}

function count(map: Map<string, number>, name: string): void {
  map.set(name, (map.get(name) ?? 0) + 1)
}

async function dieOnce(program: ProgramOptions, death: Death, tally: Tally): Promise<ProgramResult> {
  const bound = recordsOfLastTwoCommits(join(program.data, 'log'))
  const how = death.kind === 'point' ? { crash: `${death.point}:${death.nth}` } : { killAfterMs: death.afterMs }
  const result = await runFlights({ ...program, ...how })
  checkRestart(result, bound, tally)
  if (result.signal === 'SIGKILL') {
    count(tally.phases, result.phase)
    if (death.kind === 'point') count(tally.points, death.point)
  } else if (result.exitCode !== 0) {
    throw new Error(`exit code ${result.exitCode} of a run that was to die:\n${result.stderr}`)
  }
  return result
}

function isInIngest(death: Death): boolean {
  return death.kind === 'point' && death.point.startsWith('ingest.')
}

async function runToEnd(program: ProgramOptions, tally: Tally): Promise<ProgramResult> {
  const bound = recordsOfLastTwoCommits(join(program.data, 'log'))
  const result = await runFlights(program)
  if (result.exitCode !== 0) throw new Error(`exit code ${result.exitCode} after the kills:\n${result.stderr}`)
  checkRestart(result, bound, tally)
  return result
}

function checkRestart(result: ProgramResult, bound: number, tally: Tally): void {
  if (result.restored === null || result.runningAfterMs === null) return
  tally.restoredMax = Math.max(tally.restoredMax, result.restored)
  tally.runningMsMax = Math.max(tally.runningMsMax, result.runningAfterMs)
  if (result.restored > bound)
    throw new Error(`restored ${result.restored} changelog records, the last two commits wrote ${bound}`)
  if (result.runningAfterMs > runningMsMax) throw new Error(`running only after ${result.runningAfterMs} ms`)
}

interface Counted {
  readonly flights: number
  readonly airports: readonly { readonly iata: string; readonly flights: number }[]
}

function checkReport(got: Record<string, unknown>, expected: Record<string, unknown>, atLeastOnce: boolean): void {
  const { resumed: _, ...report } = got
  if (!atLeastOnce) {
    deepStrictEqual(report, expected)
    return
  }
  const lost = (expected as unknown as Counted).airports.filter(
    ({ iata, flights }) =>
      ((report as unknown as Counted).airports.find((airport) => airport.iata === iata)?.flights ?? 0) < flights,
  )
  deepStrictEqual(lost, [], 'at least once: flights were lost')
}

async function checkReader(data: string, expected: Record<string, unknown>, atLeastOnce: boolean): Promise<void> {
  const seen = await readAirportDelays(data)
  for (const { iata, flights } of (expected as unknown as Counted).airports) {
    const numbers = seen.get(iata) ?? []
    if (atLeastOnce) {
      if ((numbers.at(-1) ?? 0) < flights)
        throw new Error(`${iata}: the last update says ${numbers.at(-1)}, the file has ${flights}`)
    } else {
      const inOrder = numbers.length === flights && numbers.every((number, index) => number === index + 1)
      if (!inOrder)
        throw new Error(`${iata}: a read_committed reader saw ${numbers.slice(0, 20).join(' ')} … of 1…${flights}`)
    }
  }
  if (!atLeastOnce) deepStrictEqual(seen.size, (expected as unknown as Counted).airports.length)
}
