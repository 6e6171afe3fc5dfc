import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { expect } from 'chai'
import type { StreamError } from '../../src/base/errors.ts'
import type { LogConfig } from '../../src/log/log-config.ts'
import type { PartitionLog } from '../../src/log/partition-log.ts'
import { batchSize } from '../../src/records/batch-format.ts'
import { batchOf, client, errorOf, Folder, readAll, removeTemporaryFolders, rowsOf, smallSegments } from './support.ts'

const count = 28

/** Batches of one record each, one a millisecond, of a producer whose epoch rises; into five segments or so. */
function write(log: PartitionLog, from: number, to: number): void {
  for (let index = from; index < to; index++) {
    const header = { producerId: 7, producerEpoch: index, baseSequence: 0, transactional: false }
    log.append(batchOf([{ key: 'k', value: `v${index}`.padEnd(40), timestampMs: index }], header), client)
  }
}

/** Where the batches of a file begin. */
function batchesOf(path: string): number[] {
  const bytes = readFileSync(path)
  const found: number[] = []
  for (let at = 0; at < bytes.length; at += batchSize(bytes, at)) found.push(at)
  return found
}

function change(path: string, at: number, mask: number): void {
  const bytes = readFileSync(path)
  bytes[at] = bytes[at]! ^ mask
  writeFileSync(path, bytes)
}

/** Every time is answered with its record, or with LOG_CORRUPT naming the file; how often the latter. */
function refusals(log: PartitionLog, path: string): number {
  let refused = 0
  for (let time = 0; time < count; time++) {
    const error = errorOf(() => expect(log.offsetForTimestamp(time)?.offset, `time ${time}`).to.equal(time))
    if (error === null) continue
    expect(error.message).to.match(/LOG_CORRUPT.* is damaged at offset \d+/)
    expect(error.message).to.contain(path)
    refused++
  }
  return refused
}

/** Byte of a batch header that no CRC covers, and the bits that are flipped in it. */
const flips: readonly (readonly [string, number, number])[] = [
  ['that says a later offset in its segment', 7, 0x02],
  ['that says an offset behind the log', 7, 0x40],
  ['that says an offset far behind', 5, 0x01],
  ['that says its neighbour’s offset', 7, 0x01],
  ['of another life', 15, 0x02],
]

describe('a synced batch', () => {
  let folder: Folder
  beforeEach(() => {
    folder = new Folder()
  })
  afterEach(async () => {
    await folder.close()
    removeTemporaryFolders()
  })

  async function filled(config: LogConfig = smallSegments): Promise<void> {
    write(await folder.open(config), 0, count)
    await folder.close()
    expect(folder.named('.log').length).to.be.greaterThan(3)
  }

  for (const [name, byte, mask] of flips) {
    it(`${name} is LOG_CORRUPT to who asks for its time, and no time has a wrong answer`, async () => {
      await filled()
      for (const path of [folder.named('.log')[0]!, folder.named('.log')[1]!]) {
        for (const at of batchesOf(path)) {
          change(path, at + byte, mask)
          expect(refusals(await folder.open(), path), `${path} ${at}`).to.be.greaterThan(0)
          await folder.close()
          change(path, at + byte, mask)
          expect(refusals(await folder.open(), path)).to.equal(0)
          await folder.close()
        }
      }
    })

    it(`${name} is that also when the indexes are derived from it, in this life and the next`, async () => {
      await filled()
      const path = folder.named('.log')[1]!
      for (const at of batchesOf(path)) {
        change(path, at + byte, mask)
        for (const part of ['.index', '.timeindex']) rmSync(folder.named(part)[1]!, { force: true })
        for (const life of ['this life', 'the next']) {
          expect(refusals(await folder.open(), path), `${at} ${life}`).to.be.greaterThan(0)
          await folder.close()
        }
        change(path, at + byte, mask)
      }
      const mended = await folder.open()
      expect(refusals(mended, path)).to.equal(0)
      expect(readAll(mended).length).to.equal(count)
    })
  }

  it('whose place is another is read no more when records up to the next one are deleted, as the error advises', async () => {
    await filled()
    const path = folder.named('.log')[0]!
    for (const [offset, at] of batchesOf(path).entries()) {
      for (const [, byte, mask] of flips) {
        change(path, at + byte, mask)
        const log = await folder.open()
        expect(errorOf(() => log.read(offset, 1, { isolation: 'readUncommitted', minOneBatch: true }))).to.not.equal(
          null,
        )
        expect(
          rowsOf(log.read(offset + 1, 1, { isolation: 'readUncommitted', minOneBatch: true }).records)[0]?.offset,
        ).to.equal(offset + 1)
        folder.kill()
        change(path, at + byte, mask)
      }
    }
    change(path, batchesOf(path)[2]! + 7, 0x40)
    const log = await folder.open()
    log.deleteRecordsBefore(3)
    expect(readAll(log).length).to.equal(count - 3)
    for (let time = 0; time < count; time++) expect(log.offsetForTimestamp(time)?.offset).to.equal(Math.max(time, 3))
  })

  it('whose largest timestamp is damaged is not passed over', async () => {
    await filled()
    const path = folder.named('.log')[1]!
    const first = Number(path.slice(-24, -4))
    const at = batchesOf(path)[1]!
    change(path, at + 42, 0x7f & (first + 1))
    expect(refusals(await folder.open(), path)).to.be.greaterThan(0)
  })

  for (const compacted of [false, true]) {
    const config = { ...smallSegments, compacted }
    const topic = compacted ? 'a compacted topic' : 'an ordinary topic'
    for (const [name, byte, mask] of flips.slice(0, -1)) {
      for (const lost of ['all snapshots', 'the newer snapshot']) {
        it(`${name} in ${topic} is told at open when ${lost} must be replaced by batches`, async () => {
          const log = await folder.open(config)
          write(log, 0, 14)
          await folder.checkpoint()
          write(log, 14, count)
          await folder.close()
          for (const path of folder.named('.snapshot').slice(lost === 'all snapshots' ? 0 : 1)) rmSync(path)
          // With the older snapshot the batches of the segment that it cuts in two, and those behind.
          const paths = folder.named('.log').slice(lost === 'all snapshots' ? 0 : 1)
          for (const path of paths) {
            for (const at of batchesOf(path)) {
              change(path, at + byte, mask)
              const error = await folder.open(config).then(
                () => expect.fail(`${path} ${at}: it was opened`),
                (refusal: StreamError) => refusal,
              )
              await folder.close()
              expect(error.code, `${path} ${at}: ${error.message}`).to.equal('LOG_CORRUPT')
              expect(error.message).to.contain(path)
              change(path, at + byte, mask)
            }
          }
          expect(readAll(await folder.open(config)).length).to.equal(count)
        })
      }
    }
  }
})
