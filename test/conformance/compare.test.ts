import { expect } from 'chai'
import { firstDifference } from './compare.ts'
import type { Outcome, OutputRecord, StepOutcome } from './scenario.ts'

const nothing: Outcome = {
  topologyError: null,
  steps: [],
  dropped: 0,
  stores: {},
  printed: [],
  describe: ['Topologies:'],
}

function step(out: StepOutcome['out']): Outcome {
  return { ...nothing, steps: [{ out, seen: [], error: null }] }
}

function of(topic: string, ...records: OutputRecord[]): Outcome {
  return step({ [topic]: records })
}

describe('firstDifference', () => {
  it('finds none where there is none', () => {
    expect(firstDifference(nothing, nothing)).to.equal(null)
  })

  it('minds the order of records within a topic, not that of topics', () => {
    const [a, b]: OutputRecord[] = [
      ['a', '1', 0],
      ['b', '2', 0],
    ]
    expect(firstDifference(of('O', a!, b!), of('O', b!, a!))).to.include('step 1 out O')
    expect(firstDifference(step({ X: [a!], Y: [b!] }), step({ Y: [b!], X: [a!] }))).to.equal(null)
  })

  it('minds a topic that is missing on either side', () => {
    expect(firstDifference(of('O', ['a', '1', 0]), step({}))).to.include('got []')
    expect(firstDifference(step({}), of('O', ['a', '1', 0]))).to.include('expected []')
  })

  it('takes of a changelog the last record of each key, in any order', () => {
    const java = of('app-c-changelog', ['b', '1', 0], ['a', '1', 0], ['b', '2', 0])
    expect(firstDifference(java, of('app-c-changelog', ['a', '1', 0], ['b', '2', 0]))).to.equal(null)
    expect(firstDifference(java, of('app-c-changelog', ['b', '1', 0], ['a', '1', 0]))).not.to.equal(null)
  })

  it('lets a star stand for any header value, in what is expected only', () => {
    const star = of('O', ['a', '1', 0, [['h', '*']]])
    const value = of('O', ['a', '1', 0, [['h', 'x']]])
    expect(firstDifference(star, value)).to.equal(null)
    expect(firstDifference(value, star)).not.to.equal(null)
    expect(firstDifference(star, of('O', ['a', '1', 0]))).not.to.equal(null)
    expect(firstDifference(star, of('O', ['a', '1', 0, [['g', 'x']]]))).not.to.equal(null)
  })

  it('compares of errors only that they are there, and nothing after one', () => {
    const failed = (error: string): Outcome => ({
      ...nothing,
      dropped: null,
      stores: null,
      steps: [{ out: {}, seen: [], error }],
    })
    expect(firstDifference(failed('this'), failed('that'))).to.equal(null)
    expect(firstDifference(failed('this'), step({}))).to.include('step 1 error')
    const refused = { ...nothing, topologyError: 'bad' }
    expect(firstDifference(refused, { ...refused, topologyError: 'other', describe: null })).to.equal(null)
    expect(firstDifference(nothing, refused)).to.include('topologyError')
  })

  it('compares what was dropped, stored, seen and described', () => {
    expect(firstDifference(nothing, { ...nothing, dropped: 1 })).to.include('dropped')
    expect(firstDifference(nothing, { ...nothing, describe: ['Topologies'] })).to.include('describe line 1')
    const stored: Outcome = { ...nothing, stores: { s: [['a', '1']] } }
    expect(firstDifference(stored, { ...nothing, stores: { s: [['a', '2']] } })).to.include('store s')
    expect(firstDifference(stored, nothing)).to.include('store s')
    const saw: Outcome = { ...nothing, steps: [{ out: {}, seen: ['a=1'], error: null }] }
    expect(firstDifference(saw, step({}))).to.include('seen')
  })
})
