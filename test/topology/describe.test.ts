import { existsSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import { TopologyBuilder } from '../../src/topology/topology-builder.ts'
import { describeAgain } from './parse-description.ts'
import { anyStore, passing, plain } from './plan-parts.ts'

const files = [
  'aggregations',
  'repartition-naming',
  'stateless',
  'stream-table',
  'tables',
  'windows',
  'processor',
  'random',
]

interface Scenario {
  readonly name: string
  readonly describe?: readonly string[]
}

function goldenScenarios(file: string): Scenario[] {
  const url = new URL(`../golden/${file}.json`, import.meta.url)
  return existsSync(url) ? (JSON.parse(readFileSync(url, 'utf8')) as Scenario[]) : []
}

describe('describe', () => {
  for (const file of files) {
    it(`writes the graphs of golden/${file} as Kafka Streams did`, () => {
      const scenarios = goldenScenarios(file)
      expect(scenarios).to.not.be.empty
      for (const { name, describe: lines } of scenarios) {
        const found = lines === undefined ? null : describeAgain(lines)
        if (found !== null) expect([...found], name).to.include(lines!.join('\n'))
      }
    })
  }

  it('writes a sub-topology by the sizes of its sub-trees, and what has no successors as none', () => {
    const topology = new TopologyBuilder()
      .addSource('lonely', { topics: ['L'], ...plain })
      .addSource('in', { topics: ['A', 'B'], ...plain })
      .addProcessor('short', passing, ['in'])
      .addProcessor('long', passing, ['in'], { stores: ['counts'] })
      .addProcessor('longer', passing, ['long'])
      .addSink('out', { topic: 'O', ...plain }, ['longer', 'short'])
      .addStore(anyStore('counts'))
      .build()
    expect(topology.describe()).to.equal(
      `Topologies:
   Sub-topology: 0
    Source: lonely (topics: [L])
      --> none

  Sub-topology: 1
    Source: in (topics: [A, B])
      --> long, short
    Processor: long (stores: [counts])
      --> longer
      <-- in
    Processor: longer (stores: [])
      --> out
      <-- long
    Processor: short (stores: [])
      --> out
      <-- in
    Sink: out (topic: O)
      <-- longer, short

`,
    )
  })

  it('writes nothing but the head for an empty topology', () => {
    expect(new TopologyBuilder().build().describe()).to.equal('Topologies:\n ')
  })
})
