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
const usage = 'npm start -s -- [--flights FILE] [--airports FILE] [--data DIR] [--json] [--at-least-once]'

function parseOptions() {
  try {
    return parseArgs({
      options: {
        flights: { type: 'string', default: shippedFlights },
        airports: { type: 'string', default: shippedAirports },
        data: { type: 'string', default: 'millrace-data' },
        json: { type: 'boolean', default: false },
        'at-least-once': { type: 'boolean', default: false },
      },
    }).values
  } catch (cause) {
    throw new StreamError('CONFIG_INVALID', `${(cause as Error).message}\nusage: ${usage}`, { cause })
  }
}

function readOptions(): Options {
  const values = parseOptions()
  const path = (name: 'flights' | 'airports' | 'data'): string => {
    if (values[name] === '') throw new StreamError('CONFIG_INVALID', `--${name} is empty\nusage: ${usage}`)
    return resolve(calledFrom, values[name])
  }
  return {
    flights: path('flights'),
    airports: path('airports'),
    data: path('data'),
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
    const onProgress = (done: number, total: number): void => progress.show('ingest', done, total)
    const { resumed, rows } = await ingest({ connection, flights, airports, signal, onProgress })
    progress.end()
    if (signal.aborted) return

    const plan = flightsTopology()
    const guarantee = options.atLeastOnce ? 'atLeastOnce' : 'exactlyOnce'
    const startedAt = performance.now()
    await using app = await Streams.start(plan.topology, { applicationId: 'flights', log, guarantee })
    const startMs = Math.round(performance.now() - startedAt)
    progress.line(`restored ${app.restoredRecords} changelog records, running after ${startMs} ms`)
    await progress.watch(app, rows, signal)
    if (signal.aborted) return

    const report = await queryReport(app, plan, resumed || app.resumed)
    if (options.json) console.log(JSON.stringify(report))
    else console.log(`${renderReport(report)}\n\n${farewell(options, report.resumed)}`)
  } finally {
    await lease.release()
  }
}

/** The flags that would call this run again. */
function flagsOf(options: Options): string {
  const flags: string[] = []
  if (options.flights !== shippedFlights) flags.push(`--flights ${relative(calledFrom, options.flights)}`)
  if (options.airports !== shippedAirports) flags.push(`--airports ${relative(calledFrom, options.airports)}`)
  const data = relative(calledFrom, options.data) || '.'
  if (data !== 'millrace-data') flags.push(`--data ${data}`)
  return flags.join(' ')
}

function farewell(options: Options, resumed: boolean): string {
  const folder = relative(calledFrom, options.data) || '.'
  const flags = flagsOf(options)
  const again = flags === '' ? 'npm start' : `npm start -s -- ${flags}`
  const history = resumed ? 'This run resumed what an earlier one had left there.' : ''
  return [
    `The log and the state are in ${folder}/. ${history}`.trimEnd(),
    'Try next:',
    `  ${again}`,
    '      again: it resumes, and the numbers are the same',
    `  npm start -s -- ${`${flags} --json`.trimStart()}`,
    '      all airports, for programs',
    '  kill -9 it halfway, then start it again and compare',
    '  read examples/flights/topology.ts, the topology behind it',
  ].join('\n')
}

/** Runs the program; the exit code is 1 after an error, which standard error says in a line. */
export async function main(signal: AbortSignal): Promise<void> {
  try {
    await run(readOptions(), signal)
  } catch (error) {
    console.error(StreamError.is(error) ? error.message : error)
    process.exitCode = 1
  }
}
