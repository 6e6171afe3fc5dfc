import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { RangeAssignor } from '../../src/client/consumer/assignor.ts'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../src/client/consumer/group-messages.ts'
import { nameOf } from '../../src/client/topic-partition.ts'

interface Golden {
  readonly subscription: string
  readonly subscriptionV0: string
  readonly subscriptionOwned: string
  readonly assignment: string
  readonly range: readonly {
    readonly partitions: Record<string, number>
    readonly members: readonly { memberId: string; groupInstanceId: string | null; topics: string[] }[]
    readonly assigned: Record<string, string[]>
  }[]
}

/** What Kafka's own consumer classes wrote. */
const golden = JSON.parse(readFileSync(new URL('../golden/client/groups.json', import.meta.url), 'utf8')) as Golden

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex')

describe('what members of a group say to each other', () => {
  it("is a subscription in the bytes of Kafka's consumer", () => {
    const userData = Buffer.from([1, 2, 3])
    expect(encodeSubscription(['orders', 'größe'], userData).toString('hex')).to.equal(golden.subscription)
    const read = { topics: ['größe', 'orders'], userData, ownedPartitions: [] }
    expect(decodeSubscription(bytes(golden.subscription))).to.deep.equal(read)
    expect(decodeSubscription(bytes(golden.subscriptionV0))).to.deep.equal(read)
    expect(decodeSubscription(bytes(golden.subscriptionOwned))).to.deep.equal({
      topics: ['orders'],
      userData: null,
      ownedPartitions: [{ topic: 'orders', partition: 4 }],
    })
  })

  it("is an assignment in the bytes of Kafka's consumer", () => {
    const partitions = [
      { topic: 'orders', partition: 0 },
      { topic: 'orders', partition: 3 },
      { topic: 'größe', partition: 1 },
    ]
    const userData = Buffer.from([9])
    expect(encodeAssignment({ partitions, userData }).toString('hex')).to.equal(golden.assignment)
    expect(decodeAssignment(bytes(golden.assignment))).to.deep.equal({ partitions, userData })
  })

  it('is read when a newer version has appended something', () => {
    const newer = Buffer.concat([bytes(golden.subscription), Buffer.from('future')])
    newer.writeInt16BE(9)
    expect(decodeSubscription(newer).topics).to.deep.equal(['größe', 'orders'])
  })

  it('may be nothing: a member that the leader left out', () => {
    expect(decodeAssignment(Buffer.alloc(0))).to.deep.equal({ partitions: [], userData: null })
  })

  it('is PROTOCOL_INVALID when it is cut', () => {
    const whole = bytes(golden.assignment)
    for (let length = 1; length < whole.length; length++) {
      expect(() => decodeAssignment(whole.subarray(0, length))).to.throw('PROTOCOL_INVALID')
    }
  })
})

describe('RangeAssignor', () => {
  for (const [index, { partitions, members, assigned }] of golden.range.entries()) {
    it(`assigns as Kafka's own does, case ${index + 1}`, () => {
      const subscribed = members.map((member) => ({ ...member, userData: null, ownedPartitions: [] }))
      const result = new RangeAssignor().assign(subscribed, { partitionsOf: (topic) => partitions[topic] ?? 0 })
      const named = Object.fromEntries([...result].map(([id, each]) => [id, each.partitions.map(nameOf)]))
      expect(named).to.deep.equal(assigned)
    })
  }
})
