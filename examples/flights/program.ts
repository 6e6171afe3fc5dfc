import { relative, resolve } from 'node:path'
import { inspect, parseArgs } from 'node:util'
import { embedded, StreamError, Streams, type StreamsConfig, type Topology } from 'millrace'
import { ingest } from './ingest.ts'
import { checkExists, readAirports, readFlights, shippedAirports, shippedFlights } from './input.ts'
import { Progress, rowsCommitted } from './progress.ts'
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
const applicationId = 'flights'
const dataDefault = 'millrace-data'
const waitToldAfterMs = 2000
const usage = 'usage: npm start -s -- [--flights FILE] [--airports FILE] [--data DIR] [--json] [--at-least-once]'

function parseOptions() {
  try {
    return parseArgs({
      options: {
        flights: { type: 'string', default: shippedFlights },
        airports: { type: 'string', default: shippedAirports },
        data: { type: 'string', default: dataDefault },
        json: { type: 'boolean', default: false },
        'at-least-once': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values
  } catch (cause) {
    throw new StreamError('CONFIG_INVALID', `${(cause as Error).message}\n${usage}`, { cause })
  }
}

/** Null when only the usage is asked for. */
function readOptions(): Options | null {
  const values = parseOptions()
  if (values.help) return null
  const path = (name: 'flights' | 'airports' | 'data'): string => {
    if (values[name] === '') throw new StreamError('CONFIG_INVALID', `--${name} is empty\n${usage}`)
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

async function run(options: Options, progress: Progress, signal: AbortSignal): Promise<void> {
  checkExists(options.flights, 'flights')
  checkExists(options.airports, 'airports')
  const log = embedded(options.data)
  const lease = await log.acquire()
  try {
    const connection = lease.connect('flights-ingest')
    const flights = readFlights(options.flights)
    const airports = readAirports(options.airports)
    const onProgress = (done: number, total: number): void => progress.show('ingest', done, total)
    const { resumed, rows } = await ingest({ connection, flights, airports, signal, onProgress })
    progress.end()
    if (signal.aborted) return

    const before = await rowsCommitted(connection, applicationId, rows)
    const plan = flightsTopology()
    const guarantee = options.atLeastOnce ? 'atLeastOnce' : 'exactlyOnce'
    const startedAt = performance.now()
    await using app = await startStreams(plan.topology, { applicationId, log, guarantee }, progress)
    const startMs = Math.round(performance.now() - startedAt)
    progress.line(`restored ${app.restoredRecords} changelog records, running after ${startMs} ms`)
    await progress.watch(app, before, rows, signal)
    if (signal.aborted) return

    const report = await queryReport(app, plan, resumed || app.resumed)
    if (options.json) console.log(JSON.stringify(report))
    else console.log(`${renderReport(report)}\n\n${farewell(options, report.resumed)}`)
  } finally {
    await lease.release()
  }
}

/** Says so when it has to wait: a killed instance whose state was deleted keeps its place until its session is over. */
async function startStreams(topology: Topology, config: StreamsConfig, progress: Progress): Promise<Streams> {
  const wait = setTimeout(() => {
    progress.line('not running yet: waiting for an earlier instance to be over, at most 10 s')
  }, waitToldAfterMs)
  const listeners: StreamsConfig['listeners'] = {
    restore: () => clearTimeout(wait),
    dropped: (record) => progress.dropped(record),
    warning: (message) => progress.line(`warning: ${message}`),
  }
  try {
    return await Streams.start(topology, { ...config, listeners })
  } finally {
    clearTimeout(wait)
  }
}

/** A path as a word of a command line: relative, no option, quoted if it has to be. */
function wordOf(path: string): string {
  const near = relative(calledFrom, path) || '.'
  const word = near.startsWith('-') ? `./${near}` : near
  return /^[\w./@%+=:,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

/** The flags that would call this run again. */
function flagsOf(options: Options): string {
  const flags: string[] = []
  if (options.flights !== shippedFlights) flags.push(`--flights ${wordOf(options.flights)}`)
  if (options.airports !== shippedAirports) flags.push(`--airports ${wordOf(options.airports)}`)
  if (options.data !== resolve(calledFrom, dataDefault)) flags.push(`--data ${wordOf(options.data)}`)
  if (options.atLeastOnce) flags.push('--at-least-once')
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
  const progress = new Progress(process.stderr)
  const closing = (): void => progress.line('closing: a later run goes on from here')
  if (signal.aborted) closing()
  else signal.addEventListener('abort', closing, { once: true })
  try {
    const options = readOptions()
    if (options === null) console.log(usage)
    else await run(options, progress, signal)
  } catch (error) {
    progress.line(StreamError.is(error) ? error.message : inspect(error))
    process.exitCode = 1
  }
}
