import { StreamError } from 'millrace'
import { Admin, type Connection, Consumer, Producer } from 'millrace/client'
import { reach } from 'millrace/testing'
import { parseFlight } from './flight.ts'
import type { InputFile } from './input.ts'
import {
  type Airport,
  airports,
  allTopics,
  flights,
  flightsIngest,
  type IngestPosition,
  rowBytesMax,
} from './topics.ts'

const rowsPerTransaction = 2000

interface Recorded extends IngestPosition {
  readonly path: string
  readonly kind: string
}

interface Row {
  readonly topic: string
  readonly key: string
  readonly value: string
  readonly timestampMs: number
}

export interface IngestOptions {
  readonly connection: Connection
  readonly flights: InputFile<unknown>
  readonly airports: InputFile<Airport>
  readonly signal: AbortSignal
  readonly onProgress: (rows: number, total: number) => void
}

/**
 * Sends airports, then flights, in transactions; each carries its new position to `flights-ingest`, so that a killed
 * ingest resumes where it was, repeating and skipping nothing. Gives whether an earlier run had left a position, and how many
 * rows the flights file has.
 */
export async function ingest(options: IngestOptions): Promise<{ resumed: boolean; rows: number }> {
  const { connection } = options
  await createTopics(connection)
  const producer = new Producer(connection, { clientId: 'flights-ingest', transactionalId: 'flights-ingest' })
  try {
    // First InitProducerId: it ends a transaction that a killed run left open. Only then is the position known.
    await producer.initTransactions()
    const recorded = await readPositions(connection)
    refuseOtherFile(recorded, 'airports', options.airports)
    refuseOtherFile(recorded, 'flights', options.flights)
    const airportRows = options.airports.rows()
    const flightRows = options.flights.rows()
    refuseUnwritable(flightRows, options.flights)
    const sending = { producer, options, recorded }
    await send(sending, 'airports', airportRows.length, (index) => airportRow(airportRows[index]!))
    await send(sending, 'flights', flightRows.length, (index) =>
      flightRow(flightRows[index], index, options.flights.path),
    )
    return { resumed: recorded.length > 0, rows: flightRows.length }
  } finally {
    await producer.close()
  }
}

async function createTopics(connection: Connection): Promise<void> {
  const admin = new Admin(connection)
  const wanted = allTopics.map((topic) => ({
    name: topic.name,
    partitions: topic.partitions ?? 1,
    configs: topic.configs,
  }))
  await admin.createTopics(wanted, { ifNotExists: true })
}

async function readPositions(connection: Connection): Promise<Recorded[]> {
  const consumer = new Consumer(connection, {
    clientId: 'flights-ingest',
    isolation: 'readCommitted',
    autoOffsetReset: 'earliest',
  })
  try {
    const partition = { topic: flightsIngest.name, partition: 0 }
    consumer.assign([partition])
    const [end] = await new Admin(connection).listOffsets([partition], 'latest', { isolation: 'readCommitted' })
    const latest = new Map<string, Recorded>()
    while ((await consumer.position(partition)) < (end?.offset ?? 0)) {
      for (const record of await consumer.poll(1000)) {
        const path = String(record.key)
        const kind = String(record.headers.find((header) => header.key === 'kind')?.value)
        latest.set(path, { path, kind, ...JSON.parse(String(record.value)) })
      }
    }
    return [...latest.values()]
  } finally {
    await consumer.close()
  }
}

/** A data folder belongs to one flights file and one airports file. */
function refuseOtherFile(recorded: readonly Recorded[], kind: string, file: InputFile<unknown>): void {
  const known = recorded.find((position) => position.kind === kind)
  if (known === undefined) return
  if (known.path !== file.path) {
    throw new StreamError(
      'INPUT_INVALID',
      `this data folder holds the ${kind} of ${known.path}, not of ${file.path}; use that file, or another folder with --data`,
    )
  }
  if (known.size === file.size && known.sha256 === file.sha256) return
  const difference =
    known.size === file.size
      ? `its hash was ${known.sha256.slice(0, 8)} and is ${file.sha256.slice(0, 8)}`
      : `its size was ${known.size} bytes and is ${file.size}`
  throw new StreamError(
    'INPUT_INVALID',
    `${file.path} has changed since it was read: ${difference}; use another folder with --data`,
  )
}

function positionOf(recorded: readonly Recorded[], kind: string): number {
  return recorded.find((position) => position.kind === kind)?.rows ?? -1
}

function airportRow(airport: Airport): Row {
  return { topic: airports.name, key: airport.iata, value: JSON.stringify(airport), timestampMs: 0 }
}

/** A broken row goes in as it is, under its number: the topology finds it and says why. */
function flightRow(row: unknown, index: number, path: string): Row {
  const value = textOf(row, index, path)
  try {
    const { origin, departure } = parseFlight(row)
    return { topic: flights.name, key: origin, value, timestampMs: departure }
  } catch {
    return { topic: flights.name, key: String(index), value, timestampMs: 0 }
  }
}

function textOf(row: unknown, index: number, path: string): string {
  try {
    return JSON.stringify(row)
  } catch (cause) {
    throw new StreamError('INPUT_INVALID', `row ${index} of ${path} is nested too deeply to be written; leave it out`, {
      cause,
    })
  }
}

/** Before anything is sent, so that no ingest ends halfway. Only rows that hold objects can be too deep, and only a long file has long rows. */
function refuseUnwritable(rows: readonly unknown[], { path, size }: InputFile<unknown>): void {
  const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null
  const mayBeLong = size > rowBytesMax
  for (const [index, row] of rows.entries()) {
    if (!mayBeLong && !(isObject(row) && Object.values(row).some(isObject))) continue
    const bytes = Buffer.byteLength(textOf(row, index, path))
    if (bytes <= rowBytesMax) continue
    throw new StreamError(
      'INPUT_INVALID',
      `row ${index} of ${path} has ${bytes} bytes, more than ${rowBytesMax}; leave it out`,
    )
  }
}

interface Sending {
  readonly producer: Producer
  readonly options: IngestOptions
  readonly recorded: readonly Recorded[]
}

async function send(
  { producer, options, recorded }: Sending,
  kind: 'airports' | 'flights',
  length: number,
  rowAt: (index: number) => Row,
): Promise<void> {
  const known = positionOf(recorded, kind)
  let position = Math.max(known, 0)
  // A file of no rows has its position, too: so the folder knows whose it is.
  let done = known >= length
  while (!done && !options.signal.aborted) {
    const end = Math.min(length, position + rowsPerTransaction)
    const rows = Array.from({ length: end - position }, (_, index) => rowAt(position + index))
    producer.beginTransaction()
    reach('ingest.begin')
    const sent = rows.map((row) => producer.send(row))
    sent.push(producer.send(positionRecord(kind, options[kind], end)))
    await Promise.all(sent)
    reach('ingest.sent')
    await producer.commitTransaction()
    reach('ingest.committed')
    position = end
    done = position >= length
    if (kind === 'flights') options.onProgress(position, length)
  }
}

function positionRecord(kind: string, file: InputFile<unknown>, rows: number) {
  const position: IngestPosition = { rows, size: file.size, sha256: file.sha256 }
  const headers = [{ key: 'kind', value: Buffer.from(kind) }]
  return { topic: flightsIngest.name, key: file.path, value: JSON.stringify(position), headers }
}
