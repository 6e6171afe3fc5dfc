import { availableParallelism, loadavg } from 'node:os'
import type { CrashPoint } from '../../src/base/crash-points.ts'
import { killsForEveryPoint, perPoint, pointNames } from './plan.ts'

/** From `Streams.start` until it runs, besides what the restore takes. */
const startMsMax = 1000
/**
 * A machine with more to do than this, per core, is too busy to judge a start that was late by its load; one that is later
 * than that is late on any machine.
 */
const busyLoad = 1.5

interface Start {
  readonly runningAfterMs: number
  readonly restoreMs: number
  readonly restored: number
  readonly loadPerCore: number
}

export interface Surroundings {
  loadPerCore(): number
  print(line: string): void
}

const machine: Surroundings = {
  loadPerCore: () => loadavg()[0]! / availableParallelism(),
  print: (line) => console.log(line),
}

/** What happened, for the end: how many deaths where, which starts were slow, and what of the plan did not come about. */
export class Tally {
  histories = 0
  notReached = 0
  readonly #phases = new Map<string, number>()
  readonly #points = new Map<string, number>()
  readonly #starts: Start[] = []
  readonly #around: Surroundings

  constructor(around: Surroundings = machine) {
    this.#around = around
  }

  died(phase: string, point: CrashPoint | null): void {
    count(this.#phases, phase)
    count(this.#points, point ?? 'a random moment')
  }

  started(start: Omit<Start, 'loadPerCore'>): void {
    this.#starts.push({ ...start, loadPerCore: this.#around.loadPerCore() })
  }

  print(): void {
    this.#around.print(table('killed while', this.#phases))
    this.#around.print(table('killed at', this.#points))
    const largest = (of: (start: Start) => number): number => Math.round(Math.max(0, ...this.#starts.map(of)))
    this.#around.print(
      `${this.histories} histories, ${this.notReached} deaths not reached and planned anew; restored at most ` +
        `${largest(({ restored }) => restored)} records, running after at most ${largest(({ runningAfterMs }) => runningAfterMs)} ms, ` +
        `${largest(startMsOf)} ms without the restore`,
    )
  }

  /** Tells the slow starts; true: none that counts. */
  startsAreQuick(): boolean {
    let right = true
    for (const start of this.#starts.filter((one) => startMsOf(one) > startMsMax)) {
      const { runningAfterMs, restoreMs, loadPerCore } = start
      const what = `running only after ${runningAfterMs} ms, ${Math.round(restoreMs)} ms of them a restore`
      const load = `the load is ${loadPerCore.toFixed(1)} per core`
      if (loadPerCore > busyLoad && startMsOf(start) <= startMsMax * loadPerCore)
        this.#around.print(`not judged: the machine is busy, ${load}: ${what}`)
      else {
        this.#around.print(`${what}; at most ${startMsMax} ms and the restore are right (${load})`)
        right = false
      }
    }
    return right
  }

  /** Tells what of the plan did not come about; true: nothing. */
  planWasMet(kills: number, unreachable: readonly string[]): boolean {
    for (const point of new Set(unreachable))
      this.#around.print(`${point} was not reached, however often it was planned`)
    if (kills < killsForEveryPoint) {
      this.#around.print(
        `${kills} kills are too few for each point ${perPoint} times: ${killsForEveryPoint} are enough`,
      )
      return unreachable.length === 0
    }
    const missing = pointNames.filter((point) => (this.#points.get(point) ?? 0) < perPoint)
    for (const point of missing) this.#around.print(`${point}: ${this.#points.get(point) ?? 0} deaths, not ${perPoint}`)
    return unreachable.length === 0 && missing.length === 0
  }
}

function startMsOf({ runningAfterMs, restoreMs }: Start): number {
  return runningAfterMs - restoreMs
}

function count(map: Map<string, number>, name: string): void {
  map.set(name, (map.get(name) ?? 0) + 1)
}

function table(title: string, rows: Map<string, number>): string {
  return [title, ...[...rows].sort().map(([name, times]) => `  ${String(times).padStart(4)}  ${name}`)].join('\n')
}
