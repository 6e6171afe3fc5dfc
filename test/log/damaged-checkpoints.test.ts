import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { StreamError } from '../../src/base/errors.ts'
import type { PartitionLog } from '../../src/log/partition-log.ts'
import { batchOf, client, errorOf, Folder, flip, readAll, removeTemporaryFolders } from './support.ts'

/** Timestamps that rise, with two that stand out: at 10 and at 33. */
const timestamps = Array.from({ length: 40 }, (_, index) => (index === 10 ? 9000 : index === 33 ? 9500 : 1000 + index))

function write(log: PartitionLog, from: number, to: number): void {
  for (const timestampMs of timestamps.slice(from, to))
    log.append(batchOf([{ value: `${timestampMs}`.padEnd(100), timestampMs }]), client)
}

/** For some timestamps the first offset that has it, or a later one. */
function timesOf(log: PartitionLog): (number | undefined)[] {
  return [0, 1000, 1005, 1012, 8999, 9001, 9501].map((timestampMs) => log.offsetForTimestamp(timestampMs)?.offset)
}

const rightTimes = [0, 0, 5, 10, 10, 33, undefined]

function replaceIn(path: string, from: string, to: string): void {
  const text = readFileSync(path, 'utf8')
  expect(text).to.contain(from)
  writeFileSync(path, text.replace(from, to))
}

async function refusal(opening: Promise<unknown>): Promise<StreamError> {
  return opening.then(
    () => expect.fail('it was opened'),
    (error: StreamError) => error,
  )
}

describe('a damaged .timeindex or .index', () => {
  afterEach(removeTemporaryFolders)

  const damages: Record<string, (path: string, entryBytes: number) => void> = {
    'that is gone': (path) => rmSync(path),
    'that is empty': (path) => writeFileSync(path, ''),
    'that is short by an entry': (path, entryBytes) => truncateSync(path, readFileSync(path).length - entryBytes),
    'that is short by a byte': (path) => truncateSync(path, readFileSync(path).length - 1),
    'with a bit flipped in its last entry': (path) => flip(path, readFileSync(path).length - 1),
    'with a bit flipped in its first entry': (path) => flip(path, 2),
  }
  for (const [name, damage] of Object.entries(damages)) {
    for (const stop of ['a clean stop', 'a death', 'a death after a checkpoint']) {
      it(`${name} after ${stop} is derived anew: every timestamp is found where it is`, async () => {
        const folder = new Folder()
        const log = await folder.open()
        write(log, 0, 34)
        if (stop !== 'a death') await folder.checkpoint()
        write(log, 34, 40)
        expect(timesOf(log)).to.deep.equal(rightTimes)
        if (stop === 'a clean stop') await folder.close()
        else folder.kill()
        const paths = [...folder.named('.timeindex'), ...folder.named('.index')]
        const full = paths.filter((path) => readFileSync(path).length > 0)
        expect(full.length).to.be.greaterThan(stop === 'a death' ? 4 : 6)
        for (const path of full) {
          damage(path, path.endsWith('.index') ? 8 : 12)
          const again = await folder.open()
          expect(timesOf(again), path).to.deep.equal(rightTimes)
          expect(readAll(again).length).to.equal(40)
          await folder.close()
        }
        // One that was derived with another interval may have no entry.
        for (const path of full.filter((one) => existsSync(one) && readFileSync(one).length > 0))
          damage(path, path.endsWith('.index') ? 8 : 12)
        expect(timesOf(await folder.open()), 'all of them').to.deep.equal(rightTimes)
        await folder.close()
        expect(timesOf(await folder.open()), 'and afterwards').to.deep.equal(rightTimes)
        await folder.close()
      })
    }
  }

  it('is found out also when the segment-checkpoint is lost with it', async () => {
    const folder = new Folder()
    write(await folder.open(), 0, 40)
    await folder.close()
    rmSync(join(folder.partition, 'segment-checkpoint'))
    for (const path of folder.named('.timeindex')) rmSync(path)
    expect(timesOf(await folder.open())).to.deep.equal(rightTimes)
    await folder.close()
    const kept = folder.named('.timeindex').map((path) => readFileSync(path))
    expect(timesOf(await folder.open())).to.deep.equal(rightTimes)
    await folder.close()
    expect(folder.named('.timeindex').map((path) => readFileSync(path))).to.deep.equal(kept)
  })
})

