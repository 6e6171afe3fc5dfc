import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { crc32c } from '../../src/base/crc.ts'
import { StreamError } from '../../src/base/errors.ts'
import type { AbortedTransaction } from '../../src/log/log-config.ts'
import type { PartitionLog } from '../../src/log/partition-log.ts'
import { batchSize } from '../../src/records/batch-format.ts'
import { encodeControlBatch } from '../../src/records/control-record.ts'
import { batchOf, client, errorOf, Folder, flip, readAll, removeTemporaryFolders } from './support.ts'

/** What a read_committed reader is told, batch by batch. */
function abortedIn(log: PartitionLog): (readonly AbortedTransaction[])[] {
  const found: (readonly AbortedTransaction[])[] = []
  for (let offset = 0; offset < log.lastStableOffset; ) {
    const read = log.read(offset, 1, { isolation: 'readCommitted', minOneBatch: true })
    found.push(read.abortedTransactions)
    offset = Number(read.records.readBigInt64BE(0)) + read.records.readInt32BE(23) + 1
  }
  return found
}

/** Two producers whose transactions overlap, across five segments or so; every other one is aborted. */
function writeTransactions(log: PartitionLog): void {
  const sequences = [0, 0]
  for (let index = 0; index < 24; index++) {
    const id = index % 2
    for (const value of ['x', 'y']) {
      const header = { producerId: id, producerEpoch: 0, baseSequence: sequences[id]!++, transactional: true }
      log.append(batchOf([`${value}${index}`], header), client)
    }
    const type = index % 3 === 0 ? 'commit' : 'abort'
    if (index > 0) log.appendControl(encodeControlBatch(type, 1 - id, 0, 0, 0), 0)
  }
  log.appendControl(encodeControlBatch('abort', 1, 0, 0, 0), 0)
}

