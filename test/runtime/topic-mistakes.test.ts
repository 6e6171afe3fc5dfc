import { expect } from 'chai'
import { StreamsBuilder, topic } from '../../dsl/index.ts'
import { StreamError } from '../../src/base/errors.ts'
import { refuseTopicMistakes } from '../../src/runtime/topic-mistakes.ts'
import { string } from '../../src/serdes/index.ts'
import type { Topology } from '../../src/topology/topology.ts'

const texts = topic('texts', { key: string, value: string, partitions: 1 })
const copies = topic('copies', { key: string, value: string, partitions: 1 })
const broken = topic('broken', { key: string, value: string, partitions: 1 })

/** `texts` through a repartition topic, a step and a table with a store, to `copies`; and whatever else is built. */
function topologyWith(
  also: (builder: StreamsBuilder) => void,
  step: { deadLetter: string } | 'fail' = 'fail',
): Topology {
  const builder = new StreamsBuilder()
  builder
    .stream(texts)
    .repartition({ name: 'r' })
    .mapValues((value) => value, { value: string, name: 'step', onError: { process: step } })
    .groupByKey()
    .count({ store: 'counts' })
  also(builder)
  return builder.build()
}

function refusalOf(topology: Topology, onError = {}): string {
  try {
    refuseTopicMistakes(topology, 'app', onError)
    return 'none'
  } catch (error) {
    if (!StreamError.is(error, 'TOPOLOGY_INVALID')) throw error
    return error.message
  }
}

function own(name: string) {
  return topic(name, { key: string, value: string, partitions: 1 })
}

describe('Topics that the application keeps for itself', () => {
  it('are read and written by nobody else', () => {
    const reading = topologyWith((builder) => builder.stream(own('app-r-repartition')).to(copies))
    expect(refusalOf(reading)).to.match(/reads 'app-r-repartition'.*use another topic/)
    for (const name of ['app-r-repartition', 'app-counts-changelog']) {
      const writing = topologyWith((builder) => builder.stream(broken).to(own(name), { name: 'out' }))
      expect(refusalOf(writing)).to.include(`out writes to '${name}'`)
    }
  })

  it('may be another application’s, and a changelog may be read', () => {
    const others = topologyWith((builder) => builder.stream(own('other-r-repartition')).to(own('other-c-changelog')))
    expect(refusalOf(others)).to.equal('none')
    expect(refusalOf(topologyWith((builder) => builder.stream(own('app-counts-changelog')).to(copies)))).to.equal(
      'none',
    )
  })
})

describe('Dead letters', () => {
  it('do not come back to the step that could not take them, by way of a repartition topic either', () => {
    expect(refusalOf(topologyWith(() => undefined, { deadLetter: 'texts' }))).to.match(
      /dead letters of step go to 'texts'.*would go round for ever.*another policy: onError: \{ process/,
    )
  })

  it('do not come back to a source by the policy of the application', () => {
    const topology = topologyWith((builder) => builder.stream(broken, { name: 'retry' }).foreach(() => undefined))
    expect(refusalOf(topology, { deserialize: { deadLetter: 'broken' } })).to.include('the dead letters of retry')
    expect(refusalOf(topology, { deserialize: { deadLetter: 'elsewhere' }, process: 'skip' })).to.equal('none')
  })

  it('may be read by steps that do something else with theirs', () => {
    const topology = topologyWith((builder) => builder.stream(broken).to(copies), { deadLetter: 'broken' })
    expect(refusalOf(topology)).to.equal('none')
  })
})
