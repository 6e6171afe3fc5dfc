import { expect } from 'chai'
import { deferred } from '../../src/base/deferred.ts'
import { type ErrorCode, StreamError } from '../../src/base/errors.ts'
import { noHeaders } from '../../src/base/serde.ts'
import { Consumer } from '../../src/client/consumer/consumer.ts'
import type { ConsumerOptions } from '../../src/client/consumer/options.ts'
import type { FetchedPartition } from '../../src/client/consumer/partition-state.ts'
import type { RequestOf, ResponseOf } from '../../src/protocol/api.ts'
import { BatchBuilder } from '../../src/records/batch-builder.ts'
import { patchOffset } from '../../src/records/batch-format.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { codeOf, fetchAnswer, lost, ScriptedConnection, topicIdOf } from '../support/scripted-connection.ts'

function batch(offset: number, values: readonly string[]): Buffer {
  const builder = new BatchBuilder({ bytesMax: 1 << 20 })
  for (const value of values) {
    const bytes = Buffer.from(value)
    builder.appendBytes(1000, null, 0, 0, bytes, 0, bytes.length, noHeaders)
  }
  const built = builder.build({ producerId: -1, producerEpoch: -1, baseSequence: -1, transactional: false })
  patchOffset(built, 0, offset, 5)
  return built
}

type FetchAnswer = ResponseOf<'Fetch'> | Promise<ResponseOf<'Fetch'>>

interface World {
  readonly clock: ManualClock
  readonly connection: ScriptedConnection
  readonly consumer: Consumer
}

function world(fetch: (body: RequestOf<'Fetch'>, call: number) => FetchAnswer, options: ConsumerOptions = {}): World {
  const clock = new ManualClock()
  const connection = new ScriptedConnection().on('Fetch', fetch).on('ListOffsets', ({ topics }) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, timestamp }) => ({
        partitionIndex,
        errorCode: 0,
        timestamp: -1,
        offset: timestamp === -2 ? 20 : 90,
        leaderEpoch: 3,
      })),
    })),
  }))
  return { clock, connection, consumer: new Consumer(connection, { clock, autoOffsetReset: 'none', ...options }) }
}

/** Where each partition is asked from, by partition. */
function asked(body: RequestOf<'Fetch'>): Record<number, number> {
  return Object.fromEntries(
    body.topics.flatMap((topic) => topic.partitions.map((each) => [each.partition, each.fetchOffset])),
  )
}

const never = (): Promise<ResponseOf<'Fetch'>> => new Promise(() => undefined)
const one = { topic: 't', partition: 1 }
const two = { topic: 't', partition: 2 }

