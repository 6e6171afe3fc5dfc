/** One row of the flights file that is not broken. */
export interface Flight {
  readonly origin: string
  readonly delay: number
  /** Milliseconds since 1970, UTC. */
  readonly departure: number
}

const datePattern = /^(\d{4})\/(\d{2})\/(\d{2}) (\d{2}):(\d{2})$/
const firstYear = 1971

/** `2001/01/14 21:55` as milliseconds, or null when no such minute exists, or it lies before 1971. */
function parseMinute(text: unknown): number | null {
  const match = typeof text === 'string' ? datePattern.exec(text) : null
  if (match === null) return null
  const [year, month, day, hour, minute] = match.slice(1).map(Number) as [number, number, number, number, number]
  if (year < firstYear) return null
  const time = new Date(Date.UTC(year, month - 1, day, hour, minute))
  // Date.UTC rolls over (30 February becomes 2 March): what comes back must be what went in.
  const same = time.getUTCMonth() === month - 1 && time.getUTCDate() === day
  return same && hour < 24 && minute < 60 ? time.getTime() : null
}

/** What a message quotes of a value: enough to find it. */
function quote(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 80)
}

/** The flight of a parsed row; throws an error that says what is broken. */
export function parseFlight(row: unknown): Flight {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) throw new Error('the row is not an object')
  const { date, delay, origin } = row as { date?: unknown; delay?: unknown; origin?: unknown }
  const departure = parseMinute(date)
  if (departure === null) throw new Error(`date is not a minute since ${firstYear}: ${quote(date)}`)
  if (!Number.isSafeInteger(delay)) throw new Error(`delay is not a whole number: ${quote(delay)}`)
  if (typeof origin !== 'string' || origin === '') throw new Error(`origin is missing: ${quote(origin)}`)
  return { origin, delay: delay as number, departure }
}
