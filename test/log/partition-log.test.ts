import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import fc from 'fast-check'
import { StreamError } from '../../src/base/errors.ts'
import type { PartitionLog } from '../../src/log/partition-log.ts'
import { baseOffsetOf, batchSize, crcMatches, timestampTypeOf } from '../../src/records/batch-format.ts'
import { encodeControlBatch } from '../../src/records/control-record.ts'
import {
  batchOf,
  client,
  openLog,
  readAll,
  removeTemporaryFolders,
  rowsOf,
  temporaryFolder,
  testConfig,
  testMachine,
} from './support.ts'

const uncommitted = { isolation: 'readUncommitted', minOneBatch: true } as const
const committed = { isolation: 'readCommitted', minOneBatch: true } as const

function codeOf(run: () => unknown): string {
  try {
    run()
    return 'none'
  } catch (error) {
    return StreamError.is(error) ? error.code : String(error)
  }
}

function transactional(producerId: number, sequence: number): Parameters<typeof batchOf>[1] {
  return { producerId, producerEpoch: 0, baseSequence: sequence, transactional: true }
}

describe('PartitionLog', () => {
  afterEach(removeTemporaryFolders)

  it('is an array that survives being reopened, in segments of any size', async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant('append' as const),
          count: fc.integer({ min: 1, max: 6 }),
          gzip: fc.boolean(),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant('read' as const),
          at: fc.double({ min: 0, max: 1, noNaN: true }),
          maxBytes: fc.integer({ min: 1, max: 2000 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const), clean: fc.boolean() }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('delete' as const), at: fc.double({ min: 0, max: 1, noNaN: true }) }),
      },
      { weight: 1, arbitrary: fc.constant({ kind: 'checkpoint' as const }) },
    )
    const config = { ...testConfig, segmentBytes: 700, indexIntervalBytes: 150 }
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const machine = testMachine()
        const folder = temporaryFolder()
        let epoch = 1
        let start = 0
        let recoveryPoint = 0
        const model: string[] = []
        let log = openLog(machine, folder, { config, leaderEpoch: epoch })
        for (const one of steps) {
          if (one.kind === 'append') {
            const rows = Array.from(
              { length: one.count },
              (_, index) => `row ${model.length + index} ${'x'.repeat((model.length * 7) % 90)}`,
            )
            const result = log.append(batchOf(rows, undefined, one.gzip ? 'gzip' : 'none'), client)
            expect([result.baseOffset, result.lastOffset]).to.deep.equal([model.length, model.length + one.count - 1])
            model.push(...rows)
          } else if (one.kind === 'read') {
            const from = start + Math.floor(one.at * (model.length - start))
            const { records } = log.read(from, one.maxBytes, uncommitted)
            const rows = rowsOf(records).filter((row) => row.offset >= from)
            expect(rows.map((row) => row.value)).to.deep.equal(model.slice(from, from + rows.length))
            expect(rows.length > 0).to.equal(from < model.length)
            if (records.length > 0)
              expect(records.length <= Math.max(one.maxBytes, batchSize(records, 0))).to.equal(true)
          } else if (one.kind === 'delete') {
            const before = start + Math.floor(one.at * (model.length - start))
            expect(log.deleteRecordsBefore(before)).to.equal(before)
            start = before
          } else if (one.kind === 'checkpoint') {
            const checkpoint = await log.checkpoint()
            log.checkpointed(checkpoint)
            recoveryPoint = checkpoint.recoveryPoint
          } else {
            if (one.clean) {
              await log.close()
              recoveryPoint = log.endOffset
            }
            log = openLog(machine, folder, {
              config,
              leaderEpoch: ++epoch,
              cleanShutdown: one.clean,
              recoveryPoint,
              startOffset: Math.min(start, recoveryPoint),
            })
            start = log.startOffset
          }
          expect(log.endOffset).to.equal(model.length)
          expect(log.startOffset).to.equal(start)
        }
        expect(readAll(log).map((row) => row.value)).to.deep.equal(model.slice(start))
        await log.close()
      }),
      { numRuns: 60 },
    )
  })

  it('answers a repeated batch with its first offsets and writes nothing, also after a restart', async () => {
    const machine = testMachine()
    const folder = temporaryFolder()
    let log = openLog(machine, folder)
    const header = { producerId: 9, producerEpoch: 0, baseSequence: 0, transactional: false }
    log.append(batchOf(['other']), client)
    log.append(batchOf(['a', 'b'], header), client)
    const again = log.append(batchOf(['a', 'b'], header), client)
    expect([again.duplicate, again.baseOffset, again.lastOffset, log.endOffset]).to.deep.equal([true, 1, 2, 3])
    await log.close()
    log = openLog(machine, folder, { leaderEpoch: 2, cleanShutdown: true, recoveryPoint: 3 })
    expect(log.append(batchOf(['a', 'b'], header), client).duplicate).to.equal(true)
    expect(codeOf(() => log.append(batchOf(['c'], { ...header, baseSequence: 3 }), client))).to.equal(
      'OUT_OF_ORDER_SEQUENCE',
    )
    expect(log.append(batchOf(['c'], { ...header, baseSequence: 2 }), client).baseOffset).to.equal(3)
    await log.close()
  })

  it('refuses what no client may send, and stays as it was', async () => {
    const log = openLog(testMachine(), temporaryFolder(), {
      config: { ...testConfig, maxMessageBytes: 300, compacted: true },
    })
    const damaged = batchOf([{ key: 'k', value: 'v' }])
    damaged[65] = damaged[65]! ^ 1
    const old = batchOf([{ key: 'k', value: 'v' }])
    old[16] = 1
    const one = batchOf([{ key: 'k', value: 'v' }])
    const refused: [string, Buffer][] = [
      ['BATCH_CORRUPT', damaged],
      ['BATCH_CORRUPT', old],
      ['BATCH_CORRUPT', one.subarray(0, one.length - 1)],
      ['BATCH_CORRUPT', Buffer.concat([one, one])],
      ['BATCH_CORRUPT', Buffer.alloc(0)],
      ['BATCH_CORRUPT', encodeControlBatch('commit', 1, 0, 0, 0)],
      ['INPUT_INVALID', batchOf([{ value: 'without key' }])],
      ['RECORD_TOO_LARGE', batchOf([{ key: 'k', value: 'x'.repeat(400) }])],
    ]
    for (const [code, batch] of refused) expect(codeOf(() => log.append(batch, client))).to.equal(code)
    expect([log.endOffset, log.sizeBytes]).to.deep.equal([0, 0])
    log.append(one, client)
    expect(readAll(log).length).to.equal(1)
    await log.close()
  })

  it('shows read_committed readers nothing undecided, and names what was aborted', async () => {
    const log = openLog(testMachine(), temporaryFolder(), { config: { ...testConfig, segmentBytes: 300 } })
    log.append(batchOf(['plain 0']), client)
    log.append(batchOf(['one 1'], transactional(1, 0)), client)
    log.append(batchOf(['two 2'], transactional(2, 0)), client)
    expect([log.lastStableOffset, log.endOffset]).to.deep.equal([1, 3])
    expect(rowsOf(log.read(0, 1e6, committed).records).map((row) => row.value)).to.deep.equal(['plain 0'])
    expect(log.read(1, 1e6, committed).records.length).to.equal(0)
    log.appendControl(encodeControlBatch('abort', 2, 0, 0, 0), 0)
    expect(log.lastStableOffset).to.equal(1)
    log.append(batchOf(['plain 4'.padEnd(200)]), client)
    log.appendControl(encodeControlBatch('commit', 1, 0, 0, 0), 0)
    expect([log.lastStableOffset, log.endOffset, log.segmentCount > 1]).to.deep.equal([6, 6, true])
    let next = 0
    const aborted = new Map<number, number>()
    while (next < 6) {
      const found = log.read(next, 1, committed)
      for (const transaction of found.abortedTransactions) aborted.set(transaction.producerId, transaction.firstOffset)
      next = rowsOf(found.records).at(-1)!.offset + 1
    }
    expect([...aborted]).to.deep.equal([[2, 2]])
    expect(log.read(2, 1, committed).abortedTransactions).to.deep.equal([{ producerId: 2, firstOffset: 2 }])
    expect(log.read(4, 1, committed).abortedTransactions).to.deep.equal([])
    await log.close()
  })

  it('names the same aborted transactions as a naive model, across segments and restarts', async () => {
    const step = fc.record({
      kind: fc.constantFrom('data', 'data', 'commit', 'abort', 'reopen', 'checkpoint'),
      id: fc.nat(2),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const machine = testMachine()
        const folder = temporaryFolder()
        const config = { ...testConfig, segmentBytes: 250, indexIntervalBytes: 50 }
        let log = openLog(machine, folder, { config })
        let recoveryPoint = 0
        let epoch = 1
        const sequences = [0, 0, 0]
        const open = new Map<number, number>()
        const aborted: { producerId: number; firstOffset: number; lastOffset: number }[] = []
        for (const { kind, id } of steps) {
          if (kind === 'data') {
            const { baseOffset } = log.append(batchOf(['x'], transactional(id, sequences[id]!++)), client)
            if (!open.has(id)) open.set(id, baseOffset)
          } else if (kind === 'commit' || kind === 'abort') {
            const { baseOffset } = log.appendControl(encodeControlBatch(kind, id, 0, 0, 0), 0)
            const firstOffset = open.get(id)
            open.delete(id)
            if (kind === 'abort' && firstOffset !== undefined)
              aborted.push({ producerId: id, firstOffset, lastOffset: baseOffset })
          } else if (kind === 'checkpoint') {
            const checkpoint = await log.checkpoint()
            log.checkpointed(checkpoint)
            recoveryPoint = checkpoint.recoveryPoint
          } else {
            log = openLog(machine, folder, { config, leaderEpoch: ++epoch, recoveryPoint })
          }
          expect(log.lastStableOffset).to.equal(Math.min(log.endOffset, ...open.values()))
        }
        for (let from = 0; from < log.lastStableOffset; from++) {
          const found = log.read(from, 120, committed)
          const next = rowsOf(found.records).at(-1)!.offset + 1
          const wanted = aborted.filter((one) => one.lastOffset >= from && one.firstOffset < next)
          expect(found.abortedTransactions).to.deep.equal(
            wanted.map(({ producerId, firstOffset }) => ({ producerId, firstOffset })),
          )
        }
        await log.close()
      }),
      { numRuns: 60 },
    )
  })

  it('finds the first record of a time as a naive search does', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat(50), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 25 }),
        fc.boolean(),
        async (batches, reopen) => {
          const machine = testMachine()
          const folder = temporaryFolder()
          const config = { ...testConfig, segmentBytes: 400, indexIntervalBytes: 100 }
          let log = openLog(machine, folder, { config })
          const times = batches.flat()
          for (const one of batches)
            log.append(batchOf(one.map((timestampMs) => ({ value: 'v', timestampMs }))), client)
          if (reopen) {
            await log.close()
            log = openLog(machine, folder, { config, leaderEpoch: 2, cleanShutdown: true, recoveryPoint: times.length })
          }
          for (let time = 0; time <= 51; time++) {
            const wanted = times.findIndex((timestampMs) => timestampMs >= time)
            const found = log.offsetForTimestamp(time)
            expect(found?.offset ?? -1, `time ${time}`).to.equal(wanted)
            if (found !== null) expect([found.timestampMs, found.leaderEpoch]).to.deep.equal([times[wanted], 1])
          }
          await log.close()
        },
      ),
      { numRuns: 60 },
    )
  })

  it('stamps the time of appending where the topic asks for it', async () => {
    const machine = testMachine()
    const log = openLog(machine, temporaryFolder(), {
      config: { ...testConfig, messageTimestampType: 'LogAppendTime' },
    })
    const result = log.append(batchOf([{ value: 'v', timestampMs: 5 }]), client)
    const { records } = log.read(0, 1e6, uncommitted)
    expect([result.logAppendTimeMs, timestampTypeOf(records, 0), crcMatches(records, 0)]).to.deep.equal([
      1_000_000,
      'LogAppendTime',
      true,
    ])
    expect(log.offsetForTimestamp(1_000_000)?.offset).to.equal(0)
    await log.close()
  })

  it('begins a new segment by size and by time', async () => {
    const machine = testMachine()
    const log = openLog(machine, temporaryFolder(), { config: { ...testConfig, segmentBytes: 500, segmentMs: 1000 } })
    for (let index = 0; index < 10; index++) log.append(batchOf(['x'.repeat(100)]), client)
    expect(log.segmentCount).to.equal(5)
    machine.clock.advance(999)
    log.append(batchOf(['y']), client)
    const before = log.segmentCount
    machine.clock.advance(1000)
    log.append(batchOf(['y']), client)
    expect(log.segmentCount).to.equal(before + 1)
    expect(readAll(log).length).to.equal(12)
    await log.close()
  })

  it('refuses offsets it does not have, and gives nothing at its end', async () => {
    const log = openLog(testMachine(), temporaryFolder())
    for (let index = 0; index < 5; index++) log.append(batchOf(['a']), client)
    log.deleteRecordsBefore(2)
    for (const offset of [-1, 0, 1, 6])
      expect(codeOf(() => log.read(offset, 100, uncommitted))).to.equal('LOG_OFFSET_OUT_OF_RANGE')
    expect(log.read(5, 100, uncommitted).records.length).to.equal(0)
    expect(codeOf(() => log.deleteRecordsBefore(6))).to.equal('LOG_OFFSET_OUT_OF_RANGE')
    expect(log.deleteRecordsBefore(1)).to.equal(2)
    await log.close()
  })

  it('removes the files of deleted records after the checkpoint that records the log start, not before', async () => {
    const folder = temporaryFolder()
    const log = openLog(testMachine(), folder, { config: { ...testConfig, segmentBytes: 200 } })
    for (let index = 0; index < 6; index++) log.append(batchOf(['x'.repeat(100)]), client)
    const logs = (): number => readdirSync(join(folder, 't-0')).filter((name) => name.endsWith('.log')).length
    log.deleteRecordsBefore(4)
    expect([log.segmentCount, logs()]).to.deep.equal([2, 6])
    const checkpoint = await log.checkpoint()
    expect([checkpoint, logs()]).to.deep.equal([{ recoveryPoint: 6, startOffset: 4 }, 6])
    log.checkpointed(checkpoint)
    expect(logs()).to.equal(2)
    await log.close()
  })

  it('tells where an epoch ends', async () => {
    const machine = testMachine()
    const folder = temporaryFolder()
    let log: PartitionLog = openLog(machine, folder, { leaderEpoch: 2 })
    for (let index = 0; index < 3; index++) log.append(batchOf(['a']), client)
    await log.close()
    log = openLog(machine, folder, { leaderEpoch: 3, cleanShutdown: true, recoveryPoint: 3 })
    await log.close()
    log = openLog(machine, folder, { leaderEpoch: 5, cleanShutdown: true, recoveryPoint: 3 })
    log.append(batchOf(['b', 'c']), client)
    const ends = [1, 2, 3, 4, 5, 6, -1].map((epoch) => Object.values(log.endOffsetForEpoch(epoch)))
    expect(ends).to.deep.equal([
      [1, 0],
      [2, 3],
      [2, 3],
      [2, 3],
      [5, 5],
      [-1, -1],
      [-1, -1],
    ])
    await log.close()
  })

  it('holds one descriptor when it is idle', async () => {
    const folder = temporaryFolder()
    const log = openLog(testMachine(), folder, { config: { ...testConfig, segmentBytes: 200 } })
    for (let index = 0; index < 20; index++) log.append(batchOf(['x'.repeat(100)]), client)
    expect(readAll(log).length).to.equal(20)
    log.checkpointed(await log.checkpoint())
    const open = readdirSync('/proc/self/fd').filter((fd) => {
      const path = join('/proc/self/fd', fd)
      return existsSync(path) && readlinkSync(path).startsWith(folder)
    })
    expect(open.length).to.equal(1)
    await log.close()
  })

  it('hands out batches with the leader epoch and offsets of this log', async () => {
    const log = openLog(testMachine(), temporaryFolder(), { leaderEpoch: 7 })
    log.append(batchOf(['a', 'b']), client)
    log.append(batchOf(['c']), client)
    const { records } = log.read(1, 1e6, uncommitted)
    expect([
      baseOffsetOf(records, 0),
      baseOffsetOf(records, batchSize(records, 0)),
      records.readInt32BE(12),
    ]).to.deep.equal([0, 2, 7])
    await log.close()
  })
})