describe('a damaged checkpoint of offsets', () => {
  let folder: Folder
  let starts: string
  let points: string
  beforeEach(async () => {
    folder = new Folder()
    starts = join(folder.directory, 'log-start-offset-checkpoint')
    points = join(folder.directory, 'recovery-point-offset-checkpoint')
    const log = await folder.open()
    write(log, 0, 40)
    log.deleteRecordsBefore(17)
    await folder.close()
    expect(readFileSync(starts, 'utf8')).to.equal('0\n1\nt 0 17\n')
    expect(readFileSync(points, 'utf8')).to.equal('0\n1\nt 0 40\n')
  })
  afterEach(async () => {
    await folder.close()
    removeTemporaryFolders()
  })

  for (const [file, from, to] of [
    ['starts', 't 0 17', 't 0 37'],
    ['starts', 't 0 17', 't 0 177'],
    ['points', 't 0 40', 't 0 41'],
    ['points', 't 0 40', 't 0 140'],
  ] as const) {
    it(`that says ${to} for ${from} of the ${file} is named, and no file is touched`, async () => {
      const path = file === 'starts' ? starts : points
      const before = readdirSync(folder.partition)
      replaceIn(path, from, to)
      const error = await refusal(folder.open())
      expect(error.code).to.equal('LOG_CORRUPT')
      expect(error.message).to.contain(file === 'starts' ? 'log-start-offset' : 'recovery-point-offset')
      expect(error.message).not.to.contain('.log is damaged')
      expect(readdirSync(folder.partition)).to.deep.equal(before)
      await folder.close()
      replaceIn(path, to, from)
      expect((await folder.open()).startOffset).to.equal(17)
    })
  }

  for (const [file, from, to] of [
    ['starts', 't 0 17', 't 0 15'],
    ['starts', 't 0 17', 't 0 0'],
    ['starts', 't 0 17', 'u 0 17'],
    ['points', 't 0 40', 't 0 4'],
    ['points', 't 0 40', 't 1 40'],
  ] as const) {
    it(`that says ${to} for ${from} of the ${file} changes nothing: the segment-checkpoint knows`, async () => {
      const path = file === 'starts' ? starts : points
      replaceIn(path, from, to)
      const log = await folder.open()
      expect([log.startOffset, log.endOffset]).to.deep.equal([17, 40])
      expect(log.lastCheckpoint).to.deep.equal({ startOffset: 17, recoveryPoint: 40 })
      write(log, 0, 1)
      await folder.close()
      expect(readFileSync(path, 'utf8')).to.contain(file === 'starts' ? 't 0 17\n' : 't 0 41\n')
    })
  }

  for (const word of ['0x6', '-1', '1e1', ' 40', '040', '']) {
    it(`with the offset '${word}' is LOG_CORRUPT, naming the file`, async () => {
      for (const path of [starts, points]) {
        const before = readFileSync(path, 'utf8')
        writeFileSync(path, before.replace(/\d+\n$/, `${word}\n`))
        const error = await refusal(folder.open())
        expect(error.code).to.equal('LOG_CORRUPT')
        expect(error.message).to.contain(path)
        writeFileSync(path, before)
      }
    })
  }

  it('does not mislead who has lost the segment-checkpoint only', async () => {
    flip(join(folder.partition, 'segment-checkpoint'), 5)
    const log = await folder.open()
    expect([log.startOffset, log.endOffset]).to.deep.equal([17, 40])
    expect(log.checkpointDue, 'it is written anew').to.equal(true)
  })
})

