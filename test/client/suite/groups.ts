import { expect } from 'chai'
import type { Assignor, MemberAssignment, SubscribedMember } from '../../../src/client/consumer/assignor.ts'
import type { Consumer } from '../../../src/client/consumer/consumer.ts'
import { nameOf, type TopicPartition } from '../../../src/client/topic-partition.ts'
import { errorOf, pollUntil, take, values, type World } from './world.ts'

/** Shares partitions out one by one, and tells each member what the leader knows of all. */
class TellingAssignor implements Assignor {
  readonly name = 'telling'
  readonly said: string
  heard = ''
  received: readonly TopicPartition[] = []

  constructor(said: string) {
    this.said = said
  }

  subscriptionUserData(topics: readonly string[]): Buffer {
    return Buffer.from(`${this.said} reads ${topics.join('+')}`)
  }

  assign(
    members: readonly SubscribedMember[],
    topics: { partitionsOf(topic: string): number },
  ): Map<string, MemberAssignment> {
    const all = members.map((member) => String(member.userData)).sort()
    const assigned = new Map<string, TopicPartition[]>(members.map((member) => [member.memberId, []]))
    const lists = [...assigned.values()]
    for (let partition = 0; partition < topics.partitionsOf('t'); partition++) {
      lists[partition % lists.length]!.push({ topic: 't', partition })
    }
    return new Map(
      members.map((member) => {
        const userData = Buffer.from(`${String(member.userData)} of ${all.join(', ')}`)
        return [member.memberId, { partitions: assigned.get(member.memberId)!, userData }]
      }),
    )
  }

  onAssignment(partitions: readonly TopicPartition[], userData: Buffer | null): void {
    this.received = partitions
    this.heard = String(userData)
  }
}

export function groups(world: () => World): void {
  /** What a member holds, by its own listener. */
  function watched(consumer: Consumer): { held: string[]; story: string[] } {
    const view = { held: [] as string[], story: [] as string[] }
    consumer.subscribe(['t'], {
      onAssigned: async (partitions) => {
        view.held = partitions.map(nameOf)
        view.story.push(`+${partitions.length}`)
      },
      onRevoked: async (partitions) => {
        view.held = []
        view.story.push(`-${partitions.length}`)
      },
      onLost: async (partitions) => {
        view.held = []
        view.story.push(`lost ${partitions.length}`)
      },
    })
    return view
  }

  it('share partitions, and take over from a member that leaves', async () => {
    await world().topic('t', 4)
    const producer = world().producer()
    for (let partition = 0; partition < 4; partition++)
      await producer.send({ topic: 't', partition, value: `${partition}` })
    const first = world().consumer({ groupId: 'g' })
    const one = watched(first)
    const read = await pollUntil([first], () => one.held.length === 4)
    read.push(...(await take(first, 4 - read.length)))
    expect(values(read).sort()).to.deep.equal(['0', '1', '2', '3'])
    await first.commit()
    const second = world().consumer({ groupId: 'g' })
    const two = watched(second)
    await pollUntil([first, second], () => one.held.length === 2 && two.held.length === 2)
    expect([...one.held, ...two.held].sort()).to.deep.equal(['t-0', 't-1', 't-2', 't-3'])
    expect(one.story).to.deep.equal(['+4', '-4', '+2'])
    await second.close()
    expect(two.story.at(-1)).to.equal('-2')
    await pollUntil([first], () => one.held.length === 4)
    for (let partition = 0; partition < 4; partition++) await producer.send({ topic: 't', partition, value: 'new' })
    expect(values(await take(first, 4))).to.deep.equal(['new', 'new', 'new', 'new'])
  })

  it('carry user data of assignors to the leader and back', async () => {
    await world().topic('t', 3)
    const assignors = ['ann', 'bob'].map((who) => new TellingAssignor(who))
    const consumers = assignors.map((assignor) => world().consumer({ groupId: 'g', assignors: [assignor] }))
    for (const consumer of consumers) consumer.subscribe(['t'])
    const settled = (): boolean =>
      assignors.every((each) => each.heard.endsWith('of ann reads t, bob reads t') && each.received.length > 0)
    await pollUntil(consumers, settled)
    expect(assignors.map((each) => each.heard)).to.deep.equal([
      'ann reads t of ann reads t, bob reads t',
      'bob reads t of ann reads t, bob reads t',
    ])
    expect(assignors[0]!.received.length + assignors[1]!.received.length).to.equal(3)
  })

  it('let a static member come back to its partitions without a rebalance', async () => {
    await world().topic('t', 2)
    const stays = world().consumer({ groupId: 'g', groupInstanceId: 'stays' })
    const goes = world().consumer({ groupId: 'g', groupInstanceId: 'goes' })
    const one = watched(stays)
    const two = watched(goes)
    await pollUntil([stays, goes], () => one.held.length === 1 && two.held.length === 1)
    const { generationId } = stays.groupMetadata()
    const held = two.held
    await goes.close({ leaveGroup: false })
    const back = world().consumer({ groupId: 'g', groupInstanceId: 'goes' })
    const three = watched(back)
    await pollUntil([stays, back], () => three.held.length === 1)
    expect(three.held).to.deep.equal(held)
    expect(stays.groupMetadata().generationId).to.equal(generationId)
    await back.close()
    await pollUntil([stays], () => one.held.length === 2)
  })

  it('fence a static member whose instance id another member takes', async () => {
    await world().topic('t', 2)
    const old = world().consumer({ groupId: 'g', groupInstanceId: 'same' })
    const one = watched(old)
    await pollUntil([old], () => one.held.length === 2)
    const young = world().consumer({ groupId: 'g', groupInstanceId: 'same' })
    const two = watched(young)
    await pollUntil([young], () => two.held.length === 2)
    const polled = async (): Promise<void> => {
      for (let polls = 0; polls < 100; polls++) await old.poll(20)
    }
    expect(await errorOf(polled())).to.equal('INSTANCE_FENCED')
    expect(await errorOf(old.commit())).to.equal('INSTANCE_FENCED')
    expect(one.held).to.deep.equal([])
  })

  it('tell a member that it was left behind, when it commits', async () => {
    await world().topic('t', 2)
    const slow = { groupId: 'g', heartbeatIntervalMs: 60_000, sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 100 }
    const first = world().consumer(slow)
    const one = watched(first)
    await pollUntil([first], () => one.held.length === 2)
    const second = world().consumer({ groupId: 'g', rebalanceTimeoutMs: 100 })
    const two = watched(second)
    await pollUntil([second], () => two.held.length === 2)
    const offset = { topic: 't', partition: 0, offset: 1, leaderEpoch: -1, metadata: '' }
    expect(await errorOf(first.commit([offset]))).to.equal('MEMBER_UNKNOWN')
    await pollUntil([first, second], () => one.held.length === 1 && two.held.length === 1)
    expect(one.story).to.deep.equal(['+2', 'lost 2', '+1'])
    await first.commit([offset])
  })
}
