import { parseArgs } from 'node:util'

const scenarioNames = [
  'loop',
  'produce',
  'consume',
  'stateless',
  'count',
  'windowed-count',
  'repartition-count',
  'stream-table-join',
  'restore',
  'count-cold',
  'latency',
  'timers',
] as const

export type ScenarioName = (typeof scenarioNames)[number]

/** How many records a scenario reads unless `--records` says otherwise. */
export const defaultRecords: { readonly [name in ScenarioName]: number } = {
  loop: 2_000_000,
  produce: 2_000_000,
  consume: 2_000_000,
  stateless: 2_000_000,
  count: 2_000_000,
  'windowed-count': 2_000_000,
  'repartition-count': 2_000_000,
  'stream-table-join': 2_000_000,
  restore: 1_000_000,
  'count-cold': 5_000_000,
  latency: 20_000,
  timers: 2_000_000,
}

/**
 * How many times a scenario is run; the best run counts: the highest rate, or the lowest tail where times are measured. What
 * else the machine has to do only ever slows a run, and the limit that the rates are compared with is the best of several
 * walks as well.
 */
export const runsOf: { readonly [name in ScenarioName]: number } = {
  loop: 1,
  produce: 1,
  consume: 1,
  stateless: 3,
  count: 3,
  'windowed-count': 3,
  'repartition-count': 3,
  'stream-table-join': 3,
  restore: 1,
  'count-cold': 1,
  latency: 3,
  timers: 3,
}

export interface BenchOptions {
  readonly json: boolean
  readonly only: readonly ScenarioName[]
  readonly records: number | null
}

export function readOptions(): BenchOptions {
  const { values } = parseArgs({
    options: { json: { type: 'boolean', default: false }, only: { type: 'string' }, records: { type: 'string' } },
  })
  const only = values.only === undefined ? [...scenarioNames] : values.only.split(',').map(scenarioNamed)
  const records = values.records === undefined ? null : Number(values.records)
  if (records !== null && !(Number.isInteger(records) && records > 0)) {
    throw new Error(`--records ${values.records}: a positive whole number, please`)
  }
  // The limit is measured in the same run: the ratios are against it.
  return { json: values.json, only: only.includes('loop') ? only : ['loop', ...only], records }
}

function scenarioNamed(text: string): ScenarioName {
  const name = scenarioNames.find((known) => known === text)
  if (name === undefined) throw new Error(`--only ${text}: one of ${scenarioNames.join(', ')}`)
  return name
}
