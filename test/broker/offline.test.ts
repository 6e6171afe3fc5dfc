import { expect } from 'chai'
import { SeededRandom } from '../../src/base/random.ts'
import { Broker } from '../../src/broker/broker.ts'
import { SimulatedFiles } from '../../src/testing/simulated-files.ts'
import { Fixture } from './fixture.ts'

describe('A disk that fails', () => {
  let broker: Fixture
  let disk: SimulatedFiles
  beforeEach(async () => {
    disk = new SimulatedFiles()
    broker = await Fixture.open({}, disk)
    await broker.createTopic('t', 2)
    await broker.createTopic('in', 1)
  })
  afterEach(() => broker.close())

  it('takes one partition offline, for good; the others go on', async () => {
    disk.failSyncs(/t-0\//)
    expect((await broker.append('t', 0, broker.batch('a'))).error).to.equal('KAFKA_STORAGE_ERROR')
    expect((await broker.append('t', 0, broker.batch('b'), 1)).error).to.equal('KAFKA_STORAGE_ERROR')
    expect(await broker.produce('t', 1, ['c'])).to.equal(0)
    expect([...broker.broker.offline().keys()]).to.deep.equal(['t-0'])
  })

  it('keeps a transaction from committing: it can be aborted, and its other partitions are free again', async () => {
    const producer = await broker.init('tx')
    await broker.send(producer, 't', 0, ['a'])
    await broker.send(producer, 't', 1, ['b'])
    disk.failSyncs(/t-0\//)
    expect(await broker.end(producer, true)).to.equal('TRANSACTION_ABORTABLE')
    expect(await broker.end(producer, true)).to.equal('TRANSACTION_ABORTABLE')
    expect(await broker.end(producer, false)).to.equal('NONE')
    await broker.produce('t', 1, ['c'])
    expect(await broker.committedValues('t', 1)).to.deep.equal(['c'])
  })

  it('keeps such a transaction aborted, though all of it is there after a crash', async () => {
    const producer = await broker.init('tx')
    await broker.send(producer, 't', 0, ['a'])
    await broker.send(producer, 't', 1, ['b'])
    disk.failSyncs(/t-0\//)
    expect(await broker.end(producer, true)).to.equal('TRANSACTION_ABORTABLE')
    await broker.crash()
    expect(await broker.end(producer, true)).to.equal('PRODUCER_FENCED')
    expect(await broker.committedValues('t', 0)).to.deep.equal([])
    expect(await broker.committedValues('t', 1)).to.deep.equal([])
  })

  it('lets no offset be committed that points into what may be lost', async () => {
    await broker.produce('in', 0, ['1'], 1)
    disk.failSyncs(/in-0\//)
    expect(await broker.commitOffset('g', 'in', 0, 1)).to.equal('KAFKA_STORAGE_ERROR')
    expect(await broker.committedOffset('g', 'in', 0)).to.equal(-1)
    const producer = await broker.init('tx')
    await broker.addOffsets(producer, 'g')
    expect(await broker.sendOffset(producer, 'g', 'in', 0, 1)).to.equal('NONE')
    expect(await broker.end(producer, true)).to.equal('TRANSACTION_ABORTABLE')
  })

  it('stops transactions when their own log fails, but not the rest', async () => {
    const producer = await broker.init('tx')
    await broker.send(producer, 't', 0, ['a'])
    disk.failSyncs(/__transaction_state|journal/, 2)
    expect(await broker.end(producer, true)).to.equal('COORDINATOR_NOT_AVAILABLE')
    expect((await broker.init('other')).error).to.equal('COORDINATOR_NOT_AVAILABLE')
    expect(await broker.produce('t', 1, ['b'])).to.equal(0)
  })

  it('that is full holds a commit back until there is room', async () => {
    const producer = await broker.init('tx')
    await broker.send(producer, 't', 0, ['a'])
    disk.setCapacity(1)
    let answer = 'none yet'
    const ended = broker.end(producer, true).then((error) => {
      answer = error
    })
    await broker.clock.pass(5_000)
    expect(answer).to.equal('none yet')
    disk.setCapacity(1 << 30)
    await broker.clock.pass(1_000)
    await ended
    expect(answer).to.equal('NONE')
    expect(await broker.committedValues('t', 0)).to.deep.equal(['a'])
  })

  it('that is full does not keep the broker from closing', async () => {
    const producer = await broker.init('tx')
    await broker.send(producer, 't', 0, ['a'])
    disk.setCapacity(1)
    const ended = broker.end(producer, true).catch((error: { code: string }) => error.code)
    await broker.clock.pass(0)
    const closed = broker.broker.close().catch((error: { code: string }) => error.code)
    expect(await closed).to.be.oneOf([undefined, 'DISK_FULL', 'LOG_OFFLINE'])
    expect(await ended).to.be.oneOf(['COORDINATOR_NOT_AVAILABLE', 'NET_DISCONNECTED'])
  })

  it('whose damage is found at start keeps only that partition away', async () => {
    await broker.produce('t', 0, ['a'])
    await broker.produce('t', 1, ['b'])
    await broker.broker.close()
    const log = '/data/log/t-0/00000000000000000000.log'
    disk.remove(log)
    await broker.start()
    expect((await broker.append('t', 0, broker.batch('c'))).error).to.equal('KAFKA_STORAGE_ERROR')
    expect(await broker.values('t', 1)).to.deep.equal(['b'])
    expect([...broker.broker.offline().keys()]).to.deep.equal(['t-0'])
  })

  for (const topic of ['__consumer_offsets', '__transaction_state']) {
    it(`and damages ${topic} stops its coordinator; partitions are served`, async () => {
      await broker.commitOffset('g', 't', 0, 1)
      const producer = await broker.init('tx')
      await broker.send(producer, 't', 0, ['a'])
      await broker.end(producer, true)
      await broker.broker.close()
      const file = disk.open(`/data/log/${topic}-0/00000000000000000000.log`, 'write')
      file.write(Buffer.from([0xff]), 0, 1, 70)
      file.close()
      await broker.start()
      expect(await broker.committedValues('t', 0)).to.deep.equal(['a'])
      expect(await broker.produce('t', 1, ['b'])).to.equal(0)
      expect([...broker.broker.offline()].map(([name, { code }]) => `${name} ${code}`)).to.deep.equal([
        `${topic}-0 LOG_CORRUPT`,
      ])
      const answers = [(await broker.init('tx')).error, await broker.committedOffset('g', 't', 0).catch(() => 'none')]
      const transactions = topic === '__transaction_state'
      expect(answers[0] === 'COORDINATOR_NOT_AVAILABLE').to.equal(transactions)
      expect(answers[1] === 1).to.equal(transactions)
    })
  }

  it('is not asked to sync with flush os, and nothing needs it until the power goes', async () => {
    const calm = new SimulatedFiles()
    const lazy = await Fixture.open({ flush: 'os' }, calm)
    await lazy.createTopic('t')
    calm.failSyncs(/t-0\//, 1000)
    expect(await lazy.produce('t', 0, ['a'])).to.equal(0)
    const producer = await lazy.init('tx')
    await lazy.send(producer, 't', 0, ['b'])
    expect(await lazy.end(producer, true)).to.equal('NONE')
    expect(await lazy.committedValues('t', 0)).to.deep.equal(['a', 'b'])
    const after = calm.cut(new SeededRandom(1))
    const machine = { ...lazy.machine(), files: after }
    await (await Broker.open(machine, '/data', { minFreeBytes: 0 })).close()
  })
})
