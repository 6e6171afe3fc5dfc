import { expect } from 'chai'
import fc from 'fast-check'
import { SeededRandom } from '../../src/base/random.ts'
import { killsForEveryPoint, Plan, perPoint, pointNames, type Unit } from './plan.ts'

/** Plays the plan with stories in which a unit comes about when `comes` says so; gives the points that did. */
function play(plan: Plan, comes: (unit: Unit, fresh: boolean) => boolean): Map<string, number> {
  const counts = new Map<string, number>()
  for (let story = 0; plan.left > 0; story++) {
    expect(story, 'stories').to.be.lessThan(5000)
    plan.begin()
    let ingested = false
    for (let unit = plan.take(ingested); unit !== null; unit = plan.take(ingested)) {
      if (!comes(unit, !ingested)) {
        plan.missed(unit)
        break
      }
      for (const death of unit.deaths) {
        const name = death.kind === 'point' ? death.point : 'moment'
        counts.set(name, (counts.get(name) ?? 0) + 1)
        ingested ||= death.kind === 'point' && !death.point.startsWith('ingest.')
      }
    }
  }
  return counts
}

describe('The plan of deaths', () => {
  it('has each point often enough when there are kills enough, and some random moments always', () => {
    const seeds = { seed: fc.nat(), kills: fc.integer({ min: killsForEveryPoint, max: 400 }) }
    fc.assert(
      fc.property(fc.record(seeds), ({ seed, kills }) => {
        const plan = new Plan(new SeededRandom(seed), kills)
        expect(plan.left).to.equal(kills)
        const counts = play(plan, () => true)
        for (const point of pointNames) expect(counts.get(point), point).to.be.at.least(perPoint)
        expect(counts.get('moment')).to.be.at.least(10)
      }),
    )
    expect(play(new Plan(new SeededRandom(1), 12), () => true).get('moment')).to.be.at.least(2)
  })

  it('plans a death anew until it comes about', () => {
    // Half of what is tried anywhere is missed; the first time in a fresh story always comes about.
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const chance = new SeededRandom(seed)
        const plan = new Plan(new SeededRandom(seed), killsForEveryPoint)
        const first = (unit: Unit): boolean => unit.deaths.every((death) => death.kind === 'moment' || death.nth === 1)
        const counts = play(plan, (unit, fresh) => (fresh && first(unit)) || chance.int(2) === 0)
        expect(plan.unreachable).to.deep.equal([])
        for (const point of pointNames) expect(counts.get(point), point).to.be.at.least(perPoint)
      }),
      { numRuns: 30 },
    )
  })

  it('names a point that never comes about', () => {
    const plan = new Plan(new SeededRandom(1), killsForEveryPoint)
    const never = 'transaction.markers.between'
    play(plan, ({ deaths }) => deaths.every((death) => death.kind === 'moment' || death.point !== never))
    expect(new Set(plan.unreachable)).to.deep.equal(new Set([never]))
  })
})
