/**
 * Real flights in, exactly-once state out: `npm start -s -- [--flights FILE] [--airports FILE] [--data DIR] [--json]
 * [--at-least-once]`. Kill it as often as you like and run it again: the numbers are the same.
 */
import { relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { embedded, StreamError, Streams } from 'millrace'
import { ingest } from './ingest.ts'
import { checkExists, readAirports, readFlights, shippedAirports, shippedFlights } from './input.ts'
import { Progress } from './progress.ts'
import { queryReport, renderReport } from './report.ts'
import { flightsTopology } from './topology.ts'

interface Options {
  readonly flights: string
  readonly airports: string
  readonly data: string
  readonly json: boolean
  readonly atLeastOnce: boolean
}

const calledFrom = process.env.INIT_CWD ?? process.cwd()

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      flights: { type: 'string', default: shippedFlights },
      airports: { type: 'string', default: shippedAirports },
      data: { type: 'string', default: 'millrace-data' },
      json: { type: 'boolean', default: false },
      'at-least-once': { type: 'boolean', default: false },
    },
  })
  const path = (text: string): string => resolve(calledFrom, text)
  return {
    flights: path(values.flights),
    airports: path(values.airports),
    data: path(values.data),
    json: values.json,
    atLeastOnce: values['at-least-once'],
  }
}

async function run(options: Options, signal: AbortSignal): Promise<void> {
  checkExists(options.flights, 'flights')
  checkExists(options.airports, 'airports')
  const log = embedded(options.data)
  const lease = await log.acquire()
  try {
    const progress = new Progress()
    const connection = lease.connect('flights-ingest')
    const flights = readFlights(options.flights)
    const airports = readAirports(options.airports)
    const onProgress = (rows: number, total: number): void => progress.show('ingest', rows, total)
    const { resumed } = await ingest({ connection, flights, airports, signal, onProgress })
    progress.end()
    if (signal.aborted) return

    const plan = flightsTopology()
    const guarantee = options.atLeastOnce ? 'atLeastOnce' : 'exactlyOnce'
    const startedAt = performance.now()
    await using app = await Streams.start(plan.topology, { applicationId: 'flights', log, guarantee })
    const startMs = Math.round(performance.now() - startedAt)
    progress.line(`restored ${app.restoredRecords} changelog records, running after ${startMs} ms`)
    await progress.watch(app, flights.rows.length, signal)
    if (signal.aborted) return

    const report = await queryReport(app, plan, resumed || app.resumed)
    if (options.json) console.log(JSON.stringify(report))
    else console.log(`${renderReport(report)}\n\n${farewell(options, report.resumed)}`)
  } finally {
    await lease.release()
  }
}

function farewell(options: Options, resumed: boolean): string {
  const folder = relative(calledFrom, options.data) || '.'
  const history = resumed ? 'This run resumed what an earlier one had left there. ' : ''
  return [
    `The log and the state are in ${folder}/. ${history}Try next:`,
    '  npm start                     again: it resumes, and the numbers are the same',
    '  npm start -s -- --json        all airports, for programs',
    '  kill -9 it halfway            then start it again and compare',
    '  examples/flights/topology.ts  the topology behind it',
  ].join('\n')
}

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const
const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    process.exitCode = exitCodes[name]
    stop.abort()
  })
}

try {
  await run(readOptions(), stop.signal)
} catch (error) {
  console.error(StreamError.is(error) ? error.message : error)
  process.exitCode = 1
}
