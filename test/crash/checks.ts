import { deepStrictEqual } from 'node:assert'
import type { Expectation, ExpectedReport } from './expected.ts'
import type { Outputs } from './reader.ts'

/** The application's answers against the direct computation. Exactly once they are equal; at least once nothing is missing. */
export function checkReport(got: Record<string, unknown>, expected: ExpectedReport, atLeastOnce: boolean): void {
  const { resumed: _, ...report } = got
  if (!atLeastOnce) {
    deepStrictEqual(report, expected)
    return
  }
  const { airports, ...counts } = report as unknown as ExpectedReport
  const found = new Map(airports.map((airport) => [airport.iata, airport]))
  for (const name of ['flights', 'broken', 'unknownAirports', 'late'] as const) {
    atLeast(counts[name], expected[name], `report: ${name}`)
  }
  for (const { iata, name, flights, worstDay } of expected.airports) {
    const airport = found.get(iata)
    atLeast(airport?.flights, flights, `report: flights of ${iata}`)
    deepStrictEqual(airport!.name, name, `report: the name of ${iata}`)
    deepStrictEqual(airport!.meanDelayMinutes, airport!.totalDelayMinutes / airport!.flights, `report: mean of ${iata}`)
    if ((airport!.worstDay === null) !== (worstDay === null)) throw new Error(`report: ${iata} has the wrong days`)
  }
  deepStrictEqual(airports.length, expected.airports.length, 'report: airports that are not in the file')
}

/** What a read_committed reader of the output topics saw. */
export function checkOutputs(outputs: Outputs, { report, days, brokenRows }: Expectation, atLeastOnce: boolean): void {
  for (const { iata, flights } of report.airports) {
    const numbers = outputs.delays.get(iata) ?? []
    if (atLeastOnce) atLeast(numbers.at(-1), flights, `airport-delays: the last update of ${iata}`)
    else if (numbers.length !== flights || numbers.some((number, index) => number !== index + 1)) {
      throw new Error(`${iata}: a read_committed reader saw ${numbers.slice(0, 20).join(' ')} … of 1…${flights}`)
    }
  }
  deepStrictEqual(outputs.delays.size, report.airports.length, 'airport-delays: airports that are not in the file')
  for (const [day, flights] of days) {
    const numbers = outputs.days.get(day) ?? []
    if (atLeastOnce) atLeast(numbers.at(-1), flights, `airport-days: the last update of ${day}`)
    else if (numbers.at(-1) !== flights || numbers.some((number, index) => number <= (numbers[index - 1] ?? 0))) {
      throw new Error(`airport-days: a read_committed reader saw ${numbers.join(' ')} of ${day}, it has ${flights}`)
    }
  }
  deepStrictEqual(outputs.days.size, days.size, 'airport-days: days that are not in the file')
  const letters = atLeastOnce ? [...new Set(outputs.deadLetters)] : outputs.deadLetters
  const byNumber = (a: number, b: number): number => a - b
  deepStrictEqual(letters.map(Number).sort(byNumber), brokenRows, 'flights-dead-letters: not the broken rows')
}

function atLeast(got: number | undefined, expected: number, what: string): void {
  if (got === undefined || got < expected) throw new Error(`${what}: ${got}, lost some of ${expected}`)
}
