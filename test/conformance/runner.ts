/**
 * Runs one scenario on the test driver and gives what came of it, in the form of the goldens.
 */
import { StreamsBuilder } from '../../dsl/streams-builder.ts'
import { AssertionError } from '../../src/base/assert.ts'
import { messageOf, StreamError } from '../../src/base/errors.ts'
import type { ErrorPolicies, ErrorPolicy } from '../../src/processor/error-policy.ts'
import type { StateStore } from '../../src/processor/state-store.ts'
import { Windowed } from '../../src/serdes/windowed.ts'
import type { ProducedRecord } from '../../src/testing/capturing-collector.ts'
import { TopologyTestDriver } from '../../src/testing/topology-test-driver.ts'
import type { Topology } from '../../src/topology/topology.ts'
import { type Canvas, StepReader } from './form.ts'
import type { PlannedStep } from './forms.ts'
import type { Input, Outcome, OutputRecord, Row, Scenario, StepOutcome } from './scenario.ts'
import { isTimestamped, isWindowStore, typedStore } from './store-commands.ts'
import { bytesOfText, shown, textOf, textOfBytes } from './text.ts'

const applicationId = 'app'

export async function run(scenario: Scenario, steps: readonly PlannedStep[]): Promise<Outcome> {
  const seen: string[] = []
  let topology: Topology
  let driver: TopologyTestDriver
  try {
    topology = draw({ builder: new StreamsBuilder(), config: scenario.config, seen }, steps)
    driver = await TopologyTestDriver.start(topology, { applicationId, onError: policies(scenario.config) })
  } catch (error) {
    // What the world does wrong is a StreamError; anything else is a mistake of ours.
    if (!StreamError.is(error)) throw error
    return { topologyError: error.message, steps: [], dropped: null, stores: null, printed: [], describe: null }
  }
  try {
    const outcomes = await runSteps(driver, scenario.inputs, seen)
    const failed = outcomes.some(({ error }) => error !== null)
    return {
      topologyError: null,
      steps: outcomes,
      dropped: failed ? null : driver.droppedRecords,
      stores: failed ? null : await dump(driver.stores),
      printed: [],
      describe: topology.describe().split('\n'),
    }
  } finally {
    await driver.close()
  }
}

function draw(canvas: Canvas, steps: readonly PlannedStep[]): Topology {
  const made: unknown[] = []
  const at = (place: number | null): unknown => (place === null ? null : made[place])
  for (const { step, form, from, with: other } of steps) {
    made.push(form.draw(new StepReader(step, canvas), at(from), at(other)))
  }
  return canvas.builder.build()
}

function policies(config: Scenario['config']): ErrorPolicies {
  const deadLetter = config['errors.dead.letter.queue.topic.name']
  const goOn: ErrorPolicy = deadLetter === undefined ? 'skip' : { deadLetter: String(deadLetter) }
  const policy = (handler: string): ErrorPolicy =>
    config[`${handler}.exception.handler`] === 'continue' ? goOn : 'fail'
  return { deserialize: policy('deserialization'), process: policy('processing'), produce: policy('production') }
}

async function runSteps(driver: TopologyTestDriver, inputs: readonly Input[], seen: string[]): Promise<StepOutcome[]> {
  const outcomes: StepOutcome[] = []
  const told = new Map<string, number>()
  for (const input of inputs) {
    seen.length = 0
    try {
      await feed(driver, input)
    } catch (error) {
      if (error instanceof AssertionError) throw error
      outcomes.push({ out: {}, seen: [], error: messageOf(error) })
      return outcomes
    }
    outcomes.push({ out: producedSince(driver.produced, told), seen: [...seen], error: null })
  }
  return outcomes
}

async function feed(driver: TopologyTestDriver, input: Input): Promise<void> {
  if ('advance' in input) return driver.advance(input.advance)
  const [topic, key, value, timestampMs, headers = []] = input.in
  await driver.pipe({
    topic,
    key: bytesOfText(key),
    value: bytesOfText(value),
    timestampMs,
    headers: headers.map(([name, text]) => ({ key: name, value: bytesOfText(text) })),
  })
}

function producedSince(
  produced: ReadonlyMap<string, readonly ProducedRecord[]>,
  told: Map<string, number>,
): StepOutcome['out'] {
  const out: { [topic: string]: OutputRecord[] } = {}
  for (const [topic, records] of produced) {
    const from = told.get(topic) ?? 0
    if (records.length === from) continue
    out[topic] = records.slice(from).map(outputRecord)
    told.set(topic, records.length)
  }
  return out
}

function outputRecord({ key, value, timestampMs, headers }: ProducedRecord): OutputRecord {
  const record = [textOfBytes(key), textOfBytes(value), timestampMs] as const
  if (headers.length === 0) return record
  return [...record, headers.map((header) => [header.key, textOfBytes(header.value)] as const)]
}

// ---- what the stores hold at the end

const joinMemory =
  /-JOINTHIS-|-JOINOTHER-|-OUTERTHIS-|-OUTEROTHER-|-OUTERSHARED-|-MERGE-|SUBSCRIPTION-STATE-STORE|-this-join-store$|-other-join-store$|-left-shared-join-store$|-outer-shared-join-store$|-subscription-store$/

async function dump(stores: ReadonlyMap<string, StateStore>): Promise<{ [store: string]: Row[] }> {
  const dumped: { [store: string]: Row[] } = {}
  for (const [name, store] of stores) {
    if (!joinMemory.test(name)) dumped[name] = (await rowsOf(store)).sort(compareRows)
  }
  return dumped
}

async function rowsOf(state: StateStore): Promise<Row[]> {
  const store = typedStore(state)
  const rows: Row[] = []
  if (isWindowStore(store)) {
    for await (const [key, startMs, value] of store.all()) {
      rows.push([shown(key), startMs, startMs + store.windowSizeMs, ...valueColumns(value, isTimestamped(store))])
    }
  } else {
    for await (const [key, value] of store.all()) {
      rows.push([...keyColumns(key), ...valueColumns(value, isTimestamped(store))])
    }
  }
  return rows
}

function keyColumns(key: unknown): unknown[] {
  return key instanceof Windowed ? [shown(key.key), key.startMs, key.endMs] : [shown(key)]
}

function valueColumns(stored: unknown, timestamped: boolean): unknown[] {
  if (!timestamped) return [textOf(stored)]
  const { value, timestamp } = stored as { readonly value: unknown; readonly timestamp: number }
  return [textOf(value), timestamp]
}

/** By key, then by the numbers after it. */
function compareRows(left: Row, right: Row): number {
  const [leftKey, rightKey] = [String(left[0]), String(right[0])]
  if (leftKey !== rightKey) return leftKey < rightKey ? -1 : 1
  for (let column = 1; column < left.length; column++) {
    if (typeof left[column] !== 'number' || left[column] === right[column]) continue
    return Number(left[column]) - Number(right[column])
  }
  return 0
}
