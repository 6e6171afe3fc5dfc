import Table from 'cli-table3'
import { int64, type Streams, string } from 'millrace'
import { type AirportDelay, type DayDelay, dayMs } from './topics.ts'
import type { flightsTopology } from './topology.ts'

interface AirportReport {
  readonly iata: string
  readonly name: string | null
  readonly flights: number
  readonly totalDelayMinutes: number
  readonly meanDelayMinutes: number
  readonly worstDay: { readonly date: string; readonly flights: number; readonly meanDelayMinutes: number } | null
}

export interface Report {
  readonly flights: number
  readonly broken: number
  readonly unknownAirports: number
  readonly late: number
  readonly resumed: boolean
  readonly airports: readonly AirportReport[]
}

interface Day extends DayDelay {
  readonly startMs: number
}

/** The whole result, read from the application's stores. */
export async function queryReport(
  app: Streams,
  plan: ReturnType<typeof flightsTopology>,
  resumed: boolean,
): Promise<Report> {
  const worstDays = new Map<string, Day>()
  for await (const [iata, startMs, day] of app.store(plan.days).all()) {
    const worst = worstDays.get(iata)
    if (worst === undefined || isWorse({ startMs, ...day }, worst)) worstDays.set(iata, { startMs, ...day })
  }
  const airports: AirportReport[] = []
  for await (const [iata, total] of app.store(plan.delays).all())
    airports.push(airportReport(iata, total, worstDays.get(iata)))
  airports.sort((a, b) => b.meanDelayMinutes - a.meanDelayMinutes || (a.iata < b.iata ? -1 : 1))
  const counted = { broken: 0, late: 0 }
  const counters = app.store('flight-counters', { kind: 'keyValue', key: string, value: int64 })
  for await (const [name, count] of counters.all()) {
    if (name === 'broken' || name === 'late') counted[name] += count
  }
  return {
    flights: airports.reduce((sum, airport) => sum + airport.flights, 0),
    broken: counted.broken,
    unknownAirports: airports.reduce((sum, airport) => sum + (airport.name === null ? airport.flights : 0), 0),
    late: counted.late,
    resumed,
    airports,
  }
}

/** The larger mean; of equals the earlier day. */
function isWorse(day: Day, than: Day): boolean {
  const difference = day.totalDelayMinutes / day.flights - than.totalDelayMinutes / than.flights
  return difference > 0 || (difference === 0 && day.startMs < than.startMs)
}

function airportReport(iata: string, total: AirportDelay, worst: Day | undefined): AirportReport {
  return {
    iata,
    name: total.name,
    flights: total.flights,
    totalDelayMinutes: total.totalDelayMinutes,
    meanDelayMinutes: total.totalDelayMinutes / total.flights,
    worstDay:
      worst === undefined
        ? null
        : {
            date: new Date(worst.startMs - (worst.startMs % dayMs)).toISOString().slice(0, 10),
            flights: worst.flights,
            meanDelayMinutes: worst.totalDelayMinutes / worst.flights,
          },
  }
}

const tableRows = 10
const tableFlightsMin = 100

const figure = (count: number): string => count.toLocaleString('en')

/** The ten airports with the worst mean delay among those with at least 100 flights, for people. */
export function renderReport(report: Report): string {
  const table = new Table({
    head: ['', 'Name', 'Flights', 'Mean delay', 'Worst day', 'Its mean'],
    colAligns: ['left', 'left', 'right', 'right', 'left', 'right'],
    style: { head: [], border: [], compact: true },
  })
  const busy = report.airports.filter((airport) => airport.flights >= tableFlightsMin)
  for (const { iata, name, flights, meanDelayMinutes, worstDay } of busy.slice(0, tableRows)) {
    const worst = worstDay === null ? ['–', '–'] : [worstDay.date, `${worstDay.meanDelayMinutes.toFixed(1)} min`]
    table.push([iata, name ?? '(unknown)', figure(flights), `${meanDelayMinutes.toFixed(1)} min`, ...worst])
  }
  const counts = [
    `${figure(report.flights)} flights`,
    `${figure(report.airports.length)} airports`,
    `${figure(report.broken)} broken rows`,
    `${figure(report.unknownAirports)} from unknown airports`,
    `${figure(report.late)} late`,
  ].join(', ')
  if (busy.length === 0) return `No airport has ${tableFlightsMin} flights.\n${counts}`
  const title = `The ${Math.min(tableRows, busy.length)} airports with the worst mean delay, of those with at least ${tableFlightsMin} flights`
  return `${title}\n${table.toString()}\n${counts}`
}
