import { createHash } from 'node:crypto'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, resolve } from 'node:path'
import { parse } from 'csv-parse/sync'
import { StreamError } from 'millrace'
import type { Airport } from './topics.ts'

/** A file of the input: where it really lies, how to tell that it changed, and what it holds. */
export interface InputFile<T> {
  readonly path: string
  readonly size: number
  readonly sha256: string
  /** Parsed at each call: INPUT_INVALID when it is not what it should be. */
  rows(): readonly T[]
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
  const guarded = <R>(run: () => R): R => {
    try {
      return run()
    } catch (error) {
      // What a parser quotes of the file may hold line breaks: an error is one line.
      const why = (error instanceof Error ? error.message : String(error)).replace(/\p{Cc}+/gu, ' ')
      throw new StreamError('INPUT_INVALID', `the ${what} file ${path} cannot be read: ${why}`, { cause: error })
    }
  }
  return guarded(() => {
    const bytes = readFileSync(path)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const rows = (): readonly T[] => guarded(() => parseRows(bytes.toString('utf8')))
    return { path: realpathSync(path), size: bytes.length, sha256, rows }
  })
}

/** The rows of a JSON array, as they were parsed. */
export function readFlights(path: string): InputFile<unknown> {
  return readInput(path, 'flights', (text) => {
    const rows: unknown = JSON.parse(text)
    if (!Array.isArray(rows)) throw new Error('it is not a JSON array of rows')
    return rows
  })
}

/** Airports need an iata and a name: without names each of them would count as unknown. */
export function readAirports(path: string): InputFile<Airport> {
  return readInput(path, 'airports', (text) => {
    let columns: readonly string[] = []
    const rows: Airport[] = parse(text, {
      columns: (header: string[]) => {
        columns = header
        return header
      },
      bom: true,
      skipEmptyLines: true,
      recordDelimiter: ['\r\n', '\n', '\r'],
    })
    for (const column of ['iata', 'name'])
      if (!columns.includes(column)) throw new Error(`its first line has no column ${column}`)
    return rows
  })
}
