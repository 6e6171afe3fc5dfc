import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import { parseScenarios, type Scenario } from './scenario.ts'
import { judge, reported } from './verdict.ts'

const golden = new URL('../golden/', import.meta.url)
const spine = readFileSync(new URL('spine.txt', golden), 'utf8').trim().split('\n')
const others = new Set(['vectors.json', 'batches.json'])
const scenarios = new Map<string, Scenario>()
for (const file of readdirSync(golden)) {
  if (!file.endsWith('.json') || others.has(file)) continue
  for (const scenario of parseScenarios(readFileSync(new URL(file, golden), 'utf8')) ?? [])
    scenarios.set(scenario.name, scenario)
}

describe('What Kafka Streams does, Millrace does', () => {
  for (const name of spine) {
    const scenario = scenarios.get(name)
    it(`${name}: ${scenario?.about}`, async () => {
      expect(scenario, `${name} is in spine.txt and in no golden file`).not.to.equal(undefined)
      expect(reported(name, await judge(scenario!))).to.equal(`ok ${name}`)
    })
  }

  it('fails in nothing else that it runs', async () => {
    const failed: string[] = []
    for (const scenario of scenarios.values()) {
      const verdict = await judge(scenario)
      if (verdict.kind === 'FAIL') failed.push(reported(scenario.name, verdict))
    }
    expect(failed).to.deep.equal([])
  })
})
