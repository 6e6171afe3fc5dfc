import { expect } from 'chai'
import fc from 'fast-check'
import { string } from '../../../src/serdes/index.ts'
import { TopologyBuilder } from '../../../src/topology/topology-builder.ts'
import { type AnyContext, type AnyProcessor, type AnyRecord, fetched, processor, startTask } from './fixture.ts'

/** A processor of the drawn topology: whose child it is, how often it forwards, and how it waits. */
interface Step {
  readonly parents: readonly number[]
  readonly forwards: number
  readonly waits: 'never' | 'before each' | 'after each' | 'sometimes'
}

const steps = fc.array(
  fc.record({
    parents: fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 2 }),
    forwards: fc.integer({ min: 0, max: 2 }),
    waits: fc.constantFrom('never', 'before each', 'after each', 'sometimes'),
  }),
  { minLength: 1, maxLength: 6 },
) as fc.Arbitrary<Step[]>

class Forwarder implements AnyProcessor {
  readonly #step: Step
  readonly #name: string
  #context!: AnyContext

  constructor(step: Step, name: string) {
    this.#step = step
    this.#name = name
  }

  init(context: AnyContext): void {
    this.#context = context
  }

  process(record: AnyRecord): void | Promise<void> {
    if (this.#step.waits === 'never') {
      for (let count = 0; count < this.#step.forwards; count++) this.#forward(record, count)
      return undefined
    }
    if (this.#step.waits === 'sometimes' && String(record.value).length % 2 === 0) {
      for (let count = 0; count < this.#step.forwards; count++) this.#forward(record, count)
      return undefined
    }
    return this.#wait(record)
  }

  async #wait(record: AnyRecord): Promise<void> {
    for (let count = 0; count < this.#step.forwards; count++) {
      if (this.#step.waits !== 'after each') await later()
      this.#forward(record, count)
      if (this.#step.waits === 'after each') await later()
    }
  }

  #forward(record: AnyRecord, count: number): void {
    this.#context.forward(record.withValue(`${record.value}${this.#name}${count}`))
  }
}

function later(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function draw(all: readonly Step[], async: boolean): TopologyBuilder {
  const topology = new TopologyBuilder().addSource('source', { topics: ['S'], keySerde: string, valueSerde: string })
  for (const [index, step] of all.entries()) {
    const name = String.fromCharCode(97 + index)
    const parents = step.parents.map((parent) => (parent < index ? String.fromCharCode(97 + parent) : 'source'))
    const own: Step = async ? step : { ...step, waits: 'never' }
    const supplier = { get: () => new Forwarder(own, name), async: own.waits !== 'never' }
    topology.addProcessor(name, supplier, [...new Set(parents)])
    topology.addSink(`sink-${name}`, { topic: 'T', keySerde: string, valueSerde: string }, [name])
  }
  return topology
}

async function outputOf(topology: TopologyBuilder): Promise<readonly string[]> {
  const { task, collector } = startTask({ topology })
  task.add('S', 0, fetched(0, ['k', '1', 1], ['k', '22', 2]))
  if (task.isAsync) while ((await task.processAsync(Number.POSITIVE_INFINITY)) > 0);
  else while (task.process(Number.POSITIVE_INFINITY) > 0);
  return collector.sent
}

describe('TaskOrder', () => {
  it('hands records on in the order in which they would go if no step had to wait', async () => {
    const property = fc.asyncProperty(steps, async (all) => {
      expect(await outputOf(draw(all, true))).to.deep.equal(await outputOf(draw(all, false)))
    })
    await fc.assert(property, { numRuns: 300 })
  })

  it('holds as many records as a step may hand over, each at the same cost', async () => {
    const many = 200_000
    const sendsMany = processor((record, context) => {
      for (let count = 0; count < many; count++) context.forward(record)
    })
    let waited = false
    const waitsOnce = processor((record, context) => {
      context.forward(record)
      if (waited) return undefined
      waited = true
      return later()
    })
    const topology = new TopologyBuilder()
      .addSource('source', { topics: ['S'], keySerde: string, valueSerde: string })
      .addProcessor('many', { get: sendsMany }, ['source'])
      .addProcessor('waits', { get: waitsOnce, async: true }, ['many'])
      .addSink('sink', { topic: 'T', keySerde: string, valueSerde: string }, ['waits'])
    expect(await outputOf(topology)).to.have.length(2 * many)
  })
})
