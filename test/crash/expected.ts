import { parse } from 'csv-parse/sync'
import { partitionForKey } from '../../src/records/partitioning.ts'

/** The flights example's answer, computed directly over the files: what the application has to agree with. */
const dayMs = 86_400_000
const graceMs = 3653 * dayMs
const retentionMs = 3654 * dayMs
const partitions = 4

interface Totals {
  flights: number
  total: number
}

interface Airport extends Totals {
  name: string | null
  days: Map<number, Totals>
  partition: number
}

interface Row {
  readonly origin: string
  readonly delay: number
  readonly time: number
}

function goodRow(row: unknown): Row | null {
  if (typeof row !== 'object' || row === null) return null
  const { date, delay, origin } = row as Record<string, unknown>
  if (typeof date !== 'string' || !/^\d{4}\/\d\d\/\d\d \d\d:\d\d$/.test(date)) return null
  const iso = `${date.replaceAll('/', '-').replace(' ', 'T')}:00.000Z`
  const time = Date.parse(iso)
  if (Number.isNaN(time) || new Date(time).toISOString() !== iso || Number(date.slice(0, 4)) < 1971) return null
  if (!Number.isSafeInteger(delay) || typeof origin !== 'string' || origin === '') return null
  return { origin, delay: delay as number, time }
}

export interface ExpectedReport {
  readonly flights: number
  readonly broken: number
  readonly unknownAirports: number
  readonly late: number
  readonly airports: readonly {
    readonly iata: string
    readonly name: string | null
    readonly flights: number
    readonly totalDelayMinutes: number
    readonly meanDelayMinutes: number
    readonly worstDay: { readonly date: string; readonly flights: number; readonly meanDelayMinutes: number } | null
  }[]
}

/** What report and output topics have to say. */
export interface Expectation {
  readonly report: ExpectedReport
  /** Flights that were not late, per `<iata>@<start of the day>`. */
  readonly days: ReadonlyMap<string, number>
  /** Their numbers, from 0, ascending. */
  readonly brokenRows: readonly number[]
}

export function expectedReport(flightsJson: string, airportsCsv: string): ExpectedReport {
  return expectationOf(flightsJson, airportsCsv).report
}

export function expectationOf(flightsJson: string, airportsCsv: string): Expectation {
  const names = new Map<string, string>()
  for (const row of parse(airportsCsv, { columns: true }) as { iata: string; name: string }[])
    names.set(row.iata, row.name)
  const latest = new Array<number>(partitions).fill(0)
  const largestStart = new Array<number>(partitions).fill(-1)
  const airports = new Map<string, Airport>()
  const brokenRows: number[] = []
  let late = 0
  for (const [index, raw] of (JSON.parse(flightsJson) as unknown[]).entries()) {
    const row = goodRow(raw)
    if (row === null) {
      brokenRows.push(index)
      continue
    }
    const airport = airportOf(airports, row.origin, names)
    const { partition } = airport
    airport.flights++
    airport.total += row.delay
    latest[partition] = Math.max(latest[partition]!, row.time)
    const start = row.time - (row.time % dayMs)
    if (start + dayMs + graceMs <= latest[partition]!) {
      late++
      continue
    }
    largestStart[partition] = Math.max(largestStart[partition]!, start)
    const day = airport.days.get(start) ?? { flights: 0, total: 0 }
    airport.days.set(start, { flights: day.flights + 1, total: day.total + row.delay })
  }
  const days = [...airports].flatMap(([iata, airport]) =>
    [...airport.days].map(([start, { flights }]) => [`${iata}@${start}`, flights] as const),
  )
  return { report: summary(airports, brokenRows.length, late, largestStart), days: new Map(days), brokenRows }
}

function airportOf(airports: Map<string, Airport>, iata: string, names: Map<string, string>): Airport {
  let airport = airports.get(iata)
  if (airport === undefined) {
    const key = Buffer.from(iata)
    const partition = partitionForKey(key, 0, key.length, partitions)
    airport = { name: names.get(iata) ?? null, flights: 0, total: 0, days: new Map(), partition }
    airports.set(iata, airport)
  }
  return airport
}

function summary(airports: Map<string, Airport>, broken: number, late: number, largestStart: number[]): ExpectedReport {
  const list = [...airports].map(([iata, airport]) => {
    const kept = [...airport.days].filter(([start]) => start > largestStart[airport.partition]! - retentionMs)
    kept.sort(([a, x], [b, y]) => y.total / y.flights - x.total / x.flights || a - b)
    const worst = kept[0]
    return {
      iata,
      name: airport.name,
      flights: airport.flights,
      totalDelayMinutes: airport.total,
      meanDelayMinutes: airport.total / airport.flights,
      worstDay: worst
        ? {
            date: new Date(worst[0]).toISOString().slice(0, 10),
            flights: worst[1].flights,
            meanDelayMinutes: worst[1].total / worst[1].flights,
          }
        : null,
    }
  })
  list.sort((a, b) => b.meanDelayMinutes - a.meanDelayMinutes || (a.iata < b.iata ? -1 : 1))
  const flights = list.reduce((sum, airport) => sum + airport.flights, 0)
  const unknownAirports = list.reduce((sum, airport) => sum + (airport.name === null ? airport.flights : 0), 0)
  return { flights, broken, unknownAirports, late, airports: list }
}
