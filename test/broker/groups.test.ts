import { expect } from 'chai'
import type { RequestOf, ResponseOf } from '../../src/protocol/api.ts'
import { codeToName, type KafkaError } from '../../src/protocol/error-codes.ts'
import { Fixture } from './fixture.ts'

type Joined = ResponseOf<'JoinGroup'>

function joinRequest(over: Partial<RequestOf<'JoinGroup'>> = {}): RequestOf<'JoinGroup'> {
  return {
    groupId: 'g',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 20_000,
    memberId: '',
    groupInstanceId: null,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.from('topics') }],
    reason: null,
    ...over,
  }
}

describe('Groups', () => {
  let broker: Fixture
  beforeEach(async () => {
    broker = await Fixture.open()
    await broker.createTopic('t', 2)
  })
  afterEach(() => broker.close())

  async function join(over: Partial<RequestOf<'JoinGroup'>> = {}): Promise<Joined> {
    const first = await broker.request('JoinGroup', joinRequest(over))
    if (codeToName(first.errorCode) !== 'MEMBER_ID_REQUIRED') return first
    return broker.request('JoinGroup', joinRequest({ ...over, memberId: first.memberId }))
  }

  async function sync(
    joined: Joined,
    assignments: Record<string, string> = {},
    groupInstanceId: string | null = null,
  ): Promise<{ error: KafkaError; assignment: string }> {
    const answer = await broker.request('SyncGroup', {
      groupId: 'g',
      generationId: joined.generationId,
      memberId: joined.memberId,
      groupInstanceId,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: Object.entries(assignments).map(([memberId, text]) => ({ memberId, assignment: Buffer.from(text) })),
    })
    return { error: codeToName(answer.errorCode), assignment: answer.assignment.toString() }
  }

  async function heartbeat(joined: Joined, groupInstanceId: string | null = null): Promise<KafkaError> {
    const { generationId, memberId } = joined
    const answer = await broker.request('Heartbeat', { groupId: 'g', generationId, memberId, groupInstanceId })
    return codeToName(answer.errorCode)
  }

  async function leave(memberId: string, groupInstanceId: string | null = null): Promise<KafkaError> {
    const members = [{ memberId, groupInstanceId, reason: null }]
    const answer = await broker.request('LeaveGroup', { groupId: 'g', memberId: '', members })
    return codeToName(answer.members[0]!.errorCode)
  }

  async function state(): Promise<string> {
    const answer = await broker.request('DescribeGroups', { groups: ['g'], includeAuthorizedOperations: false })
    return answer.groups[0]!.groupState
  }

  /** A stable group of one. */
  async function alone(over: Partial<RequestOf<'JoinGroup'>> = {}): Promise<Joined> {
    const joined = await join(over)
    await sync(joined, { [joined.memberId]: 'all' }, over.groupInstanceId ?? null)
    return joined
  }

  it('tells a new member its id first', async () => {
    const answer = await broker.request('JoinGroup', joinRequest())
    expect(codeToName(answer.errorCode)).to.equal('MEMBER_ID_REQUIRED')
    expect(answer.memberId).to.match(/^test-/)
  })

  it('makes the only member the leader of generation 1', async () => {
    const joined = await join()
    expect(codeToName(joined.errorCode)).to.equal('NONE')
    expect(joined).to.include({ generationId: 1, protocolName: 'range', leader: joined.memberId })
    expect(joined.members.map(({ metadata }) => metadata.toString())).to.deep.equal(['topics'])
    expect(await state()).to.equal('CompletingRebalance')
    expect(await sync(joined, { [joined.memberId]: 'all' })).to.deep.equal({ error: 'NONE', assignment: 'all' })
    expect(await state()).to.equal('Stable')
    expect(await heartbeat(joined)).to.equal('NONE')
  })

  it('lets the others wait for the assignment of the leader', async () => {
    const first = await alone()
    const second = join()
    await broker.clock.pass(0)
    expect(await heartbeat(first)).to.equal('REBALANCE_IN_PROGRESS')
    const again = await broker.request('JoinGroup', joinRequest({ memberId: first.memberId }))
    const other = await second
    expect([again.generationId, other.generationId]).to.deep.equal([2, 2])
    expect(other.leader).to.equal(first.memberId)
    expect(other.members).to.deep.equal([])
    expect(again.members).to.have.length(2)
    const waiting = sync(other)
    await broker.clock.pass(0)
    await sync(again, { [again.memberId]: 'one', [other.memberId]: 'two' })
    expect(await waiting).to.deep.equal({ error: 'NONE', assignment: 'two' })
  })

  it('begins a rebalance when a member leaves, and is empty when the last one does', async () => {
    const first = await alone()
    expect(await leave('stranger')).to.equal('UNKNOWN_MEMBER_ID')
    await broker.commitOffset('g', 't', 0, 5, first)
    expect(await leave(first.memberId)).to.equal('NONE')
    expect(await state()).to.equal('Empty')
    expect(await heartbeat(first)).to.equal('UNKNOWN_MEMBER_ID')
  })

  it('expires a member whose session is over, after a full turn of the loop', async () => {
    const joined = await alone()
    broker.clock.advance(10_000)
    // The heartbeat that waited behind a busy loop still counts, even when it comes some steps later.
    for (let step = 0; step < 10; step++) await Promise.resolve()
    expect(await heartbeat(joined)).to.equal('NONE')
    await broker.clock.pass(9_999)
    expect(await heartbeat(joined)).to.equal('NONE')
    await broker.clock.pass(10_001)
    expect(await heartbeat(joined)).to.equal('UNKNOWN_MEMBER_ID')
  })

  it('goes on without the members that do not join again in time', async () => {
    const first = await alone({ sessionTimeoutMs: 100_000 })
    const second = join({ sessionTimeoutMs: 100_000 })
    await broker.clock.pass(0)
    await broker.clock.pass(20_000)
    const joined = await second
    expect(joined).to.include({ generationId: 2, leader: joined.memberId })
    expect(await heartbeat(first)).to.equal('UNKNOWN_MEMBER_ID')
  })

  it('throws out who joined but never asks for its assignment', async () => {
    const joined = await join({ sessionTimeoutMs: 100_000 })
    await broker.clock.pass(20_001)
    expect(await heartbeat(joined)).to.equal('UNKNOWN_MEMBER_ID')
  })

  it('forgets a member that was told its id and never came', async () => {
    const promised = await broker.request('JoinGroup', joinRequest())
    await broker.clock.pass(10_001)
    const late = await broker.request('JoinGroup', joinRequest({ memberId: promised.memberId }))
    expect(codeToName(late.errorCode)).to.equal('UNKNOWN_MEMBER_ID')
  })

  it('refuses members that have no protocol in common', async () => {
    await alone()
    const other = await broker.request(
      'JoinGroup',
      joinRequest({ protocols: [{ name: 'x', metadata: Buffer.alloc(0) }] }),
    )
    expect(codeToName(other.errorCode)).to.equal('INCONSISTENT_GROUP_PROTOCOL')
    const none = await broker.request('JoinGroup', joinRequest({ groupId: 'h', protocols: [] }))
    expect(codeToName(none.errorCode)).to.equal('INCONSISTENT_GROUP_PROTOCOL')
  })

  it('refuses session time-outs out of range, and a group without a name', async () => {
    const long = await broker.request('JoinGroup', joinRequest({ sessionTimeoutMs: 100_000_000 }))
    expect(codeToName(long.errorCode)).to.equal('INVALID_SESSION_TIMEOUT')
    const nameless = await broker.request('JoinGroup', joinRequest({ groupId: '' }))
    expect(codeToName(nameless.errorCode)).to.equal('INVALID_GROUP_ID')
  })

  it('elects the protocol most members want among those all have', async () => {
    const both = [
      { name: 'a', metadata: Buffer.alloc(0) },
      { name: 'b', metadata: Buffer.alloc(0) },
    ]
    const first = await join({ protocols: both })
    expect(first.protocolName).to.equal('a')
    const second = join({ protocols: [both[1]!, both[0]!] })
    const third = join({ protocols: [both[1]!] })
    await broker.clock.pass(0)
    await broker.request('JoinGroup', joinRequest({ memberId: first.memberId, protocols: both }))
    expect((await second).protocolName).to.equal('b')
    expect((await third).protocolName).to.equal('b')
  })

  it('answers a follower that joins again unchanged at once, and rebalances for the leader', async () => {
    const joined = await alone()
    const again = await broker.request('JoinGroup', joinRequest({ memberId: joined.memberId }))
    expect(again.generationId).to.equal(2)
  })

  it('refuses a sync of an old generation', async () => {
    const joined = await alone()
    expect((await sync({ ...joined, generationId: 7 })).error).to.equal('ILLEGAL_GENERATION')
  })

  it('waits for more members before the first generation when told to', async () => {
    await broker.close()
    broker = await Fixture.open({ groupInitialRebalanceDelayMs: 1000 })
    const first = join()
    const second = join()
    await broker.clock.pass(500)
    const third = join()
    await broker.clock.pass(500)
    await broker.clock.pass(1000)
    const generations = (await Promise.all([first, second, third])).map(({ generationId }) => generationId)
    expect(generations).to.deep.equal([1, 1, 1])
  })

  it('answers all that wait when the broker closes', async () => {
    await alone()
    const waiting = join().then(
      ({ errorCode }) => codeToName(errorCode),
      (error: { code: string }) => error.code,
    )
    await broker.clock.pass(0)
    await broker.broker.close()
    expect(await waiting).to.be.oneOf(['COORDINATOR_NOT_AVAILABLE', 'NET_DISCONNECTED'])
  })

  it('lists groups by state', async () => {
    await alone()
    const list = async (...statesFilter: string[]): Promise<string[]> => {
      const answer = await broker.request('ListGroups', { statesFilter, typesFilter: [] })
      return answer.groups.map(({ groupId, groupState }) => `${groupId} ${groupState}`)
    }
    expect(await list()).to.deep.equal(['g Stable'])
    expect(await list('stable')).to.deep.equal(['g Stable'])
    expect(await list('Empty')).to.deep.equal([])
  })

  describe('static members', () => {
    const instance = { groupInstanceId: 'one' }

    it('join without being told an id first', async () => {
      const joined = await alone(instance)
      expect(codeToName(joined.errorCode)).to.equal('NONE')
    })

    it('come back to their assignment without a rebalance, and fence their former self', async () => {
      const before = await alone(instance)
      const joined = await join(instance)
      expect(joined).to.include({ generationId: 1, skipAssignment: true })
      expect(joined.memberId).not.to.equal(before.memberId)
      expect(joined.leader).to.equal(joined.memberId)
      expect((await sync(joined, {}, 'one')).assignment).to.equal('all')
      expect(await heartbeat(before, 'one')).to.equal('FENCED_INSTANCE_ID')
      expect(await broker.commitOffset('g', 't', 0, 1, { ...before, ...instance })).to.equal('FENCED_INSTANCE_ID')
      expect(await heartbeat(joined, 'one')).to.equal('NONE')
      expect(await state()).to.equal('Stable')
    })

    it('come back after the broker crashed too', async () => {
      await alone(instance)
      await broker.crash()
      const joined = await join(instance)
      expect(joined.generationId).to.equal(1)
      expect((await sync(joined, {}, 'one')).assignment).to.equal('all')
    })

    it('are missed only when their session is over', async () => {
      const first = await alone({ ...instance, sessionTimeoutMs: 5_000 })
      const second = join()
      await broker.clock.pass(4_000)
      expect(await state()).to.equal('PreparingRebalance')
      await broker.clock.pass(2_000)
      const joined = await second
      expect(joined.members).to.have.length(1)
      expect(await heartbeat(first, 'one')).to.equal('UNKNOWN_MEMBER_ID')
    })

    it('can be sent away by their instance id alone', async () => {
      await alone(instance)
      expect(await leave('', 'one')).to.equal('NONE')
      expect(await leave('', 'one')).to.equal('UNKNOWN_MEMBER_ID')
    })

    it('answer a join that waits with FENCED_INSTANCE_ID when their instance id is taken over', async () => {
      await alone({ sessionTimeoutMs: 100_000 })
      const waiting = join(instance)
      await broker.clock.pass(0)
      const other = join(instance)
      expect(codeToName((await waiting).errorCode)).to.equal('FENCED_INSTANCE_ID')
      await broker.clock.pass(20_000)
      expect(codeToName((await other).errorCode)).to.equal('NONE')
    })
  })

  describe('offsets', () => {
    it('are kept over restarts and crashes, with epoch and metadata', async () => {
      const joined = await alone()
      expect(await broker.commitOffset('g', 't', 0, 42, joined, 'note')).to.equal('NONE')
      await broker.reopen()
      expect(await broker.committedOffset('g', 't', 0)).to.equal(42)
      await broker.crash()
      const { groups } = await broker.request('OffsetFetch', {
        groupId: '',
        topics: [],
        groups: [{ groupId: 'g', memberId: null, memberEpoch: -1, topics: null }],
        requireStable: false,
      })
      expect(groups[0]!.topics).to.deep.equal([
        {
          name: 't',
          partitions: [
            { partitionIndex: 0, committedOffset: 42, committedLeaderEpoch: 0, metadata: 'note', errorCode: 0 },
          ],
        },
      ])
    })

    it('are -1 where none is known', async () => {
      expect(await broker.committedOffset('nobody', 't', 1)).to.equal(-1)
    })

    it('are refused from another generation, from strangers, and from outside while the group has members', async () => {
      const joined = await alone()
      expect(await broker.commitOffset('g', 't', 0, 1, { ...joined, generationId: 9 })).to.equal('ILLEGAL_GENERATION')
      expect(await broker.commitOffset('g', 't', 0, 1, { ...joined, memberId: 'x' })).to.equal('UNKNOWN_MEMBER_ID')
      expect(await broker.commitOffset('g', 't', 0, 1)).to.equal('UNKNOWN_MEMBER_ID')
      expect(await broker.commitOffset('new', 't', 0, 1, joined)).to.equal('ILLEGAL_GENERATION')
      expect(await broker.commitOffset('new', 't', 0, 1)).to.equal('NONE')
    })

    it('are refused for unknown partitions and with metadata beyond all measure', async () => {
      expect(await broker.commitOffset('g', 'nope', 0, 1)).to.equal('UNKNOWN_TOPIC_OR_PARTITION')
      const claim = { memberId: '', generationId: -1 }
      expect(await broker.commitOffset('g', 't', 0, 1, claim, 'x'.repeat(40_000))).to.equal('OFFSET_METADATA_TOO_LARGE')
    })

    it('are deleted with their group, once it is empty', async () => {
      const joined = await alone()
      await broker.commitOffset('g', 't', 0, 1, joined)
      const remove = async (): Promise<KafkaError> => {
        const { results } = await broker.request('DeleteGroups', { groupsNames: ['g'] })
        return codeToName(results[0]!.errorCode)
      }
      expect(await remove()).to.equal('NON_EMPTY_GROUP')
      await leave(joined.memberId)
      expect(await remove()).to.equal('NONE')
      expect(await remove()).to.equal('GROUP_ID_NOT_FOUND')
      await broker.crash()
      expect(await broker.committedOffset('g', 't', 0)).to.equal(-1)
    })
  })
})
