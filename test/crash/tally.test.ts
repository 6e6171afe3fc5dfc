import { expect } from 'chai'
import { killsForEveryPoint, perPoint, pointNames } from './plan.ts'
import { Tally } from './tally.ts'

describe('The tally of a crash test', () => {
  const tallyAt = (loadPerCore: number): { tally: Tally; lines: string[] } => {
    const lines: string[] = []
    return { tally: new Tally({ loadPerCore: () => loadPerCore, print: (line) => lines.push(line) }), lines }
  }

  it('counts a slow start against the program, but not what its restore took', () => {
    const { tally, lines } = tallyAt(0.5)
    tally.started({ runningAfterMs: 3000, restoreMs: 2100, restored: 5 })
    expect(tally.startsAreQuick()).to.equal(true)
    tally.started({ runningAfterMs: 1200, restoreMs: 100, restored: 5 })
    expect(tally.startsAreQuick()).to.equal(false)
    expect(lines)
      .to.have.length(1)
      .and.match(/only after 1200 ms/)
  })

  it('does not judge a slow start on a busy machine, unless it is later than the load explains', () => {
    const { tally, lines } = tallyAt(2)
    tally.started({ runningAfterMs: 1900, restoreMs: 0, restored: 0 })
    expect(tally.startsAreQuick()).to.equal(true)
    expect(lines)
      .to.have.length(1)
      .and.match(/not judged: the machine is busy, the load is 2\.0/)
    tally.started({ runningAfterMs: 2100, restoreMs: 0, restored: 0 })
    expect(tally.startsAreQuick()).to.equal(false)
  })

  it('names the points that were not reached, and those that were not reached often enough', () => {
    const { tally, lines } = tallyAt(0)
    const [first, ...others] = pointNames
    for (const point of others) for (let time = 0; time < perPoint; time++) tally.died('process', point)
    for (let time = 1; time < perPoint; time++) tally.died('process', first!)
    expect(tally.planWasMet(20, [])).to.equal(true)
    expect(lines.splice(0)).to.match(/20 kills are too few/)
    expect(tally.planWasMet(20, [first!])).to.equal(false)
    expect(lines.splice(0)[0]).to.include(`${first} was not reached`)
    expect(tally.planWasMet(killsForEveryPoint, [])).to.equal(false)
    expect(lines.splice(0)).to.deep.equal([`${first}: ${perPoint - 1} deaths, not ${perPoint}`])
    tally.died('process', first!)
    expect(tally.planWasMet(killsForEveryPoint, [])).to.equal(true)
  })
})
