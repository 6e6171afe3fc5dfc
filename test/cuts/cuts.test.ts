import { expect } from 'chai'
import { plants } from './canary.ts'
import { history } from './history.ts'

async function failureOf(run: Promise<unknown>): Promise<string | null> {
  return run.then(
    () => null,
    (error: unknown) => String(error),
  )
}

function plantNamed(name: string) {
  return plants.find((plant) => plant.name === name)!
}

describe('Power cuts', () => {
  for (const number of [0, 1]) {
    it(`lose nothing in history ${number} of seed 1`, async () => {
      const { cuts } = await history({ seed: 1, number, faulty: (files) => files })
      expect(cuts).to.be.greaterThan(0)
    })
  }

  it('are the same again with the same seed', async () => {
    const runs = [1, 2].map(async () => history({ seed: 2, number: 0, faulty: (files) => files }))
    expect(await runs[0]).to.deep.equal(await runs[1])
  })

  it('are noticed when records are acknowledged before they are on the disk', async () => {
    const { faulty } = plantNamed('segments')
    const failures = await Promise.all([0, 1].map((number) => failureOf(history({ seed: 1, number, faulty }))))
    expect(failures[0]).to.match(/K[13]: /)
    expect(failures[1]).not.to.equal(null)
  })

  it('are noticed when a transaction commits before its offsets are on the disk', async () => {
    const { faulty } = plantNamed('offsets')
    expect(await failureOf(history({ seed: 1, number: 0, faulty }))).to.match(
      /K6: |LOG_CORRUPT: .*__consumer_offsets-0/,
    )
  })
})
