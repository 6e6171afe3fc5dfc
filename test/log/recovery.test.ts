import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import fc from 'fast-check'
import type { PartitionLog } from '../../src/log/partition-log.ts'
import { patchOffset } from '../../src/records/batch-format.ts'
import { encodeControlBatch } from '../../src/records/control-record.ts'
import {
  batchOf,
  client,
  errorOf,
  openLog,
  type ReadRow,
  readAll,
  removeTemporaryFolders,
  rowsOf,
  temporaryFolder,
  testConfig,
  testMachine,
} from './support.ts'

const config = { ...testConfig, segmentBytes: 600, indexIntervalBytes: 120 }
const uncommitted = { isolation: 'readUncommitted', minOneBatch: true } as const

interface Written {
  readonly folder: string
  readonly directory: string
  /** First offsets of all batches, and the end. */
  readonly boundaries: number[]
  readonly rows: ReadRow[]
}

/** Five segments or so; the process dies, what it wrote is all there. */
function written(): Written {
  const folder = temporaryFolder()
  const log = openLog(testMachine(), folder, { config })
  const boundaries = [0]
  for (let index = 0; index < 16; index++) {
    log.append(batchOf([`a${index}`.padEnd(20 + index * 5), `b${index}`]), client)
    boundaries.push(log.endOffset)
  }
  const rows = readAll(log)
  return { folder, directory: join(folder, 't-0'), boundaries, rows }
}

function logsIn(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.log'))
    .sort()
}

function reopen(from: Written, recoveryPoint = 0, leaderEpoch = 2): PartitionLog {
  return openLog(testMachine(), from.folder, { config, recoveryPoint, leaderEpoch })
}

async function expectPrefix(from: Written, log: PartitionLog): Promise<void> {
  const rows = readAll(log)
  expect(rows).to.deep.equal(from.rows.slice(0, rows.length))
  expect(log.endOffset).to.equal(rows.length)
  await log.close()
}

