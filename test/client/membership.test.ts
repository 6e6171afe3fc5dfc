import { expect } from 'chai'
import { type ErrorCode, StreamError } from '../../src/base/errors.ts'
import { Caller } from '../../src/client/caller.ts'
import { RangeAssignor } from '../../src/client/consumer/assignor.ts'
import { encodeAssignment, encodeSubscription } from '../../src/client/consumer/group-messages.ts'
import { Membership, type MembershipOptions } from '../../src/client/consumer/membership.ts'
import { Metadata } from '../../src/client/metadata.ts'
import type { ResponseOf } from '../../src/protocol/api.ts'
import type { KafkaError } from '../../src/protocol/error-codes.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { codeOf, lost, ScriptedConnection } from '../support/scripted-connection.ts'

function joinAnswer(
  error: KafkaError = 'NONE',
  change: Partial<ResponseOf<'JoinGroup'>> = {},
): ResponseOf<'JoinGroup'> {
  return {
    throttleTimeMs: 0,
    errorCode: codeOf(error),
    generationId: 4,
    protocolType: 'consumer',
    protocolName: 'range',
    leader: 'other',
    skipAssignment: false,
    memberId: 'm-1',
    members: [],
    ...change,
  }
}

const assigned = encodeAssignment({ partitions: [{ topic: 't', partition: 2 }], userData: null })

function syncAnswer(error: KafkaError = 'NONE'): ResponseOf<'SyncGroup'> {
  return {
    throttleTimeMs: 0,
    errorCode: codeOf(error),
    protocolType: 'consumer',
    protocolName: 'range',
    assignment: assigned,
  }
}

interface World {
  readonly clock: ManualClock
  readonly connection: ScriptedConnection
  readonly membership: Membership
  readonly caller: Caller
}

function world(options: Partial<MembershipOptions> = {}): World {
  const clock = new ManualClock()
  const connection = new ScriptedConnection()
    .on('JoinGroup', () => joinAnswer())
    .on('SyncGroup', () => syncAnswer())
    .on('Heartbeat', () => ({ throttleTimeMs: 0, errorCode: 0 }))
  const caller = new Caller(connection, clock, 1000, 'test')
  const membership = new Membership(caller, new Metadata(caller), {
    groupId: 'g',
    groupInstanceId: null,
    sessionTimeoutMs: 300,
    rebalanceTimeoutMs: 500,
    heartbeatIntervalMs: 100,
    assignors: [new RangeAssignor()],
    ...options,
  })
  membership.topics = ['t']
  return { clock, connection, membership, caller }
}

/** Moves time until the promise is settled. */
async function settle<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  let done = false
  const watched = promise.finally(() => {
    done = true
  })
  watched.catch(() => undefined)
  for (let step = 0; step < 500 && !done; step++) await clock.pass(10)
  return watched
}

async function errorOf(run: Promise<unknown>): Promise<ErrorCode | 'none'> {
  try {
    await run
  } catch (error) {
    if (StreamError.is(error)) return error.code
    throw error
  }
  return 'none'
}

