/**
 * A scenario as the golden files write it: a topology, its input, and what came of both. Pure data; the README beside
 * the goldens is its definition.
 */
export interface Scenario {
  readonly name: string
  readonly about: string
  readonly config: { readonly [name: string]: string | number }
  readonly topology: readonly Step[]
  readonly inputs: readonly Input[]
  /** What the engine that wrote the scenario gave. */
  readonly expected: Outcome
  /** A known bug of the Java engine: the scenario is no target. */
  readonly javaBug: string | null
}

/** One step of a topology; what fields it has follows from its `op`. */
export interface Step {
  readonly op: string
  readonly [field: string]: unknown
}

export type HeaderPair = readonly [name: string, value: string | null]

/** What drives a scenario: a record, or the wall clock moving on. */
export type Input = { readonly in: InputRecord } | { readonly advance: number }

type InputRecord = readonly [
  topic: string,
  key: string | null,
  value: string | null,
  timestampMs: number,
  headers?: readonly HeaderPair[],
]

export type OutputRecord = readonly [
  key: string | null,
  value: string | null,
  timestampMs: number | null,
  headers?: readonly HeaderPair[],
]

/** All that is compared. */
export interface Outcome {
  readonly topologyError: string | null
  readonly steps: readonly StepOutcome[]
  readonly dropped: number | null
  readonly stores: { readonly [store: string]: readonly Row[] } | null
  readonly printed: readonly string[]
  readonly describe: readonly string[] | null
}

export interface StepOutcome {
  readonly out: { readonly [topic: string]: readonly OutputRecord[] }
  readonly seen: readonly string[]
  readonly error: string | null
}

export type Row = readonly unknown[]

interface WrittenStep {
  readonly in?: InputRecord
  readonly advance?: number
  readonly out?: StepOutcome['out']
  readonly seen?: readonly string[]
  readonly error?: string
}

interface WrittenScenario {
  readonly name: string
  readonly about?: string
  readonly config?: Scenario['config']
  readonly topology: readonly Step[]
  readonly steps: readonly WrittenStep[]
  readonly javaBug?: string
  readonly topologyError?: string
  readonly dropped?: number
  readonly stores?: NonNullable<Outcome['stores']>
  readonly printed?: readonly string[]
  readonly describe?: readonly string[]
}

/** Reads the text of a golden file; null when it holds something else than scenarios, as `vectors.json` does. */
export function parseScenarios(text: string): Scenario[] | null {
  const written: unknown = JSON.parse(text)
  if (!Array.isArray(written)) return null
  return (written as readonly WrittenScenario[]).map((scenario) => ({
    name: scenario.name,
    about: scenario.about ?? '',
    config: scenario.config ?? {},
    topology: scenario.topology,
    inputs: scenario.steps.map(inputOf),
    expected: {
      topologyError: scenario.topologyError ?? null,
      steps: scenario.steps.map((step) => ({ out: step.out ?? {}, seen: step.seen ?? [], error: step.error ?? null })),
      dropped: scenario.dropped ?? null,
      stores: scenario.stores ?? null,
      printed: scenario.printed ?? [],
      describe: scenario.describe ?? null,
    },
    javaBug: scenario.javaBug ?? null,
  }))
}

function inputOf(step: WrittenStep): Input {
  if (step.in !== undefined) return { in: step.in }
  if (step.advance !== undefined) return { advance: step.advance }
  throw new Error(`a step is neither "in" nor "advance": ${JSON.stringify(step)}`)
}
