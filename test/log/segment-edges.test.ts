import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { StreamError } from '../../src/base/errors.ts'
import type { PartitionLog } from '../../src/log/partition-log.ts'
import { batchSize, patchOffset } from '../../src/records/batch-format.ts'
import {
  batchOf,
  client,
  openLog,
  removeTemporaryFolders,
  rowsOf,
  temporaryFolder,
  testConfig,
  testMachine,
} from './support.ts'

const name = `${'0'.repeat(20)}.log`

/** A log whose batches begin at these offsets, two records each, as compaction leaves them; all of it synced. */
function compacted(...bases: number[]): { log: PartitionLog; path: string; open: () => PartitionLog } {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 't-0'))
  const path = join(folder, 't-0', name)
  const batches = bases.map((base) => {
    const batch = batchOf([
      { key: 'k', value: `v${base}` },
      { key: 'k', value: `v${base + 1}` },
    ])
    patchOffset(batch, 0, base, 1)
    return batch
  })
  writeFileSync(path, Buffer.concat(batches))
  let leaderEpoch = 2
  const recoveryPoint = bases.length === 0 ? 0 : bases.at(-1)! + 2
  const config = { ...testConfig, compacted: true, indexIntervalBytes: 100 }
  const open = (): PartitionLog => openLog(testMachine(), folder, { config, recoveryPoint, leaderEpoch: leaderEpoch++ })
  return { log: open(), path, open }
}

function offsetsFrom(log: PartitionLog, offset: number, maxBytes = 1): number[] {
  return rowsOf(log.read(offset, maxBytes, { isolation: 'readUncommitted', minOneBatch: true }).records).map(
    (row) => row.offset,
  )
}

describe('reading a segment', () => {
  afterEach(removeTemporaryFolders)

  it('gives nothing when it is empty', () => {
    const { log } = compacted()
    expect(offsetsFrom(log, 0)).to.deep.equal([])
    expect(log.offsetForTimestamp(0)).to.equal(null)
  })

  it('starts at the first batch when asked for an offset before it', () => {
    expect(offsetsFrom(compacted(10, 20).log, 3)).to.deep.equal([10, 11])
  })

  it('gives nothing at its end, and refuses what lies behind', () => {
    const { log } = compacted(0, 2)
    expect(offsetsFrom(log, 4)).to.deep.equal([])
    expect(() => offsetsFrom(log, 5)).to.throw(StreamError, 'LOG_OFFSET_OUT_OF_RANGE')
  })

  it('starts at the next batch when asked for an offset in a gap, and at the batch that holds it otherwise', () => {
    const { log } = compacted(0, 10, 20, 30)
    expect(offsetsFrom(log, 5)).to.deep.equal([10, 11])
    expect(offsetsFrom(log, 21)).to.deep.equal([20, 21])
    expect(offsetsFrom(log, 12, 10_000)).to.deep.equal([20, 21, 30, 31])
    expect(offsetsFrom(log, 12, 10_000), 'again, where a reader stopped').to.deep.equal([20, 21, 30, 31])
  })

  it('says where a file was shortened that was whole', () => {
    const { log, path } = compacted(0, 10, 20)
    const bytes = readFileSync(path)
    writeFileSync(path, bytes.subarray(0, bytes.length - 9))
    expect(offsetsFrom(log, 0)).to.deep.equal([0, 1])
    expect(() => offsetsFrom(log, 15)).to.throw(StreamError, 'LOG_CORRUPT')
  })

  it('reads through an index that points into the middle of batches', async () => {
    const { log, path, open } = compacted(0, 10, 20, 30, 40, 50)
    await log.close()
    const index = path.replace('.log', '.index')
    const bytes = readFileSync(index)
    expect(bytes.length).to.be.greaterThan(8)
    for (let at = 4; at < bytes.length; at += 8) bytes.writeInt32BE(bytes.readInt32BE(at) + 3, at)
    writeFileSync(index, bytes)
    expect(offsetsFrom(open(), 33)).to.deep.equal([40, 41])
  })

  for (const isCompacted of [false, true]) {
    const topic = isCompacted ? 'a compacted topic' : 'an ordinary topic'
    it(`says LOG_CORRUPT to who goes on where he stopped, at a batch that says it lies behind the end, in ${topic}`, () => {
      const folder = temporaryFolder()
      const log = openLog(testMachine(), folder, { config: { ...testConfig, compacted: isCompacted } })
      for (const value of ['a', 'b', 'c']) log.append(batchOf([{ key: 'k', value }]), client)
      expect(offsetsFrom(log, 0)).to.deep.equal([0])
      const path = join(folder, 't-0', `${'0'.repeat(20)}.log`)
      const bytes = readFileSync(path)
      bytes.writeUInt8(1, batchSize(bytes, 0) + 5)
      writeFileSync(path, bytes)
      expect(() => offsetsFrom(log, 1)).to.throw(StreamError, 'LOG_CORRUPT')
    })
  }

  it('says LOG_CORRUPT at open when a damaged message stands between the last index entry and the recovery point', () => {
    const { path, open } = compacted(0, 10, 20)
    const bytes = readFileSync(path)
    const second = batchSize(bytes, 0)
    bytes[second + 70] = bytes[second + 70]! ^ 1
    writeFileSync(path, bytes)
    expect(open).to.throw(StreamError, 'LOG_CORRUPT')
  })
})
