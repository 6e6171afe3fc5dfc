/** What one scenario measured; times in milliseconds. */
export interface ScenarioResult {
  readonly name: string
  readonly records: number
  readonly outputs: number
  readonly recordsPerSecond: number
  readonly recordsPerSecondAfterFirstFifth: number
  readonly peakRssMiB: number
  readonly p50Ms?: number
  readonly p99Ms?: number
  readonly p999Ms?: number
  readonly maxMs?: number
  /** `timers`: the same figures of an idle process. */
  readonly idle?: Percentiles
}

export interface Percentiles {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
}

export function percentiles(samples: number[]): Percentiles {
  const sorted = Float64Array.from(samples).sort()
  const at = (share: number): number =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)
  return { p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999), maxMs: at(1) }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}

export function peakRssMiB(): number {
  return Math.round(process.resourceUsage().maxRSS / 1024)
}

/** How far a run is over time: gives the rate of the whole and of what came after the first fifth. */
export class Timeline {
  readonly #records: number
  readonly #startedAt = performance.now()
  #fifthAt = 0
  #fifthRecords = 0

  constructor(records: number) {
    this.#records = records
  }

  /** So many records are done now. Call it often until the first fifth is over. */
  sample(done: number): void {
    if (this.#fifthAt !== 0 || done < this.#records / 5) return
    this.#fifthAt = performance.now()
    this.#fifthRecords = done
  }

  end(): { recordsPerSecond: number; recordsPerSecondAfterFirstFifth: number } {
    const endedAt = performance.now()
    const whole = (this.#records / (endedAt - this.#startedAt)) * 1000
    const rest = ((this.#records - this.#fifthRecords) / (endedAt - this.#fifthAt)) * 1000
    const late = this.#fifthAt === 0 || this.#fifthRecords >= this.#records
    return { recordsPerSecond: Math.round(whole), recordsPerSecondAfterFirstFifth: Math.round(late ? whole : rest) }
  }
}