/** Polls, moving time, until something comes. */
async function next({ clock, consumer }: World): Promise<FetchedPartition[]> {
  for (let polls = 0; polls < 100; polls++) {
    const polled = consumer.pollBatches(0)
    polled.catch(() => undefined)
    await clock.pass(10)
    const fetched = await polled
    if (fetched.length > 0) return fetched
  }
  return []
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

describe('Consumer', () => {
  it('asks with name and id, from the position, and knows the end at once', async () => {
    const made = world((_body, call) => (call === 1 ? fetchAnswer([{ ...one, endOffset: 12 }]) : never()))
    made.consumer.assign([one])
    made.consumer.seek(one, 10)
    expect(made.consumer.lag(one)).to.equal(null)
    await next(made)
    expect(made.consumer.lag(one)).to.equal(2)
    const [first, second] = made.connection.bodies('Fetch')
    expect(first).to.deep.include({ maxWaitMs: 0, minBytes: 1, isolationLevel: 0, sessionId: 0, sessionEpoch: -1 })
    expect(first!.topics[0]).to.deep.include({ topic: 't', topicId: topicIdOf('t') })
    expect(first!.topics[0]!.partitions[0]).to.deep.include({ partition: 1, fetchOffset: 10, currentLeaderEpoch: 3 })
    expect(second!.maxWaitMs).to.equal(500)
    await made.consumer.close()
  })

  it('fetches ahead while the caller reads, and never the same twice', async () => {
    const made = world((body) => {
      const from = asked(body)[1]!
      return from < 6 ? fetchAnswer([{ ...one, records: batch(from, ['x', 'y']), endOffset: 6 }]) : never()
    })
    made.consumer.assign([one])
    made.consumer.seek(one, 0)
    const first = await next(made)
    expect(first[0]).to.deep.include({ firstOffset: 0, nextOffset: 2, endOffset: 6, leaderEpoch: 5, batches: [0] })
    await made.clock.pass(0)
    expect(made.connection.bodies('Fetch').map((body) => asked(body)[1])).to.deep.equal([0, 2])
    expect(made.consumer.position(one)).to.equal(2)
    expect((await next(made))[0]!.firstOffset).to.equal(2)
    expect((await next(made))[0]!.firstOffset).to.equal(4)
    expect(await next(made)).to.deep.equal([])
    expect(made.connection.bodies('Fetch').map((body) => asked(body)[1])).to.deep.equal([0, 2, 4, 6])
    await made.consumer.close()
  })

  it('drops an answer that was asked for before a seek', async () => {
    const gate = deferred<ResponseOf<'Fetch'>>()
    const made = world((body, call) =>
      call === 1 ? gate.promise : fetchAnswer([{ ...one, records: batch(asked(body)[1]!, ['new']) }]),
    )
    made.consumer.assign([one])
    made.consumer.seek(one, 3)
    await made.consumer.pollBatches(0)
    await made.clock.pass(0)
    await made.consumer.pollBatches(0)
    made.consumer.seek(one, 50)
    gate.resolve(fetchAnswer([{ ...one, records: batch(3, ['old']) }]))
    const [fetched] = await next(made)
    expect(fetched!.firstOffset).to.equal(50)
    await made.consumer.close()
  })

  it('keeps what was fetched of a paused partition, and does not fetch more of it', async () => {
    const made = world((body) =>
      fetchAnswer(
        Object.entries(asked(body)).map(([partition, from]) => ({
          topic: 't',
          partition: Number(partition),
          records: batch(from, ['x']),
        })),
      ),
    )
    made.consumer.assign([one, two])
    made.consumer.seek(one, 0)
    made.consumer.seek(two, 0)
    await made.consumer.pollBatches(0)
    await made.clock.pass(10)
    await made.consumer.pollBatches(0)
    made.consumer.pause([one])
    await made.clock.pass(10)
    const seen: number[] = []
    for (let polls = 0; polls < 4; polls++) for (const { partition } of await next(made)) seen.push(partition)
    expect([...new Set(seen)]).to.deep.equal([2])
    const before = made.consumer.position(one)
    made.consumer.resume([one])
    const resumed = await made.consumer.pollBatches(0)
    expect(resumed.find((fetched) => fetched.partition === 1)!.firstOffset).to.equal(before)
    await made.consumer.close()
  })

  it('a wakeup ends the poll under way, or the next one, and no other', async () => {
    const made = world(() => never())
    made.consumer.assign([one])
    made.consumer.seek(one, 0)
    const waiting = made.consumer.pollBatches(10_000)
    await made.clock.pass(10)
    made.consumer.wakeup()
    expect(await waiting).to.deep.equal([])
    made.consumer.wakeup()
    expect(await made.consumer.pollBatches(10_000)).to.deep.equal([])
    let over = false
    const later = made.consumer.pollBatches(10_000).finally(() => (over = true))
    await made.clock.pass(9_999)
    expect(over).to.equal(false)
    await made.clock.pass(1)
    expect(await later).to.deep.equal([])
    await made.consumer.close()
  })

  it('asks for a partition that became ready while another fetch waits', async () => {
    const made = world((body) => {
      const from = asked(body)
      return from[2] === undefined ? never() : fetchAnswer([{ ...two, records: batch(from[2], ['x']) }])
    })
    made.consumer.assign([one, two])
    made.consumer.seek(one, 0)
    made.consumer.seek(two, 0)
    made.consumer.pause([two])
    await next(made)
    made.consumer.resume([two])
    expect((await next(made))[0]!.partition).to.equal(2)
    await made.consumer.close()
  })

  it('throws for damaged bytes, naming the place, and does not lose the position', async () => {
    const bad = batch(4, ['x'])
    bad[bad.length - 2] = bad[bad.length - 2]! ^ 1
    const made = world((_body, call) => fetchAnswer([{ ...one, records: call === 1 ? bad : batch(4, ['x']) }]))
    made.consumer.assign([one])
    made.consumer.seek(one, 4)
    expect(await errorOf(next(made))).to.equal('BATCH_CORRUPT')
    expect((await next(made))[0]!.firstOffset).to.equal(4)
    await made.consumer.close()
  })

  it('looks the topic up again when its leader moved, and asks again when an answer is lost', async () => {
    const made = world((body, call) => {
      if (call === 1) return fetchAnswer([{ ...one, error: 'NOT_LEADER_OR_FOLLOWER' }])
      if (call === 2) return fetchAnswer([{ ...one, error: 'FENCED_LEADER_EPOCH' }])
      if (call === 3) lost()
      return fetchAnswer([{ ...one, records: batch(asked(body)[1]!, ['x']) }])
    })
    made.consumer.assign([one])
    made.consumer.seek(one, 4)
    expect((await next(made))[0]!.firstOffset).to.equal(4)
    expect(made.connection.count('Metadata')).to.equal(3)
    await made.consumer.close()
  })

  it('throws for an offset that is not there, or goes where autoOffsetReset says', async () => {
    const fetch = (body: RequestOf<'Fetch'>): ResponseOf<'Fetch'> => {
      const from = asked(body)[1]!
      return fetchAnswer([
        from < 20 ? { ...one, error: 'OFFSET_OUT_OF_RANGE' } : { ...one, records: batch(from, ['x']) },
      ])
    }
    const strict = world(fetch)
    strict.consumer.assign([one])
    strict.consumer.seek(one, 4)
    expect(await errorOf(next(strict))).to.equal('LOG_OFFSET_OUT_OF_RANGE')
    for (const [reset, offset] of [
      ['earliest', 20],
      ['latest', 90],
    ] as const) {
      const made = world(fetch, { autoOffsetReset: reset })
      made.consumer.assign([one])
      made.consumer.seek(one, 4)
      expect((await next(made))[0]!.firstOffset).to.equal(offset)
      await made.consumer.close()
    }
    await strict.consumer.close()
  })

  it('takes part of the committed offsets, and looks for the others at an end', async () => {
    const made = world(() => never(), { groupId: 'g', isolation: 'readCommitted', autoOffsetReset: 'earliest' })
    made.connection.on('OffsetFetch', ({ groups }, call) => ({
      throttleTimeMs: 0,
      errorCode: 0,
      topics: [],
      groups: groups.map(({ groupId, topics }) => ({
        groupId,
        errorCode: 0,
        topics: topics!.map(({ name, partitionIndexes }) => ({
          name,
          partitions: partitionIndexes.map((partitionIndex) => ({
            partitionIndex,
            committedOffset: partitionIndex === 1 ? 33 : -1,
            committedLeaderEpoch: 2,
            metadata: 'm',
            errorCode: call < 3 ? codeOf('UNSTABLE_OFFSET_COMMIT') : 0,
          })),
        })),
      })),
    }))
    made.consumer.assign([one, two])
    await next(made)
    expect(made.connection.bodies('OffsetFetch').map((body) => body.requireStable)).to.deep.equal([true, true, true])
    expect([made.consumer.position(one), made.consumer.position(two)]).to.deep.equal([33, 20])
    await made.consumer.close()
  })

  it('wakes a waiting poll when it is closed, and refuses everything afterwards', async () => {
    const { consumer } = world(() => never())
    consumer.assign([one])
    consumer.seek(one, 0)
    const polled = errorOf(consumer.pollBatches(10_000))
    await Promise.resolve()
    await consumer.close()
    await consumer.close()
    expect(await polled).to.equal('CLOSED')
    expect(await errorOf(consumer.poll(0))).to.equal('CLOSED')
    expect(() => consumer.assign([one])).to.throw('CLOSED')
  })

  it('refuses what needs a group, or a partition, that it has not', async () => {
    const { consumer } = world(() => never())
    expect(() => consumer.subscribe(['t'])).to.throw('CONFIG_INVALID')
    expect(await errorOf(consumer.commit())).to.equal('CONFIG_INVALID')
    consumer.assign([one])
    expect(() => consumer.seek(two, 0)).to.throw('CONFIG_INVALID: t-2')
    expect(() => consumer.subscribe(['t'])).to.throw('CONFIG_INVALID')
    expect(consumer.assignment()).to.deep.equal([one])
    await consumer.close()
  })
})
