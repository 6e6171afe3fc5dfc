import { expect } from 'chai'
import { errorOf, pollUntil, type World } from './world.ts'

export function admin(world: () => World): void {
  it('makes, describes and deletes topics', async () => {
    const { admin: tools } = world()
    await tools.createTopics([{ name: 'a', partitions: 3, configs: { 'cleanup.policy': 'compact' } }, { name: 'b' }])
    expect(await errorOf(tools.createTopics([{ name: 'a', partitions: 1 }]))).to.equal('TOPIC_EXISTS')
    await tools.createTopics([{ name: 'a', partitions: 1 }], { ifNotExists: true })
    expect(await errorOf(tools.createTopics([{ name: 'a/b' }]))).to.equal('TOPIC_INVALID')
    const described = await tools.describeTopics(['a', 'none'])
    expect([...described.keys()]).to.deep.equal(['a'])
    expect(described.get('a')).to.deep.include({ name: 'a', internal: false, partitionCount: 3 })
    expect([...(await tools.describeTopics()).keys()]).to.include.members(['a', 'b'])
    await tools.deleteTopics(['b'])
    expect(await errorOf(tools.deleteTopics(['b']))).to.equal('TOPIC_UNKNOWN')
    await tools.deleteTopics(['b'], { ifExists: true })
    await tools.createPartitions('a', 4)
    expect((await tools.describeTopics(['a'])).get('a')!.partitionCount).to.equal(4)
  })

  it('describes and changes configurations', async () => {
    const { admin: tools } = world()
    await tools.createTopics([{ name: 'a', partitions: 1, configs: { 'cleanup.policy': 'compact' } }])
    const before = (await tools.describeConfigs(['a'])).get('a')!
    expect(before.get('cleanup.policy')).to.deep.include({ value: 'compact', ownToTopic: true })
    expect(before.get('retention.ms')!.ownToTopic).to.equal(false)
    await tools.alterConfigs('a', { 'retention.ms': '5000', 'cleanup.policy': null })
    const after = (await tools.describeConfigs(['a'])).get('a')!
    expect(after.get('retention.ms')).to.deep.include({ value: '5000', ownToTopic: true })
    expect(after.get('cleanup.policy')).to.deep.include({ value: 'delete', ownToTopic: false })
    expect(await errorOf(tools.describeConfigs(['none']))).to.equal('TOPIC_UNKNOWN')
  })

  it('lists offsets by end and by time', async () => {
    const partitions = await world().topic('t', 2)
    const producer = world().producer({ batchBytes: 100 })
    for (const timestampMs of [10, 20, 30]) await producer.send({ topic: 't', partition: 1, value: 'x', timestampMs })
    const { admin: tools } = world()
    const offsets = async (spec: 'earliest' | 'latest' | number): Promise<number[]> =>
      (await tools.listOffsets(partitions, spec)).map((found) => found.offset)
    expect(await offsets('earliest')).to.deep.equal([0, 0])
    expect(await offsets('latest')).to.deep.equal([0, 3])
    expect(await offsets(15)).to.deep.equal([-1, 1])
    expect(await offsets(31)).to.deep.equal([-1, -1])
    expect((await tools.listOffsets([partitions[1]!], 20))[0]).to.deep.include({ offset: 1, timestampMs: 20 })
  })

  it('describes groups, and reads all offsets they committed', async () => {
    const partitions = await world().topic('t', 2)
    const consumer = world().consumer({ groupId: 'g', groupInstanceId: 'i' })
    let assigned = 0
    consumer.subscribe(['t'], {
      onAssigned: async (got) => {
        assigned = got.length
      },
    })
    await pollUntil([consumer], () => assigned === 2)
    const { admin: tools } = world()
    await consumer.commit([{ ...partitions[0]!, offset: 3, leaderEpoch: 0, metadata: 'm' }])
    expect((await tools.listGroups()).map((group) => group.groupId)).to.include('g')
    const [group] = await tools.describeGroups(['g'])
    expect(group).to.deep.include({ groupId: 'g', state: 'Stable', protocol: 'range' })
    expect(group!.members[0]).to.deep.include({ groupInstanceId: 'i', topics: ['t'], partitions })
    expect(await tools.committedOffsets('g')).to.deep.equal([
      { ...partitions[0]!, committed: { offset: 3, leaderEpoch: 0, metadata: 'm' } },
    ])
  })
}
