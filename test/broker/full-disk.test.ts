import { expect } from 'chai'
import { SimulatedFiles } from '../../src/testing/simulated-files.ts'
import { Fixture } from './fixture.ts'

const kept = 4000
const room = 10_000

describe('A disk that fills up', () => {
  let broker: Fixture
  let disk: SimulatedFiles
  let told: string[]

  async function open(minFreeBytes: number): Promise<void> {
    disk = new SimulatedFiles()
    broker = await Fixture.open({ minFreeBytes }, disk)
    await broker.createTopic('t')
    disk.setCapacity(Number.MAX_SAFE_INTEGER - 1)
    disk.setCapacity(Number.MAX_SAFE_INTEGER - 1 - disk.freeBytes() + kept + room)
    told = []
    broker.broker.listen((trouble) => told.push(trouble))
  }

  afterEach(async () => {
    disk.setCapacity(Number.MAX_SAFE_INTEGER)
    await broker.close()
  })

  const append = (acks = -1) => broker.append('t', 0, broker.batch('x'.repeat(900)), acks)

  it('keeps its reserve also when all is written in one moment', async () => {
    await open(kept)
    const free: number[] = []
    // acks=1: the journal takes room of its own.
    while ((await append(1)).error === 'NONE') free.push(disk.freeBytes())
    expect(free.length, 'several in a moment').to.be.greaterThan(4)
    expect(free.at(-1), 'the last one had room')
      .to.be.lessThan(kept)
      .and.greaterThan(kept - 2000)
  })

  for (const [name, minFreeBytes] of [
    ['by its reserve', kept],
    ['by the disk', 0],
  ] as const) {
    it(`says so when records are refused ${name}: to who sends them, and once to whoever listens`, async () => {
      await open(minFreeBytes)
      let last = await append()
      for (let count = 0; last.error === 'NONE' && count < 30; count++) last = await append()
      await append()
      expect(last.error).to.equal('KAFKA_STORAGE_ERROR')
      expect(last.message).to.match(/^DISK_FULL: /)
      expect(told).to.have.length(1)
      expect(told[0]).to.match(/^the log takes no records: DISK_FULL: /)
      const later: string[] = []
      broker.broker.listen((trouble) => later.push(trouble))()
      expect(later, 'who comes later hears it too').to.deep.equal(told)
      disk.setCapacity(Number.MAX_SAFE_INTEGER)
      await broker.clock.pass(1000)
      expect((await append()).error).to.equal('NONE')
      broker.broker.listen((trouble) => later.push(trouble))()
      expect(later, 'it is over').to.have.length(1)
    })
  }
})