describe('a lost or damaged leader-epoch-checkpoint', () => {
  let folder: Folder
  let path: string
  beforeEach(async () => {
    folder = new Folder()
    path = join(folder.partition, 'leader-epoch-checkpoint')
    for (let life = 0; life < 4; life++) {
      write(await folder.open(), 0, 10)
      await folder.close()
    }
    expect(readFileSync(path, 'utf8')).to.equal('0\n4\n1 0\n2 10\n3 20\n4 30\n')
  })
  afterEach(async () => {
    await folder.close()
    removeTemporaryFolders()
  })

  const damages: Record<string, () => void> = {
    'that is gone': () => rmSync(path),
    'that is empty': () => truncateSync(path, 0),
    'that is no list': () => writeFileSync(path, 'garbage'),
    'with an epoch that is not yet': () => replaceIn(path, '1 0', '9 0'),
    'with an offset that is none': () => replaceIn(path, '2 10', '2 0x'),
    'with an epoch that steps back': () => replaceIn(path, '3 20', '1 20'),
    'with another offset': () => replaceIn(path, '2 10', '2 17'),
  }
  for (const [name, damage] of Object.entries(damages)) {
    it(`${name} is written anew, and all is served`, async () => {
      const before = readFileSync(path)
      damage()
      const log = await folder.open()
      expect([1, 2, 3, 4].map((epoch) => log.endOffsetForEpoch(epoch).endOffset)).to.deep.equal([10, 20, 30, 40])
      expect(readAll(log).length).to.equal(40)
      await folder.close()
      expect(readFileSync(path)).to.deep.equal(before)
    })

    // What is plausible cannot be told from what is right without the segment-checkpoint.
    if (name === 'with another offset') continue
    it(`${name} is derived from the batches when the segment-checkpoint is lost too`, async () => {
      const before = readFileSync(path)
      damage()
      rmSync(join(folder.partition, 'segment-checkpoint'))
      const log = await folder.open()
      expect([1, 2, 3, 4].map((epoch) => log.endOffsetForEpoch(epoch).endOffset)).to.deep.equal([10, 20, 30, 40])
      await folder.close()
      expect(readFileSync(path)).to.deep.equal(before)
    })
  }
})

describe('the last .log, lost after a death', () => {
  afterEach(removeTemporaryFolders)

  for (const checkpointed of [false, true]) {
    for (const [name, damage] of Object.entries({
      missing: (path: string) => rmSync(path),
      empty: (path: string) => truncateSync(path, 0),
    })) {
      it(`is told when it is ${name}${checkpointed ? ', also above a checkpoint' : ''}: bytes of it were synced`, async () => {
        const folder = new Folder()
        const log = await folder.open()
        write(log, 0, 10)
        if (checkpointed) await folder.checkpoint()
        write(log, 10, 40)
        await log.sync()
        folder.kill()
        const path = folder.named('.log').at(-1)!
        damage(path)
        const again = await folder.open()
        expect(again.tailCut).to.include({ offset: again.endOffset, bytes: 0 })
        expect(`${again.tailCut?.path} ${again.tailCut?.problem}`).to.contain(path)
        expect(readAll(again).length).to.equal(again.endOffset)
        folder.kill()
        expect((await folder.open()).tailCut, 'once').to.equal(null)
        await folder.close()
      })
    }
  }

  it('is no reason to complain when nothing was ever in it', async () => {
    const folder = new Folder()
    await folder.open()
    await folder.checkpoint()
    folder.kill()
    expect((await folder.open()).tailCut).to.equal(null)
    await folder.close()
  })

  it('tells of all that is taken when it was the first one of several', async () => {
    const folder = new Folder()
    const log = await folder.open()
    write(log, 0, 40)
    await log.sync()
    folder.kill()
    const [first, ...others] = folder.named('.log')
    const bytes = others.reduce((sum, path) => sum + readFileSync(path).length, 0)
    rmSync(first!)
    const again = await folder.open()
    expect(again.tailCut).to.deep.equal({ path: first, offset: 0, bytes, problem: 'the file was missing' })
    expect(errorOf(() => readAll(again))).to.equal(null)
    await folder.close()
  })
})