describe('a lost or damaged .txnindex', () => {
  let folder: Folder
  let wanted: (readonly AbortedTransaction[])[]
  beforeEach(async () => {
    folder = new Folder()
    const log = await folder.open()
    writeTransactions(log)
    wanted = abortedIn(log)
    await folder.close()
    expect(log.segmentCount).to.be.greaterThan(4)
    expect(folder.named('.txnindex').length, 'also the active segment has aborts').to.equal(log.segmentCount)
  })
  afterEach(async () => {
    await folder.close()
    removeTemporaryFolders()
  })

  const damages: Record<string, (path: string) => void> = {
    'that is gone': (path) => rmSync(path),
    'that is empty': (path) => truncateSync(path, 0),
    'that is short by an entry': (path) => truncateSync(path, readFileSync(path).length - 34),
    'with another producer id in it': (path) => flip(path, 9),
    'with another first offset in it': (path) => flip(path, 17),
    'that has an entry too many': (path) => writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(34)])),
  }
  for (const [name, damage] of Object.entries(damages)) {
    it(`${name} is derived from the batches: readers see nothing aborted, and the file is as it was`, async () => {
      const paths = folder.named('.txnindex')
      const before = paths.map((path) => readFileSync(path))
      for (const path of paths) {
        damage(path)
        expect(abortedIn(await folder.open()), path).to.deep.equal(wanted)
        await folder.close()
      }
      for (const path of paths) damage(path)
      expect(abortedIn(await folder.open()), 'all of them').to.deep.equal(wanted)
      await folder.close()
      if (name !== 'that has an entry too many')
        expect(folder.named('.txnindex').map((path) => readFileSync(path))).to.deep.equal(before)
    })
  }

  for (const [name, damage] of Object.entries({
    lost: (path: string) => rmSync(path),
    damaged: (path: string) => flip(path, 12),
  })) {
    it(`is found out also when the segment-checkpoint is ${name} with it`, async () => {
      damage(join(folder.partition, 'segment-checkpoint'))
      for (const path of folder.named('.txnindex')) rmSync(path)
      expect(abortedIn(await folder.open())).to.deep.equal(wanted)
      await folder.close()
      expect(readFileSync(join(folder.partition, 'segment-checkpoint')).length).to.be.greaterThan(10)
      expect(abortedIn(await folder.open())).to.deep.equal(wanted)
    })
  }

  it('is LOG_CORRUPT when the batches that would tell are damaged too', async () => {
    rmSync(folder.named('.txnindex')[2]!)
    flip(folder.named('.log')[1]!, 70)
    const log = await folder.open()
    const at = Number(folder.named('.log')[2]!.slice(-24, -4))
    const error = errorOf(() => log.read(at, 1, { isolation: 'readCommitted', minOneBatch: true }))
    expect(error?.message).to.match(/LOG_CORRUPT.*00000.*\.log is damaged at offset \d+/)
    expect(log.damage).to.equal(error)
    expect(log.read(at, 1, { isolation: 'readUncommitted', minOneBatch: true }).records.length).to.be.greaterThan(0)
  })

  it('is derived no further than a reader needs: damage behind that is told to who gets there', async () => {
    rmSync(join(folder.partition, 'segment-checkpoint'))
    for (const path of folder.named('.txnindex')) rmSync(path)
    flip(folder.named('.log').at(-2)!, 70)
    const log = await folder.open()
    const read = (offset: number): readonly AbortedTransaction[] =>
      log.read(offset, 1, { isolation: 'readCommitted', minOneBatch: true }).abortedTransactions
    expect(read(0)).to.deep.equal(wanted[0])
    expect(errorOf(() => read(log.endOffset - 1))?.code).to.equal('LOG_CORRUPT')
  })

  it('and a newer format of the segment-checkpoint: it is refused', async () => {
    const path = join(folder.partition, 'segment-checkpoint')
    const bytes = readFileSync(path)
    bytes.writeInt16BE(2, 4)
    bytes.writeUInt32BE(crc32c(bytes, 4, bytes.length), 0)
    writeFileSync(path, bytes)
    const error = await folder.open().catch((refusal: unknown) => refusal)
    expect(StreamError.is(error, 'LOG_FORMAT_NEWER')).to.equal(true)
  })

  it('does not grow wrong when appends go on after it was lost, with and without a clean stop', async () => {
    for (const clean of [true, false]) {
      for (const path of folder.named('.txnindex')) rmSync(path)
      const log = await folder.open()
      const header = { producerId: 9, producerEpoch: 0, baseSequence: -1, transactional: true }
      log.append(batchOf(['z'], header), { origin: 'coordinator' })
      log.appendControl(encodeControlBatch('abort', 9, 0, 0, 0), 0)
      const { startOffset } = log
      expect(startOffset).to.equal(0)
      if (clean) await folder.close()
      const expected = [...wanted, [{ producerId: 9, firstOffset: log.endOffset - 2 }]]
      const again = clean ? await folder.open() : log
      const found = abortedIn(again)
      expect(found.slice(0, wanted.length)).to.deep.equal(wanted)
      expect(found[wanted.length]).to.deep.equal(expected.at(-1))
      wanted = found
      await folder.close()
    }
  })
})

/** Where the last batch of a file begins. */
function lastBatchAt(path: string): number {
  const bytes = readFileSync(path)
  let at = 0
  for (let next = 0; next < bytes.length; next += batchSize(bytes, next)) at = next
  return at
}