describe('recovery', () => {
  afterEach(removeTemporaryFolders)

  it('cuts a torn tail at the last whole batch, wherever it was torn, and goes on from there', async () => {
    const first = written()
    const sizes = logsIn(first.directory).map(
      (name) => [name, readFileSync(join(first.directory, name)).length] as const,
    )
    for (const [number, [name, size]] of sizes.entries()) {
      for (let cut = 0; cut < size; cut += 83) {
        const one = written()
        truncateSync(join(one.directory, name), cut)
        const log = reopen(one)
        const rows = readAll(log)
        expect(rows).to.deep.equal(one.rows.slice(0, rows.length))
        expect(one.boundaries).to.include(log.endOffset)
        expect(rows.length).to.equal(log.endOffset)
        expect(logsIn(one.directory).length).to.equal(number + 1)
        log.append(batchOf(['after']), client)
        expect(readAll(log).at(-1)).to.deep.equal({ offset: rows.length, value: 'after' })
        await log.close()
        const again = reopen(one, log.endOffset, 3)
        expect(readAll(again).length).to.equal(rows.length + 1)
        await again.close()
        removeTemporaryFolders()
      }
    }
  })

  it('keeps a prefix of whole batches when any byte above the recovery point is damaged', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1_000_000), fc.integer({ min: 1, max: 255 }), async (place, flip) => {
        const one = written()
        const names = logsIn(one.directory)
        const path = join(one.directory, names[place % names.length]!)
        const bytes = readFileSync(path)
        const at = Math.floor(place / names.length) % bytes.length
        bytes[at] = bytes[at]! ^ flip
        writeFileSync(path, bytes)
        let log: PartitionLog | null = null
        const error = errorOf(() => {
          log = reopen(one)
        })
        // No checksum covers the epoch of a batch: a sound batch with one that was never given out is not cut.
        if (error !== null) expect(error.message).to.match(/LOG_CORRUPT.* a sound batch there was written in life/)
        else await expectPrefix(one, log!)
        removeTemporaryFolders()
      }),
      { numRuns: 60 },
    )
  })

  it('says LOG_CORRUPT with file and offset for any damaged byte below the recovery point, and serves what stands before it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1_000_000), fc.integer({ min: 1, max: 255 }), async (place, flip) => {
        const one = written()
        const closing = reopen(one)
        await closing.close()
        const names = logsIn(one.directory)
        const name = names[place % names.length]!
        const bytes = readFileSync(join(one.directory, name))
        const at = Math.floor(place / names.length) % bytes.length
        bytes[at] = bytes[at]! ^ flip
        writeFileSync(join(one.directory, name), bytes)
        let log: PartitionLog | null = null
        let next = 0
        const error = errorOf(() => {
          log = reopen(one, one.rows.length, 3)
          while (next < one.rows.length) {
            const rows = rowsOf(log.read(next, 200, uncommitted).records).filter((row) => row.offset >= next)
            expect(rows).to.deep.equal(one.rows.slice(next, next + rows.length))
            next += rows.length
          }
        })
        expect(error?.code).to.equal('LOG_CORRUPT')
        expect(error?.message).to.include(name)
        expect(error?.message).to.match(/offset \d+/)
        await (log as PartitionLog | null)?.close()
        removeTemporaryFolders()
      }),
      { numRuns: 60 },
    )
  })

  it('opens no partition whose synced end is missing', () => {
    const one = written()
    truncateSync(join(one.directory, logsIn(one.directory).at(-1)!), 10)
    expect(errorOf(() => reopen(one, one.rows.length))?.code).to.equal('LOG_CORRUPT')
    for (const name of logsIn(one.directory)) rmSync(join(one.directory, name))
    expect(errorOf(() => reopen(one, one.rows.length))?.code).to.equal('LOG_CORRUPT')
  })

  it('rebuilds indexes that are missing, short, or full of other bytes', async () => {
    const damages: ((path: string) => void)[] = [
      (path) => rmSync(path),
      (path) => truncateSync(path, Math.floor(readFileSync(path).length / 2)),
      (path) => writeFileSync(path, Buffer.alloc(readFileSync(path).length)),
      (path) => writeFileSync(path, Buffer.alloc(readFileSync(path).length, 0xff)),
      (path) => {
        const bytes = readFileSync(path)
        if (bytes.length > 4) bytes[bytes.length - 5] = bytes[bytes.length - 5]! ^ 1
        writeFileSync(path, bytes)
      },
    ]
    for (const ending of ['.index', '.timeindex']) {
      for (const damage of damages) {
        for (const recoveryPoint of [0, 32]) {
          const one = written()
          const closing = reopen(one)
          await closing.close()
          for (const name of readdirSync(one.directory)) if (name.endsWith(ending)) damage(join(one.directory, name))
          const log = reopen(one, recoveryPoint, 3)
          for (let offset = 31; offset >= 0; offset--) {
            const rows = rowsOf(log.read(offset, 10, uncommitted).records)
            expect(rows.some((row) => row.offset === offset && row.value === one.rows[offset]!.value)).to.equal(true)
          }
          expect(log.offsetForTimestamp(0)?.offset).to.equal(0)
          await log.close()
          removeTemporaryFolders()
        }
      }
    }
  })

  it('believes no batch of an older life that stands behind the tail of a newer one', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 't-0', `${'0'.repeat(20)}.log`)
    const first = openLog(testMachine(), folder)
    first.append(batchOf(['one']), client)
    first.append(batchOf(['two']), client)
    const before = readFileSync(path)
    // A power cut takes the first batch and leaves the second; the next life cuts, writes one batch of the same length,
    // and a second power cut brings the old second batch back, because the cut was never synced.
    writeFileSync(path, Buffer.concat([Buffer.alloc(before.length / 2), before.subarray(before.length / 2)]))
    const second = openLog(testMachine(), folder, { leaderEpoch: 2 })
    expect(second.endOffset).to.equal(0)
    second.append(batchOf(['new']), client)
    writeFileSync(
      path,
      Buffer.concat([readFileSync(path).subarray(0, before.length / 2), before.subarray(before.length / 2)]),
    )
    const third = openLog(testMachine(), folder, { leaderEpoch: 3 })
    expect(readAll(third).map((row) => row.value)).to.deep.equal(['new'])
    await third.close()
  })

  it('believes no snapshot above the recovery point after an unclean stop', async () => {
    const folder = temporaryFolder()
    const first = openLog(testMachine(), folder)
    const header = { producerId: 4, producerEpoch: 0, baseSequence: 0, transactional: true }
    first.append(batchOf(['lost'], header), client)
    await first.checkpoint()
    expect(existsSync(join(folder, 't-0', `${'1'.padStart(20, '0')}.snapshot`))).to.equal(true)
    truncateSync(join(folder, 't-0', `${'0'.repeat(20)}.log`), 0)
    // The power went before the checkpoint was whole.
    rmSync(join(folder, 't-0', 'segment-checkpoint'))
    const second = openLog(testMachine(), folder, { leaderEpoch: 2 })
    second.append(batchOf(['other']), client)
    expect([second.lastStableOffset, second.endOffset]).to.deep.equal([1, 1])
    await second.close()
  })

  it('falls back to an older snapshot, or to the batches, when the newest is damaged', async () => {
    for (const damaged of [1, 2]) {
      const folder = temporaryFolder()
      const machine = testMachine()
      const header = { producerId: 4, producerEpoch: 0, baseSequence: 0, transactional: true }
      let log = openLog(machine, folder)
      log.append(batchOf(['a'], header), client)
      await log.close()
      log = openLog(machine, folder, { leaderEpoch: 2, cleanShutdown: true, recoveryPoint: 1 })
      log.append(batchOf(['b'], { ...header, baseSequence: 1 }), client)
      await log.close()
      const snapshots = readdirSync(join(folder, 't-0'))
        .filter((name) => name.endsWith('.snapshot'))
        .sort()
      expect(snapshots.length).to.equal(2)
      for (const name of snapshots.slice(-damaged)) writeFileSync(join(folder, 't-0', name), 'damaged')
      log = openLog(machine, folder, { leaderEpoch: 3, cleanShutdown: true, recoveryPoint: 2 })
      expect(log.lastStableOffset).to.equal(0)
      expect(log.append(batchOf(['b'], { ...header, baseSequence: 1 }), client).duplicate).to.equal(true)
      await log.close()
    }
  })

  it('keeps the aborted transactions of synced segments, also when their index is damaged', async () => {
    const folder = temporaryFolder()
    const machine = testMachine()
    let log = openLog(machine, folder, { config: { ...config, segmentBytes: 200 } })
    log.append(batchOf(['a'], { producerId: 1, producerEpoch: 0, baseSequence: 0, transactional: true }), client)
    log.appendControl(encodeControlBatch('abort', 1, 0, 0, 0), 0)
    log.append(batchOf(['x'.repeat(200)]), client)
    await log.close()
    const read = (): unknown => log.read(0, 1000, { isolation: 'readCommitted', minOneBatch: true }).abortedTransactions
    log = openLog(machine, folder, { leaderEpoch: 2, recoveryPoint: 3 })
    expect(read()).to.deep.equal([{ producerId: 1, firstOffset: 0 }])
    await log.close()
    truncateSync(join(folder, 't-0', `${'0'.repeat(20)}.txnindex`), 20)
    log = openLog(machine, folder, { leaderEpoch: 3, recoveryPoint: 3 })
    expect(read()).to.deep.equal([{ producerId: 1, firstOffset: 0 }])
    await log.close()
  })

  it('keeps a log in one piece when a segment in its middle does not follow', async () => {
    const one = written()
    const names = logsIn(one.directory)
    rmSync(join(one.directory, names[2]!))
    const log = reopen(one)
    expect(log.endOffset).to.equal(Number(names[2]!.slice(0, 20)))
    expect(logsIn(one.directory)).to.deep.equal(names.slice(0, 2))
    await log.close()
  })

  it('does not take a batch with a changed offset for another record', () => {
    const one = written()
    const path = join(one.directory, logsIn(one.directory)[0]!)
    const bytes = readFileSync(path)
    patchOffset(bytes, 0, 1, 1)
    writeFileSync(path, bytes)
    expect(errorOf(() => reopen(one, one.rows.length).read(0, 100, uncommitted))?.code).to.equal('LOG_CORRUPT')
  })
})
