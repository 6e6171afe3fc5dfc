import { createHash } from 'node:crypto'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, resolve } from 'node:path'
import { parse } from 'csv-parse/sync'
import { StreamError } from 'millrace'
import type { Airport } from './topics.ts'

/** A file of the input: where it really lies, what it holds, and how to tell that it changed. */
export interface InputFile<T> {
  readonly path: string
  readonly size: number
  readonly sha256: string
  readonly rows: readonly T[]
}

const shipped = resolve(dirname(createRequire(import.meta.url).resolve('vega-datasets')), '../data')
export const shippedFlights = resolve(shipped, 'flights-20k.json')
export const shippedAirports = resolve(shipped, 'airports.csv')

/** INPUT_INVALID when there is no such file. */
export function checkExists(path: string, what: string): void {
  if (!existsSync(path))
    throw new StreamError('INPUT_INVALID', `there is no ${what} file ${path}; name one that exists`)
}

function readInput<T>(path: string, what: string, parseRows: (text: string) => readonly T[]): InputFile<T> {
  checkExists(path, what)
  try {
    const bytes = readFileSync(path)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    return { path: realpathSync(path), size: bytes.length, sha256, rows: parseRows(bytes.toString('utf8')) }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new StreamError('INPUT_INVALID', `the ${what} file ${path} cannot be read: ${why}`, { cause: error })
  }
}

/** The rows of a JSON array, as they were parsed. */
export function readFlights(path: string): InputFile<unknown> {
  return readInput(path, 'flights', (text) => {
    const rows: unknown = JSON.parse(text)
    if (!Array.isArray(rows)) throw new Error('it is not a JSON array of rows')
    return rows
  })
}

export function readAirports(path: string): InputFile<Airport> {
  return readInput(path, 'airports', (text) => {
    const rows: Airport[] = parse(text, { columns: true, bom: true, skipEmptyLines: true })
    if (rows.length > 0 && typeof rows[0]?.iata !== 'string') throw new Error('its first line has no column iata')
    return rows
  })
}
