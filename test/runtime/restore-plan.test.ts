import { expect } from 'chai'
import { type ChangelogFacts, planRestore } from '../../src/runtime/restore-plan.ts'

const changelog: ChangelogFacts = {
  topicId: 'one',
  startOffset: 10,
  endOffset: 100,
  storedEpochEnd: 100,
  deleteRetentionMs: 1000,
}
const stored = { persistent: true, position: { topicId: 'one', leaderEpoch: 4, offset: 60 } }

describe('planRestore', () => {
  it('replays the tail after the stored position, whatever ended the process', () => {
    expect(planRestore(stored, changelog, 500, 600)).to.deep.equal({ from: 60, to: 100, reason: null })
  })

  it('replays nothing when the position is the end', () => {
    const position = { ...stored.position, offset: 100 }
    expect(planRestore({ persistent: true, position }, changelog, 500, 600)).to.deep.equal({
      from: 100,
      to: 100,
      reason: null,
    })
  })

  it('begins at the first offset that is left when older ones were removed', () => {
    const position = { ...stored.position, offset: 5 }
    expect(planRestore({ persistent: true, position }, changelog, 500, 600).from).to.equal(10)
  })

  it('rebuilds for a named reason only', () => {
    const rebuilt = (
      store: Parameters<typeof planRestore>[0],
      facts: Partial<ChangelogFacts>,
      nowMs = 600,
    ): string | null => {
      const plan = planRestore(store, { ...changelog, ...facts }, 500, nowMs)
      expect(plan.from).to.equal(10)
      return plan.reason
    }
    expect(rebuilt({ ...stored, persistent: false }, {})).to.equal('not-persistent')
    expect(rebuilt({ persistent: true, position: null }, {})).to.equal('no-local-state')
    expect(rebuilt(stored, { topicId: 'two' })).to.equal('changelog-recreated')
    expect(rebuilt(stored, { endOffset: 59 })).to.equal('changelog-diverged')
    expect(rebuilt(stored, { storedEpochEnd: 50 })).to.equal('changelog-diverged')
    expect(rebuilt(stored, {}, 1501)).to.equal('away-too-long')
  })
})
