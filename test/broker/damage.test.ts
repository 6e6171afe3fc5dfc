import { expect } from 'chai'
import { embedded } from '../../src/broker/embedded.ts'
import { Admin } from '../../src/client/index.ts'
import { codeToName } from '../../src/protocol/error-codes.ts'
import { SimulatedFiles } from '../../src/testing/simulated-files.ts'
import { Fixture } from './fixture.ts'

const log = '/data/log/t-0/00000000000000000000.log'

describe('Damage in a partition', () => {
  let broker: Fixture
  let disk: SimulatedFiles
  beforeEach(async () => {
    disk = new SimulatedFiles()
    broker = await Fixture.open({}, disk)
    await broker.createTopic('t', 2)
    for (const value of ['a', 'b', 'c']) await broker.produce('t', 0, [value])
  })
  afterEach(() => broker.close())

  function overwrite(position: number): void {
    const file = disk.open(log, 'write')
    file.write(Buffer.from([0xff]), 0, 1, position)
    file.close()
  }

  it('that a reader meets is kept, and told to whoever listens, with file and offset; the rest is served', async () => {
    const told: string[] = []
    const deaf = broker.broker.listen((trouble) => told.push(trouble))
    overwrite(66)
    expect(told).to.deep.equal([])
    expect(codeToName((await broker.fetch('t', 0, 0)).errorCode)).to.equal('KAFKA_STORAGE_ERROR')
    await broker.fetch('t', 0, 0)
    const error = broker.broker.offline().get('t-0')
    expect(error?.code).to.equal('LOG_CORRUPT')
    expect(told, 'once').to.have.length(1)
    expect(told[0]).to.contain(`${log} is damaged at offset 0`)
    expect(await broker.values('t', 0, {}, 1)).to.deep.equal(['b', 'c'])
    expect(await broker.produce('t', 0, ['d'])).to.equal(3)
    const later: string[] = []
    broker.broker.listen((trouble) => later.push(trouble))
    expect(later, 'who comes later hears it too').to.deep.equal(told)
    deaf()
    disk.failSyncs(/t-1\//)
    await broker.append('t', 1, broker.batch('x'))
    expect(told, 'who went hears no more').to.have.length(1)
    expect(later[1]).to.contain('LOG_OFFLINE')
  })

  it('that was found at start is told to whoever asks afterwards, and to the reader how to see it', async () => {
    await broker.broker.close()
    disk.remove(log)
    const handle = embedded('/data', { minFreeBytes: 0 })
    const lease = await handle.acquire(broker.machine())
    const told: string[] = []
    lease.onTrouble!((trouble) => told.push(trouble))
    expect(told).to.have.length(1)
    expect(told[0]).to.match(/^partition t-0 .*LOG_CORRUPT.*t-0/)
    const asked = new Admin(lease.connect('reader')).listOffsets([{ topic: 't', partition: 0 }], 'earliest')
    const error = await asked.then(
      () => null,
      (refusal: unknown) => refusal,
    )
    expect(String(error)).to.match(/LOG_OFFLINE: list offsets of t-0: .*warning.*names file and offset/)
    await lease.release()
    await broker.start()
  })

  it('is told when recovery cut it off: file, offset and bytes', async () => {
    await broker.crash((files) => {
      const file = files.open(log, 'write')
      file.write(Buffer.alloc(100, 7), 0, 100, file.size())
      file.close()
    })
    const cut = broker.broker.tailCuts().get('t-0')!
    expect(cut).to.include({ path: log, offset: 3, bytes: 100 })
    const told: string[] = []
    broker.broker.listen((trouble) => told.push(trouble))
    expect(told).to.have.length(1)
    expect(told[0]).to.contain('100 bytes from offset 3 on').and.to.contain(log)
    await broker.reopen()
    expect(broker.broker.tailCuts().size, 'a clean stop leaves nothing to cut').to.equal(0)
  })
})