describe('Membership', () => {
  it('joins under the id that the coordinator demands, and gets its assignment', async () => {
    const { clock, connection, membership } = world({ groupInstanceId: 'i' })
    connection.on('JoinGroup', ({ memberId }) => joinAnswer(memberId === '' ? 'MEMBER_ID_REQUIRED' : 'NONE'))
    const assignment = await settle(clock, membership.join())
    expect(assignment).to.deep.equal({ partitions: [{ topic: 't', partition: 2 }], userData: null })
    expect(membership.member).to.deep.equal({ memberId: 'm-1', generationId: 4, groupInstanceId: 'i' })
    expect(connection.bodies('JoinGroup').map((body) => body.memberId)).to.deep.equal(['', 'm-1'])
    expect(connection.bodies('SyncGroup')[0]).to.deep.include({
      generationId: 4,
      memberId: 'm-1',
      groupInstanceId: 'i',
    })
  })

  it('asks the assignor also in a group of one, and not when the coordinator says so', async () => {
    const { clock, connection, membership } = world()
    const members = [{ memberId: 'm-1', groupInstanceId: null, metadata: encodeSubscription(['t'], null) }]
    connection.on('JoinGroup', (_body, call) =>
      joinAnswer('NONE', { leader: 'm-1', members, skipAssignment: call === 2 }),
    )
    await settle(clock, membership.join())
    expect(connection.bodies('SyncGroup')[0]!.assignments.map((each) => each.memberId)).to.deep.equal(['m-1'])
    membership.rejoin()
    await settle(clock, membership.join())
    expect(connection.bodies('SyncGroup')[1]!.assignments).to.deep.equal([])
  })

  it('beats while it is in a generation, and not before or after', async () => {
    const { clock, connection, membership } = world()
    await clock.pass(500)
    expect(connection.count('Heartbeat')).to.equal(0)
    await settle(clock, membership.join())
    for (let step = 0; step < 5; step++) await clock.pass(100)
    expect(connection.count('Heartbeat')).to.equal(5)
    expect(connection.bodies('Heartbeat')[0]).to.deep.equal({
      groupId: 'g',
      memberId: 'm-1',
      generationId: 4,
      groupInstanceId: null,
    })
    await membership.leave(true)
    await clock.pass(500)
    expect(connection.count('Heartbeat')).to.equal(5)
  })

  it('goes on beating when an answer is lost or late', async () => {
    const { clock, connection, membership } = world()
    await settle(clock, membership.join())
    connection.on('Heartbeat', (_body, call) => {
      if (call === 1) lost()
      if (call === 2) return new Promise(() => undefined)
      return { throttleTimeMs: 0, errorCode: 0 }
    })
    for (let step = 0; step < 10; step++) await clock.pass(100)
    expect(connection.count('Heartbeat')).to.be.within(5, 8)
    expect(membership.outside).to.equal(false)
  })

  it('goes outside when the group rebalances, and keeps its id', async () => {
    const { clock, connection, membership } = world()
    let changes = 0
    membership.onChange = () => {
      changes++
    }
    await settle(clock, membership.join())
    connection.on('Heartbeat', () => ({ throttleTimeMs: 0, errorCode: codeOf('REBALANCE_IN_PROGRESS') }))
    await clock.pass(100)
    expect(membership.outside).to.equal(true)
    expect(membership.lost).to.equal(false)
    expect(changes).to.equal(1)
    await settle(clock, membership.join())
    expect(connection.bodies('JoinGroup').at(-1)!.memberId).to.equal('m-1')
  })

  for (const name of ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION'] as const) {
    it(`knows that all is lost after ${name}, and joins as somebody new`, async () => {
      const { clock, connection, membership } = world()
      await settle(clock, membership.join())
      connection.on('Heartbeat', () => ({ throttleTimeMs: 0, errorCode: codeOf(name) }))
      await clock.pass(100)
      expect(membership.lost).to.equal(true)
      expect(membership.member).to.include({ memberId: '', generationId: -1 })
      await settle(clock, membership.join())
      expect(membership.lost).to.equal(false)
      expect(connection.bodies('JoinGroup').at(-1)!.memberId).to.equal('')
    })
  }

  it('ends when another process has its instance id, wherever it hears of it', async () => {
    const beating = world({ groupInstanceId: 'i' })
    await settle(beating.clock, beating.membership.join())
    beating.connection.on('Heartbeat', () => ({ throttleTimeMs: 0, errorCode: codeOf('FENCED_INSTANCE_ID') }))
    await beating.clock.pass(100)
    expect(beating.membership.takeError()!.code).to.equal('INSTANCE_FENCED')
    expect(beating.membership.takeError()!.code).to.equal('INSTANCE_FENCED')
    expect(() => beating.membership.checkFenced()).to.throw('INSTANCE_FENCED')
    await beating.membership.leave(true)
    expect(beating.connection.count('LeaveGroup')).to.equal(0)
    const joining = world({ groupInstanceId: 'i' })
    joining.connection.on('JoinGroup', () => joinAnswer('FENCED_INSTANCE_ID'))
    expect(await settle(joining.clock, errorOf(joining.membership.join()))).to.equal('INSTANCE_FENCED')
    const syncing = world({ groupInstanceId: 'i' })
    syncing.connection.on('SyncGroup', () => syncAnswer('FENCED_INSTANCE_ID'))
    expect(await settle(syncing.clock, errorOf(syncing.membership.join()))).to.equal('INSTANCE_FENCED')
  })

  it('joins again until it is assigned: rebalances, moving coordinators and lost answers on the way', async () => {
    const { clock, connection, membership } = world()
    connection.on('JoinGroup', (_body, call) => {
      if (call === 1) return joinAnswer('NOT_COORDINATOR')
      if (call === 2) lost()
      if (call === 3) return joinAnswer('COORDINATOR_LOAD_IN_PROGRESS')
      if (call === 4) return joinAnswer('UNKNOWN_MEMBER_ID')
      return joinAnswer()
    })
    connection.on('SyncGroup', (_body, call) => syncAnswer(call === 1 ? 'REBALANCE_IN_PROGRESS' : 'NONE'))
    await settle(clock, membership.join())
    expect(connection.count('JoinGroup')).to.equal(6)
    expect(connection.count('FindCoordinator')).to.equal(2)
  })

  it('throws what no new attempt would change, and may be asked again', async () => {
    const { clock, connection, membership } = world()
    connection.on('JoinGroup', (_body, call) => joinAnswer(call === 1 ? 'INCONSISTENT_GROUP_PROTOCOL' : 'NONE'))
    expect(await settle(clock, errorOf(membership.join()))).to.equal('BROKER_ERROR')
    expect(membership.outside).to.equal(true)
    await settle(clock, membership.join())
  })

  it('joins again when the topics were changed while it joined', async () => {
    const { clock, connection, membership } = world()
    connection.on('SyncGroup', (_body, call) => {
      if (call === 1) membership.topics = ['t', 'u']
      return syncAnswer()
    })
    await settle(clock, membership.join())
    expect(membership.outside).to.equal(true)
  })

  it('leaves by name, and does not mind when that fails', async () => {
    const { clock, connection, membership } = world({ groupInstanceId: 'i' })
    await settle(clock, membership.join())
    connection.on('LeaveGroup', () => lost())
    await membership.leave(true)
    await membership.leave(true)
    expect(connection.bodies('LeaveGroup')).to.deep.equal([
      { groupId: 'g', memberId: 'm-1', members: [{ memberId: 'm-1', groupInstanceId: 'i', reason: null }] },
    ])
    const quiet = world()
    await settle(quiet.clock, quiet.membership.join())
    await quiet.membership.leave(false)
    expect(quiet.connection.count('LeaveGroup')).to.equal(0)
  })

  it('calls for a new assignment when a topic that it assigned has other partitions', async () => {
    const { clock, connection, membership } = world()
    const members = [{ memberId: 'm-1', groupInstanceId: null, metadata: encodeSubscription(['t'], null) }]
    connection.on('JoinGroup', () => joinAnswer('NONE', { leader: 'm-1', members }))
    await settle(clock, membership.join())
    await membership.checkTopics()
    expect(membership.outside).to.equal(false)
    expect(membership.missesTopics).to.equal(false)
    connection.on('Metadata', ({ topics }) => ({
      throttleTimeMs: 0,
      brokers: [],
      clusterId: null,
      controllerId: 0,
      clusterAuthorizedOperations: 0,
      topics: topics!.map(({ name }) => ({
        errorCode: codeOf('UNKNOWN_TOPIC_OR_PARTITION'),
        name,
        topicId: '00000000-0000-0000-0000-000000000000',
        isInternal: false,
        topicAuthorizedOperations: 0,
        partitions: [],
      })),
    }))
    await membership.checkTopics()
    expect(membership.outside).to.equal(true)
    await settle(clock, membership.join())
    expect(membership.missesTopics).to.equal(true)
  })
})