describe('a lost or shortened .log', () => {
  let folder: Folder
  beforeEach(async () => {
    folder = new Folder()
    const log = await folder.open()
    for (let index = 0; index < 40; index++)
      log.append(batchOf([{ value: `v${index}`.padEnd(40), timestampMs: index }]), client)
    await folder.close()
    expect(folder.named('.log').length).to.be.greaterThan(3)
  })
  afterEach(async () => {
    await folder.close()
    removeTemporaryFolders()
  })

  const damages: Record<string, (path: string) => void> = {
    'in the middle that is gone': (path) => rmSync(path),
    'that ends at an earlier batch': (path) => truncateSync(path, lastBatchAt(path)),
    'that is empty': (path) => truncateSync(path, 0),
  }
  for (const [name, damage] of Object.entries(damages)) {
    it(`${name} is told at open, naming the file`, async () => {
      const path = folder.named('.log')[1]!
      damage(path)
      const error = await folder.open().catch((refusal: unknown) => refusal as StreamError)
      expect(StreamError.is(error, 'LOG_CORRUPT')).to.equal(true)
      expect((error as StreamError).message).to.contain(path)
    })

    it(`${name} is told to whoever comes there, when no segment-checkpoint tells it`, async () => {
      const paths = folder.named('.log')
      damage(paths[1]!)
      rmSync(join(folder.partition, 'segment-checkpoint'))
      const log = await folder.open()
      const error = errorOf(() => readAll(log))
      expect(error?.code).to.equal('LOG_CORRUPT')
      expect(error?.message).to.match(/\.log is damaged at offset \d+/)
      expect(log.damage).to.equal(error)
      const times = [...Array(40).keys()].map((timestampMs) => errorOf(() => log.offsetForTimestamp(timestampMs))?.code)
      expect(times, 'of no time it is said that there is nothing').to.contain('LOG_CORRUPT')
      const end = log.endOffset
      expect(log.deleteRecordsBefore(Number(paths[2]!.slice(-24, -4)))).to.be.lessThan(end)
      expect(log.damage).to.equal(null)
      expect(readAll(log).at(-1)?.offset).to.equal(end - 1)
    })
  }

  it('that grew when it was lost is named too', async () => {
    const path = folder.named('.log').at(-1)!
    rmSync(path)
    const error = await folder.open().catch((refusal: unknown) => refusal as StreamError)
    expect((error as StreamError).message).to.contain(`${path} is missing`)
  })

  it('is no reason to complain when all was deleted, and the next segment began right there', async () => {
    const log = await folder.open()
    log.deleteRecordsBefore(log.endOffset)
    await folder.checkpoint()
    for (let index = 0; index < 12; index++) log.append(batchOf(['w'.repeat(100)]), client)
    log.deleteRecordsBefore(log.endOffset)
    await folder.checkpoint()
    await folder.close()
    expect((await folder.open()).startOffset).to.equal(52)
  })

  it('is no reason to complain of files that deleted records left', async () => {
    const log = await folder.open()
    log.deleteRecordsBefore(Number(folder.named('.log')[2]!.slice(-24, -4)) + 1)
    await folder.checkpoint()
    await folder.close()
    expect(readAll(await folder.open()).length).to.be.greaterThan(0)
  })
})

describe('a .timeindex whose last entry was not synced before a power cut', () => {
  afterEach(removeTemporaryFolders)

  it('is derived anew: the partition rolls, closes and finds timestamps', async () => {
    const folder = new Folder()
    const log = await folder.open()
    log.append(batchOf([{ value: 'a', timestampMs: 50 }]), client)
    await folder.close()
    // The size survived, the bytes did not.
    writeFileSync(folder.named('.timeindex')[0]!, Buffer.alloc(12))
    const again = await folder.open()
    for (let index = 0; index < 12; index++) {
      again.append(batchOf([{ value: 'x'.repeat(100), timestampMs: 20 + index }]), client)
    }
    expect(again.segmentCount).to.be.greaterThan(1)
    expect(again.offsetForTimestamp(50)?.offset).to.equal(0)
    await folder.close()
    expect((await folder.open()).offsetForTimestamp(50)?.offset).to.equal(0)
    await folder.close()
  })
})

describe('a log directory without log-directory.json', () => {
  afterEach(removeTemporaryFolders)

  it('is refused while partitions lie in it, and nothing of them is touched', async () => {
    const folder = new Folder()
    const log = await folder.open()
    log.append(batchOf(['a']), client)
    await folder.close()
    rmSync(join(folder.directory, 'log-directory.json'))
    const before = readFileSync(folder.named('.log')[0]!)
    const error = await folder.open().catch((refusal: unknown) => refusal)
    expect(StreamError.is(error, 'LOG_CORRUPT')).to.equal(true)
    expect((error as StreamError).message).to.contain('log-directory.json')
    expect(readFileSync(folder.named('.log')[0]!)).to.deep.equal(before)
  })
})
