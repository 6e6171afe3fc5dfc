import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { noHeaders } from '../../src/base/serde.ts'
import { encodeTransaction } from '../../src/broker/transactions/transaction-records.ts'
import type { StoredState } from '../../src/broker/transactions/transaction-states.ts'
import { BatchBuilder, plainHeader } from '../../src/records/batch-builder.ts'
import { encodeControlBatch } from '../../src/records/control-record.ts'
import { recordsOfLastTwoCommits, recordsSinceMark } from './changelog-bound.ts'

const producerId = 7
const application = 'flights-0b7c-0'

function batch(records: readonly (readonly [Buffer, Buffer | null])[], transactional: boolean): Buffer {
  const builder = new BatchBuilder({ bytesMax: 1 << 20 })
  for (const [key, value] of records) {
    builder.appendBytes(0, key, 0, key.length, value, 0, value?.length ?? 0, noHeaders)
  }
  return builder.build(transactional ? { producerId, producerEpoch: 0, baseSequence: 0, transactional } : plainHeader)
}

const changes = (count: number): Buffer =>
  batch(
    Array.from({ length: count }, () => [Buffer.from('key'), Buffer.from('value')] as const),
    true,
  )

const marker = (type: 'commit' | 'abort'): Buffer => encodeControlBatch(type, producerId, 0, 0, 0)

function state(name: StoredState, partitions: Record<string, number[]> = {}, transactionalId = application): Buffer {
  const { key, value } = encodeTransaction({
    transactionalId,
    producerId,
    producerEpoch: 0,
    lastProducerEpoch: -1,
    timeoutMs: 1,
    state: name,
    partitions: new Map(Object.entries(partitions).map(([topic, indexes]) => [topic, new Set(indexes)])),
    updatedAtMs: 0,
    startedAtMs: 0,
    unsettled: [],
    staged: null,
  })
  return batch([[key, value]], false)
}

describe('The bound of restored records', () => {
  let log: string
  beforeEach(() => {
    log = mkdtempSync(join(tmpdir(), 'millrace-bound-'))
  })
  afterEach(() => rmSync(log, { recursive: true }))

  const [a, b] = ['flights-a-changelog', 'flights-b-changelog']
  const write = (partition: string, ...batches: Buffer[]): void => {
    mkdirSync(join(log, partition))
    writeFileSync(join(log, partition, '00000000000000000000.log'), Buffer.concat(batches))
  }

  it("is that of the application's last two commits, not of each partition's", () => {
    write(
      '__transaction_state-0',
      state('PrepareCommit', { [a]: [0], [b]: [0] }),
      state('CompleteCommit'),
      state('PrepareCommit', { [a]: [0] }),
      state('CompleteCommit'),
      state('PrepareCommit', { [a]: [0] }),
      state('CompleteCommit'),
      state('PrepareCommit', { [a]: [0] }, 'flights-ingest'),
    )
    write(`${a}-0`, changes(1), marker('commit'), changes(2), marker('commit'), changes(4), marker('commit'))
    write(`${b}-0`, changes(100), marker('commit'))
    expect(recordsOfLastTwoCommits(log)).to.equal(6)
  })

  it('counts what is prepared without its marker, and neither an open transaction nor an aborted one', () => {
    const prepared = state('PrepareCommit', { [a]: [0], [b]: [0] })
    write('__transaction_state-0', prepared, state('CompleteCommit'), state('Ongoing', { [a]: [0] }), prepared)
    write(
      `${a}-0`,
      changes(1),
      marker('commit'),
      changes(50),
      marker('abort'),
      changes(2),
      marker('commit'),
      changes(90),
    )
    write(`${b}-0`, changes(4), marker('commit'), changes(8))
    expect(recordsOfLastTwoCommits(log)).to.equal(15)
  })

  it('is nothing before there is a log', () => {
    expect(recordsOfLastTwoCommits(join(log, 'nowhere'))).to.equal(0)
  })

  it('begins at least once where the last commit but one began', () => {
    write(`${a}-0`, changes(1), changes(2), changes(4))
    write(`${b}-0`, changes(8))
    const [first, second] = [changes(1).length, changes(1).length + changes(2).length]
    const marks = [{}, { [`${a}-0`]: first }, { [`${a}-0`]: second }]
    expect(recordsSinceMark(log, marks)).to.equal(2 + 4 + 8)
    expect(recordsSinceMark(log, marks.slice(0, 2))).to.equal(15)
    expect(recordsSinceMark(log, [])).to.equal(15)
  })
})
