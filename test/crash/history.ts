import { deepStrictEqual } from 'node:assert'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../../src/base/random.ts'
import { type ChangelogMark, recordsOfLastTwoCommits, recordsSinceMark } from './changelog-bound.ts'
import { checkOutputs, checkReport } from './checks.ts'
import { expectationOf } from './expected.ts'
import { airportsCsv, randomFlights } from './flights-data.ts'
import type { Death, Plan, Unit } from './plan.ts'
import { type Phase, type ProgramOptions, type ProgramResult, phases, runFlights } from './program.ts'
import { readOutputs } from './reader.ts'
import type { Tally } from './tally.ts'

const deathsMax = 12

/** A line of watch.ts. */
type Told = { readonly phase: Phase } | { readonly restoreMs: number } | { readonly mark: ChangelogMark }

/**
 * One story: a random file, killed again and again in one data folder, then run to its end, recounted, read back by a
 * read_committed reader, and run once more. Throws where the story is wrong, and leaves the folder then.
 */
export class History {
  readonly #folder: string
  readonly #random: Random
  readonly #plan: Plan
  readonly #tally: Tally
  readonly #program: ProgramOptions
  #deaths = 0
  #ingested = false
  #finished: ProgramResult | null = null

  constructor(folder: string, random: Random, plan: Plan, tally: Tally, atLeastOnce: boolean) {
    this.#folder = folder
    this.#random = random
    this.#plan = plan
    this.#tally = tally
    const inFolder = (name: string): string => join(folder, name)
    const files = { flights: inFolder('flights.json'), airports: inFolder('airports.csv'), data: inFolder('data') }
    this.#program = { ...files, watch: inFolder('watch.jsonl'), atLeastOnce }
  }

  async run(): Promise<void> {
    const { flights, airports, data, atLeastOnce = false } = this.#program
    const random = this.#random
    const rows = this.#plan.begin().long ? 25_000 + random.int(15_000) : 500 + random.int(8000)
    const flightsJson = randomFlights(random, rows, random.int(2) === 0)
    writeFileSync(flights, flightsJson)
    writeFileSync(airports, airportsCsv)
    await this.#die()
    const finished = this.#finished ?? (await this.#runToEnd())
    const expected = expectationOf(flightsJson, airportsCsv)
    checkReport(JSON.parse(finished.stdout), expected.report, atLeastOnce)
    checkOutputs(await readOutputs(data), expected, atLeastOnce)
    const again = await this.#runToEnd()
    checkReport(JSON.parse(again.stdout), expected.report, atLeastOnce)
    deepStrictEqual(again.restored, 0, `after a clean close ${again.restored} changelog records were restored`)
    deepStrictEqual(JSON.parse(again.stdout).resumed, true, 'the last run did not say it resumed')
    rmSync(this.#folder, { recursive: true })
  }

  async #die(): Promise<void> {
    while (this.#finished === null && this.#deaths < deathsMax) {
      const unit = this.#plan.take(this.#ingested)
      if (unit === null) return
      if (await this.#dieAll(unit)) continue
      this.#tally.notReached++
      this.#plan.missed(unit)
    }
  }

  /** False: the program came to its end instead. */
  async #dieAll({ deaths }: Unit): Promise<boolean> {
    for (const death of deaths) {
      const result = await this.#run(death)
      if (result.signal !== 'SIGKILL') {
        this.#finished = result
        return false
      }
      this.#deaths++
      this.#tally.died(result.phase, death.kind === 'point' ? death.point : null)
    }
    return true
  }

  #runToEnd(): Promise<ProgramResult> {
    return this.#run(null)
  }

  /** Until its end, or until it dies as it is to. */
  async #run(death: Death | null): Promise<ProgramResult> {
    const bound = this.#bound()
    const told = this.#told().length
    const result = await runFlights({ ...this.#program, ...(death === null ? {} : aimed(death)) })
    if (result.signal !== 'SIGKILL' && result.exitCode !== 0) {
      throw new Error(`exit code ${result.exitCode}, signal ${result.signal}:\n${result.stderr}`)
    }
    const lines = this.#told().slice(told)
    const phase = lines.reduce((last, line) => ('phase' in line ? later(last, line.phase) : last), result.phase)
    this.#ingested ||= phase !== 'start' && phase !== 'ingest'
    this.#checkStart(result, lines, bound)
    return { ...result, phase }
  }

  #checkStart({ restored, runningAfterMs }: ProgramResult, lines: readonly Told[], bound: number): void {
    if (restored === null || runningAfterMs === null) return
    const restoreMs = lines.reduce((sum, line) => sum + ('restoreMs' in line ? line.restoreMs : 0), 0)
    this.#tally.started({ restored, runningAfterMs, restoreMs })
    if (restored > bound) {
      throw new Error(`restored ${restored} changelog records, the last two commits wrote ${bound}`)
    }
  }

  #bound(): number {
    const log = join(this.#program.data, 'log')
    if (!this.#program.atLeastOnce) return recordsOfLastTwoCommits(log)
    const marks = this.#told().flatMap((line) => ('mark' in line ? [line.mark] : []))
    return recordsSinceMark(log, marks)
  }

  /** What watch.ts wrote, of all runs so far. */
  #told(): Told[] {
    const { watch } = this.#program
    if (watch === undefined || !existsSync(watch)) return []
    const lines = readFileSync(watch, 'utf8').split('\n')
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line))
  }
}

function later(one: Phase, other: Phase): Phase {
  return phases.indexOf(one) < phases.indexOf(other) ? other : one
}

function aimed(death: Death): Partial<ProgramOptions> {
  return death.kind === 'point' ? { crash: `${death.point}:${death.nth}` } : { killAfterMs: death.afterMs }
}
