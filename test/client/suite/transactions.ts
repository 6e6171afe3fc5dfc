import { expect } from 'chai'
import { SeededRandom } from '../../../src/base/random.ts'
import { noHeaders } from '../../../src/base/serde.ts'
import { string } from '../../../src/serdes/index.ts'
import { errorOf, pollUntil, take, values, type World } from './world.ts'

export function transactions(world: () => World): void {
  it('shows a transaction to read_committed readers when it is committed, and never when it is aborted', async () => {
    const [at] = await world().topic('t')
    const producer = await world().transactional('tx')
    const committed = world().consumer({ isolation: 'readCommitted' })
    const uncommitted = world().consumer()
    committed.assign([at!])
    uncommitted.assign([at!])
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'a' })
    expect(values(await take(uncommitted, 1))).to.deep.equal(['a'])
    expect(values(await committed.poll(100))).to.deep.equal([])
    await producer.commitTransaction()
    expect(values(await take(committed, 1))).to.deep.equal(['a'])
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'b' })
    await producer.abortTransaction()
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'c' })
    await producer.commitTransaction()
    expect(values(await take(committed, 1))).to.deep.equal(['c'])
    expect(values(await take(uncommitted, 2))).to.deep.equal(['b', 'c'])
    const [stable] = await world().admin.listOffsets([at!], 'latest', { isolation: 'readCommitted' })
    expect(stable!.offset).to.equal(6)
  })

  it('goes from one transaction to the next without a pause', async () => {
    const [at] = await world().topic('t')
    const producer = await world().transactional('tx')
    const reader = world().consumer({ isolation: 'readCommitted' })
    reader.assign([at!])
    producer.beginTransaction()
    const expected: string[] = []
    const ended: Promise<void>[] = []
    for (let count = 0; count < 20; count++) {
      expected.push(`${count}`)
      producer.append('t', 0, 5, null, string, `${count}`, string, noHeaders)
      await ended.at(-1)
      await producer.flush()
      ended.push(producer.commitAndBeginTransaction())
    }
    producer.append('t', 0, 5, null, string, 'aborted', string, noHeaders)
    await ended.at(-1)
    await producer.flush()
    await producer.abortTransaction()
    expect(values(await take(reader, 20))).to.deep.equal(expected)
    expect(values(await reader.poll(50))).to.deep.equal([])
  })

  it('moves the position past markers and aborted records', async () => {
    const [at] = await world().topic('t')
    const producer = await world().transactional('tx')
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'a' })
    await producer.abortTransaction()
    const consumer = world().consumer({ isolation: 'readCommitted' })
    consumer.assign([at!])
    for (let polls = 0; polls < 50 && consumer.position(at!) < 2; polls++) {
      expect(await consumer.poll(20)).to.deep.equal([])
    }
    expect(consumer.position(at!)).to.equal(2)
    expect(consumer.lag(at!)).to.equal(0)
  })

  it('commits offsets with the records, or neither', async () => {
    const partitions = await world().topic('t', 2)
    const producer = await world().transactional('tx')
    const reader = world().consumer({ groupId: 'g' })
    const member = { memberId: '', generationId: -1, groupInstanceId: null }
    const offsets = (offset: number) =>
      partitions.map((at) => ({ ...at, offset, leaderEpoch: -1, metadata: `m${offset}` }))
    producer.beginTransaction()
    await producer.sendOffsets('g', offsets(5), member)
    expect((await reader.committed(partitions)).get('t-0')).to.equal(null)
    expect(await errorOf(reader.committed(partitions, { requireStable: true, timeoutMs: 50 }))).to.equal(
      'OFFSETS_UNSTABLE',
    )
    const waiting = reader.committed(partitions, { requireStable: true })
    await producer.commitTransaction()
    expect((await waiting).get('t-1')).to.deep.equal({ offset: 5, leaderEpoch: -1, metadata: 'm5' })
    producer.beginTransaction()
    await producer.sendOffsets('g', offsets(9), member)
    await producer.abortTransaction()
    expect((await reader.committed(partitions, { requireStable: true })).get('t-1')!.offset).to.equal(5)
  })

  it('fences the producer that had the transactional id before, and aborts what it left open', async () => {
    const [at] = await world().topic('t')
    const old = await world().transactional('tx')
    old.beginTransaction()
    await old.send({ topic: 't', value: 'left open' })
    const young = await world().transactional('tx')
    expect(await errorOf(old.commitTransaction())).to.equal('PRODUCER_FENCED')
    young.beginTransaction()
    await young.send({ topic: 't', value: 'new' })
    await young.commitTransaction()
    const consumer = world().consumer({ isolation: 'readCommitted' })
    consumer.assign([at!])
    expect(values(await take(consumer, 1))).to.deep.equal(['new'])
  })

  it('refuses offsets of a member that the group does not know', async () => {
    await world().topic('t')
    const consumer = world().consumer({ groupId: 'g' })
    let assigned = false
    consumer.subscribe(['t'], {
      onAssigned: async () => {
        assigned = true
      },
    })
    await pollUntil([consumer], () => assigned)
    const producer = await world().transactional('tx')
    const one = { topic: 't', partition: 0, offset: 5, leaderEpoch: -1, metadata: '' }
    producer.beginTransaction()
    const stranger = { ...consumer.groupMetadata(), memberId: 'stranger' }
    expect(await errorOf(producer.sendOffsets('g', [one], stranger))).to.equal('MEMBER_UNKNOWN')
    await producer.abortTransaction()
    producer.beginTransaction()
    const late = { ...consumer.groupMetadata(), generationId: consumer.groupMetadata().generationId - 1 }
    expect(await errorOf(producer.sendOffsets('g', [one], late))).to.equal('MEMBER_UNKNOWN')
    await producer.abortTransaction()
    producer.beginTransaction()
    await producer.sendOffsets('g', [one], consumer.groupMetadata())
    await producer.commitTransaction()
    expect((await consumer.committed([one], { requireStable: true })).get('t-0')!.offset).to.equal(5)
  })

  it('shows exactly what was committed, for random histories of several producers', async () => {
    const random = new SeededRandom(7)
    const partitions = await world().topic('t', 2)
    const producers = await Promise.all(['a', 'b', 'c'].map((id) => world().transactional(id)))
    const plain = world().producer()
    const expected: string[][] = [[], []]
    const everything: number[] = [0, 0]
    for (let round = 0; round < 40; round++) {
      const producer = producers[random.int(3)]!
      const other = producers[(producers.indexOf(producer) + 1) % 3]!
      const commits = random.int(3) > 0
      const otherCommits = random.int(2) > 0
      producer.beginTransaction()
      other.beginTransaction()
      for (let index = random.int(6); index >= 0; index--) {
        const partition = random.int(2)
        const who = random.int(4)
        const value = `${round}/${index}`
        const from = who === 0 ? plain : who === 1 ? other : producer
        await from.send({ topic: 't', partition, value })
        everything[partition]!++
        if (from === plain || (from === other ? otherCommits : commits)) expected[partition]!.push(value)
      }
      for (const [each, does] of [
        [producer, commits],
        [other, otherCommits],
      ] as const) {
        if (does) await each.commitTransaction()
        else await each.abortTransaction()
      }
    }
    const total = expected[0]!.length + expected[1]!.length
    for (const partitionBytesMax of [1, 500, 100_000]) {
      const consumer = world().consumer({ isolation: 'readCommitted', partitionBytesMax })
      consumer.assign(partitions)
      const read = await take(consumer, total)
      for (const { partition } of partitions) {
        expect(values(read.filter((record) => record.partition === partition))).to.deep.equal(expected[partition])
      }
    }
    const all = world().consumer()
    all.assign(partitions)
    expect(await take(all, everything[0]! + everything[1]!)).to.have.length(everything[0]! + everything[1]!)
  })
}
