/** Windowed and plain folds against a recount from scratch, however often results are told. */
import { expect } from 'chai'
import fc from 'fast-check'
import { type Emit, StreamsBuilder, topic, tumbling } from '../../dsl/index.ts'
import { int64, string } from '../../src/serdes/index.ts'
import { TopologyTestDriver } from '../../src/testing/index.ts'

const input = topic('in', { key: string, value: string })
const output = topic('out', { key: string, value: int64 })

interface Arrival {
  readonly key: string | null
  readonly timestampMs: number
  /** A commit follows. */
  readonly commits: boolean
}

const arrivals = fc.array(
  fc.record<Arrival>({
    key: fc.constantFrom('a', 'b', 'c', null),
    timestampMs: fc.integer({ min: 0, max: 60 }),
    commits: fc.boolean(),
  }),
  { maxLength: 40 },
)
const windows = fc.record({ sizeMs: fc.integer({ min: 1, max: 25 }), graceMs: fc.integer({ min: 0, max: 25 }) })

/** What was told, in order, and how many records were dropped. */
async function run(
  draw: (builder: StreamsBuilder) => void,
  given: readonly Arrival[],
): Promise<{ told: [string, number][]; dropped: number }> {
  const builder = new StreamsBuilder()
  draw(builder)
  const driver = await TopologyTestDriver.start(builder.build(), { commit: 'byHand' })
  for (const { key, timestampMs, commits } of given) {
    await driver.input(input).pipe({ key, value: 'x', timestampMs })
    if (commits) await driver.commit()
  }
  await driver.commit()
  const told = driver.output(output).readAll()
  const dropped = driver.droppedRecords
  await driver.close()
  return { told: told.map(({ key, value }) => [String(key), value ?? 0]), dropped }
}

function recountWindows(given: readonly Arrival[], sizeMs: number, graceMs: number): Map<string, number> {
  const counts = new Map<string, number>()
  let streamTimeMs = -1
  for (const { key, timestampMs } of given) {
    if (key === null) continue
    streamTimeMs = Math.max(streamTimeMs, timestampMs)
    const startMs = Math.floor(timestampMs / sizeMs) * sizeMs
    if (startMs + sizeMs <= streamTimeMs - graceMs) continue
    const window = `${key}@${startMs}`
    counts.set(window, (counts.get(window) ?? 0) + 1)
  }
  return counts
}

const total = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((sum, count) => sum + count, 0)

describe('What a count tells', () => {
  it('ends with the recount of each window, and drops the rest', async () => {
    await fc.assert(
      fc.asyncProperty(
        arrivals,
        windows,
        fc.constantFrom<Emit>('onCommit', 'everyUpdate'),
        async (given, shape, emit) => {
          const counted = (builder: StreamsBuilder): void =>
            builder
              .stream(input)
              .groupByKey()
              .windowedBy(tumbling(shape.sizeMs, { graceMs: shape.graceMs }))
              .count({ emit })
              .toStream()
              .selectKey((_, { key, startMs }) => `${key}@${startMs}`)
              .to(output)
          const { told, dropped } = await run(counted, given)
          const expected = recountWindows(given, shape.sizeMs, shape.graceMs)
          expect(new Map(told)).to.deep.equal(expected)
          expect(dropped).to.equal(given.length - total(expected))
          if (emit === 'everyUpdate') expect(told.length).to.equal(total(expected))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('is each key once per commit, or each update', async () => {
    await fc.assert(
      fc.asyncProperty(arrivals, fc.constantFrom<Emit>('onCommit', 'everyUpdate'), async (given, emit) => {
        const { told } = await run(
          (builder) => builder.stream(input).groupByKey().count({ emit }).toStream().to(output),
          given,
        )
        const counts = new Map<string, number>()
        const expected: [string, number][] = []
        let updated = new Map<string, number>()
        for (const { key, commits } of [...given, { key: null, commits: true }]) {
          if (key !== null) {
            const count = (counts.get(key) ?? 0) + 1
            counts.set(key, count)
            if (emit === 'everyUpdate') expected.push([key, count])
            // In last-update order.
            updated.delete(key)
            updated.set(key, count)
          }
          if (!commits) continue
          if (emit === 'onCommit') expected.push(...updated)
          updated = new Map()
        }
        expect(told).to.deep.equal(expected)
      }),
      { numRuns: 60 },
    )
  })
})
