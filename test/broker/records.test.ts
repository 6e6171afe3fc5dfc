import { expect } from 'chai'
import { decodeGroupRecord, encodeGroupRecord, type GroupRecord } from '../../src/broker/groups/group-records.ts'
import {
  decodeTransaction,
  decodeTransactionKey,
  encodeTombstone,
  encodeTransaction,
  notWritten,
  type StoredTransaction,
} from '../../src/broker/transactions/transaction-records.ts'

describe('Records of the internal topics', () => {
  const transaction: StoredTransaction = {
    transactionalId: 'tx-ü',
    producerId: 4000,
    producerEpoch: 7,
    lastProducerEpoch: 6,
    timeoutMs: 10_000,
    state: 'PrepareCommit',
    partitions: new Map([
      ['t', new Set([0, 3])],
      ['__consumer_offsets', new Set([0])],
    ]),
    updatedAtMs: 1_700_000_000_001,
    startedAtMs: 1_700_000_000_000,
    unsettled: [
      {
        topic: 't',
        partition: 3,
        topicId: 'T',
        offset: 17,
        firstOffset: 12,
        producerId: 4000,
        producerEpoch: 7,
        commit: true,
      },
      {
        topic: 'u',
        partition: 0,
        topicId: '',
        offset: notWritten,
        firstOffset: -1,
        producerId: 12,
        producerEpoch: 0,
        commit: false,
      },
    ],
    staged: {
      markers: [
        {
          topic: 't',
          partition: 0,
          topicId: 'T',
          offset: 40,
          firstOffset: 30,
          producerId: 4000,
          producerEpoch: 7,
          commit: true,
        },
      ],
      inputs: [{ topic: 'in', partition: 2, topicId: 'I', offset: 2 ** 40 }],
    },
  }

  it('hold a transaction with the markers that may be lost', () => {
    const { key, value } = encodeTransaction(transaction)
    expect(decodeTransactionKey(key)).to.equal('tx-ü')
    expect(decodeTransaction('tx-ü', value!)).to.deep.equal(transaction)
    const settled = { ...transaction, unsettled: [], staged: null }
    expect(decodeTransaction('tx-ü', encodeTransaction(settled).value!)).to.deep.equal(settled)
    expect(encodeTombstone('tx-ü')).to.deep.equal({ key, value: null })
  })

  it('read the transactions of Kafka, versions 0 and 1', () => {
    const old = Buffer.from(
      '0000' +
        '0000000000000005' +
        '0002' +
        '00002710' +
        '01' +
        '00000001' +
        '000174' +
        '00000002' +
        '00000000' +
        '00000001' +
        '0000018bcfe56800' +
        '0000018bcfe56800',
      'hex',
    )
    const known = { producerId: 5, producerEpoch: 2, state: 'Ongoing', unsettled: [], staged: null }
    expect(decodeTransaction('x', old)).to.deep.include(known)
    expect(decodeTransaction('x', old).partitions).to.deep.equal(new Map([['t', new Set([0, 1])]]))
    const flexible = Buffer.from(
      '0001' +
        '0000000000000005' +
        '0002' +
        '00002710' +
        '01' +
        '02' +
        '0274' +
        '02' +
        '00000001' +
        '00' +
        '0000018bcfe56800' +
        '0000018bcfe56800' +
        '01' +
        '0008' +
        '0000000000000004',
      'hex',
    )
    expect(decodeTransaction('x', flexible)).to.deep.include(known)
  })

  it('refuse what a newer program wrote', () => {
    const { value } = encodeTransaction(transaction)
    value!.writeInt16BE(9, 0)
    expect(() => decodeTransaction('x', value!)).to.throw(/LOG_FORMAT_NEWER/)
  })

  const records: GroupRecord[] = [
    {
      kind: 'offset',
      groupId: 'g',
      topic: 't',
      partition: 5,
      value: { offset: 2 ** 40, leaderEpoch: 3, metadata: 'µ', committedAtMs: 1_700_000_000_000 },
    },
    { kind: 'offset', groupId: 'g', topic: 't', partition: 5, value: null },
    {
      kind: 'group',
      groupId: 'g',
      value: {
        protocolType: 'consumer',
        generationId: 4,
        protocolName: 'range',
        leader: 'm-1',
        stateAtMs: 1_700_000_000_000,
        members: [
          {
            memberId: 'm-1',
            groupInstanceId: null,
            clientId: 'c',
            clientHost: '/127.0.0.1',
            rebalanceTimeoutMs: 60_000,
            sessionTimeoutMs: 10_000,
            subscription: Buffer.from('sub'),
            assignment: Buffer.from('ass'),
          },
        ],
      },
    },
    { kind: 'group', groupId: 'g', value: null },
  ]

  for (const record of records) {
    it(`hold ${record.value === null ? 'a tombstone for' : ''} the ${record.kind} of a group`, () => {
      const { key, value } = encodeGroupRecord(record)
      expect(decodeGroupRecord(key, value)).to.deep.equal(record)
    })
  }

  it('are malformed, never beyond their end: any cut is a coded error', () => {
    const { key, value } = encodeGroupRecord(records[2]!)
    for (let length = 0; length < value!.length; length++) {
      expect(() => decodeGroupRecord(key, value!.subarray(0, length)), String(length)).to.throw(
        /PROTOCOL_INVALID|LOG_CORRUPT/,
      )
    }
    const stored = encodeTransaction(transaction).value!
    for (let length = 0; length < stored.length; length++) {
      expect(() => decodeTransaction('x', stored.subarray(0, length)), String(length)).to.throw(
        /PROTOCOL_INVALID|LOG_CORRUPT/,
      )
    }
  })
})
