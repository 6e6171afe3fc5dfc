import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { StreamError } from '../../src/base/errors.ts'
import type { Machine } from '../../src/base/machine.ts'
import { encodeCheckedJson } from '../../src/log/checked-json.ts'
import { LogDirectory } from '../../src/log/log-directory.ts'
import {
  batchOf,
  client,
  flip,
  readAll,
  removeTemporaryFolders,
  temporaryFolder,
  testConfig,
  testMachine,
} from './support.ts'
import { WatchedFiles } from './watched-files.ts'

const config = { ...testConfig, segmentBytes: 300 }

/** A machine whose disk is another object each time: a life that is dropped without close holds no lock then. */
function mortalMachine(): Machine & { readonly files: WatchedFiles } {
  return { ...testMachine(), files: new WatchedFiles() }
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'none'
  } catch (error) {
    return StreamError.is(error) ? error.code : String(error)
  }
}

describe('LogDirectory', () => {
  afterEach(removeTemporaryFolders)

  it('raises the leader epoch at each start, whatever ended the last', async () => {
    const folder = temporaryFolder()
    const epochs: number[] = []
    const clean: boolean[] = []
    for (const close of [true, false, false, true, true]) {
      const logs = await LogDirectory.open(mortalMachine(), folder)
      epochs.push(logs.leaderEpoch)
      clean.push(logs.cleanShutdown)
      if (close) await logs.close()
    }
    expect(epochs).to.deep.equal([1, 2, 3, 4, 5])
    expect(clean).to.deep.equal([false, true, false, false, true])
  })

  it('brings partitions back after a clean stop and after a death', async () => {
    const folder = temporaryFolder()
    const wanted: string[] = []
    for (const close of [true, false, false, true]) {
      const logs = await LogDirectory.open(mortalMachine(), folder)
      const log = await logs.openPartition('t', 0, { config, topicId: '01234567-89ab-cdef-0123-456789abcdef' })
      expect(readAll(log).map((row) => row.value)).to.deep.equal(wanted)
      for (let index = 0; index < 7; index++) {
        wanted.push(`${logs.leaderEpoch}/${index}`.padEnd(50))
        log.append(batchOf([wanted.at(-1)!]), client)
        if (index === 3) await logs.checkpoint()
      }
      if (close) await logs.close()
    }
    const logs = await LogDirectory.open(mortalMachine(), folder)
    expect(logs.folders()).to.deep.equal([
      { topic: 't', partition: 0, topicId: '01234567-89ab-cdef-0123-456789abcdef' },
    ])
    const log = await logs.openPartition('t', 0, { config })
    expect(readAll(log).length).to.equal(28)
    expect([1, 2, 3, 4].map((epoch) => log.endOffsetForEpoch(epoch).endOffset)).to.deep.equal([7, 14, 21, 28])
    await logs.close()
  })

  it('has a journal from the second small sync on, until it is closed in order or opened again', async () => {
    const folder = temporaryFolder()
    const journals = (): string[] => readdirSync(folder).filter((name) => name.startsWith('journal'))
    for (const close of [true, false, true]) {
      const logs = await LogDirectory.open(mortalMachine(), folder)
      expect(journals()).to.deep.equal([])
      const log = await logs.openPartition('t', 0, {
        config: testConfig,
        topicId: '01234567-89ab-cdef-0123-456789abcdef',
      })
      for (const seen of [[], ['journal.0']]) {
        log.append(batchOf(['x']), client)
        await log.sync()
        expect(journals()).to.deep.equal(seen)
      }
      if (close) await logs.close()
      expect(journals()).to.deep.equal(close ? [] : ['journal.0'])
    }
  })

  it('is refused to a second holder, naming the first', async () => {
    const folder = temporaryFolder()
    const machine = testMachine()
    const logs = await LogDirectory.open(machine, folder)
    let message = ''
    await LogDirectory.open(machine, folder).catch((error: unknown) => {
      message = String(error)
    })
    expect(message).to.include('DATA_DIR_LOCKED').and.include(String(process.pid))
    await logs.close()
    await (await LogDirectory.open(machine, folder)).close()
  })

  it('refuses a folder of a newer format, and one whose mark is damaged in any byte or has no checksum', async () => {
    const folder = temporaryFolder()
    await (await LogDirectory.open(testMachine(), folder)).close()
    const path = join(folder, 'log-directory.json')
    const whole = readFileSync(path)
    writeFileSync(path, encodeCheckedJson({ version: 3, starts: 1, clean: true }))
    expect(await codeOf(LogDirectory.open(testMachine(), folder))).to.equal('LOG_FORMAT_NEWER')
    for (const text of ['not json', '', '{"version":1,"starts":1,"clean":true}']) {
      writeFileSync(path, text)
      expect(await codeOf(LogDirectory.open(testMachine(), folder))).to.equal('LOG_CORRUPT')
    }
    for (let at = 0; at < whole.length; at++) {
      const flipped = Buffer.from(whole)
      flipped[at] = flipped[at]! ^ 1
      writeFileSync(path, flipped)
      expect(await codeOf(LogDirectory.open(testMachine(), folder)), String(at)).to.equal('LOG_CORRUPT')
    }
    expect(readdirSync(folder).filter((name) => name.startsWith('.lock'))).to.deep.equal([])
  })

  it('cuts nothing when the count of starts went back: the partitions are LOG_CORRUPT', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'log-directory.json')
    const segment = join(folder, 't-0', `${'0'.repeat(20)}.log`)
    for (const value of ['a', 'b']) {
      const logs = await LogDirectory.open(mortalMachine(), folder)
      ;(await logs.openPartition('t', 0, { config })).append(batchOf([value]), client)
    }
    const before = readFileSync(segment)
    for (const starts of [0, 1]) {
      writeFileSync(path, encodeCheckedJson({ version: 2, starts, clean: false }))
      const logs = await LogDirectory.open(mortalMachine(), folder)
      const error = await logs.openPartition('t', 0, { config }).catch((refusal: unknown) => refusal as StreamError)
      expect(StreamError.is(error, 'LOG_CORRUPT')).to.equal(true)
      expect((error as StreamError).message).to.match(/\.log .*log-directory\.json/)
      expect(readFileSync(segment)).to.deep.equal(before)
    }
  })

  it('keeps a damaged partition under its error while the others serve', async () => {
    const folder = temporaryFolder()
    let logs = await LogDirectory.open(testMachine(), folder)
    for (const partition of [0, 1])
      (await logs.openPartition('t', partition, { config })).append(batchOf(['a']), client)
    await logs.close()
    truncateSync(join(folder, 't-0', `${'0'.repeat(20)}.log`), 5)
    logs = await LogDirectory.open(testMachine(), folder)
    expect(await codeOf(logs.openPartition('t', 0, { config }))).to.equal('LOG_CORRUPT')
    const sound = await logs.openPartition('t', 1, { config })
    expect(readAll(sound).length).to.equal(1)
    expect(() => logs.partition('t', 0)).to.throw(StreamError, 'LOG_CORRUPT')
    expect(logs.partition('t', 1)).to.equal(sound)
    expect([...logs.offline().keys()]).to.deep.equal(['t-0'])
    await logs.close()
    expect((await LogDirectory.open(testMachine(), folder)).cleanShutdown).to.equal(true)
  })

  it('records by itself, by time', async () => {
    const folder = temporaryFolder()
    const machine = testMachine()
    const logs = await LogDirectory.open(machine, folder)
    const log = await logs.openPartition('t', 0, { config })
    log.append(batchOf(['a']), client)
    machine.clock.advance(1000)
    expect(log.lastCheckpoint.recoveryPoint).to.equal(0)
    machine.clock.advance(30_000)
    await logs.checkpoint()
    expect(readFileSync(join(folder, 'recovery-point-offset-checkpoint'), 'utf8')).to.equal('0\n1\nt 0 1\n')
    await logs.close()
  })

  it('remembers the log start, and drops the files below it', async () => {
    const folder = temporaryFolder()
    let logs = await LogDirectory.open(mortalMachine(), folder)
    let log = await logs.openPartition('t', 0, { config })
    for (let index = 0; index < 10; index++) log.append(batchOf(['x'.repeat(100)]), client)
    log.deleteRecordsBefore(7)
    await logs.checkpoint()
    expect(readdirSync(join(folder, 't-0')).filter((name) => name.endsWith('.log')).length).to.equal(log.segmentCount)
    logs = await LogDirectory.open(mortalMachine(), folder)
    log = await logs.openPartition('t', 0, { config })
    expect([log.startOffset, log.endOffset]).to.deep.equal([7, 10])
    await logs.close()
  })

  it('forgets what it knew of a partition before it removes it, so that the name can be used again', async () => {
    const folder = temporaryFolder()
    let logs = await LogDirectory.open(mortalMachine(), folder)
    const log = await logs.openPartition('t', 0, { config })
    for (let index = 0; index < 5; index++) log.append(batchOf(['a']), client)
    await logs.checkpoint()
    await logs.removePartition('t', 0)
    expect(logs.folders()).to.deep.equal([])
    const again = await logs.openPartition('t', 0, { config })
    expect(again.endOffset).to.equal(0)
    again.append(batchOf(['b']), client)
    logs = await LogDirectory.open(mortalMachine(), folder)
    expect((await logs.openPartition('t', 0, { config })).endOffset).to.equal(1)
    await logs.close()
  })

  it('refuses the folder of another topic', async () => {
    const folder = temporaryFolder()
    const logs = await LogDirectory.open(testMachine(), folder)
    await logs.openPartition('t', 0, { config, topicId: '01234567-89ab-cdef-0123-456789abcdef' })
    await logs.close()
    const later = await LogDirectory.open(testMachine(), folder)
    expect(
      await codeOf(later.openPartition('t', 0, { config, topicId: '11234567-89ab-cdef-0123-456789abcdef' })),
    ).to.equal('LOG_CORRUPT')
    await later.close()
  })

  for (const holdsRecords of [true, false]) {
    const advice = holdsRecords
      ? 'advises nobody to remove records'
      : 'advises to remove a folder that holds no records'
    it(`${advice} when one bit of partition.metadata is flipped, and names the file`, async () => {
      const folder = temporaryFolder()
      const options = { config, topicId: '01234567-89ab-cdef-0123-456789abcdef' }
      const logs = await LogDirectory.open(testMachine(), folder)
      const log = await logs.openPartition('t', 0, options)
      if (holdsRecords) log.append(batchOf(['a']), client)
      await logs.close()
      const path = join(folder, 't-0', 'partition.metadata')
      flip(path, 26)
      const later = await LogDirectory.open(testMachine(), folder)
      const error = await later.openPartition('t', 0, options).catch((refusal: unknown) => refusal)
      await later.close()
      expect(StreamError.is(error, 'LOG_CORRUPT') && error.message).to.match(/restore this file/)
      const { message } = error as StreamError
      expect(message).to.contain(path)
      expect(/remove|delete/.test(message)).to.equal(!holdsRecords)
      flip(path, 26)
      const again = await LogDirectory.open(testMachine(), folder)
      expect(readAll(await again.openPartition('t', 0, options)).length).to.equal(holdsRecords ? 1 : 0)
      await again.close()
    })
  }

  it('goes on checkpointing the others when one partition cannot be synced', async () => {
    const folder = temporaryFolder()
    const machine = mortalMachine()
    const logs = await LogDirectory.open(machine, folder)
    const sick = await logs.openPartition('a', 0, { config })
    const well = await logs.openPartition('b', 0, { config })
    sick.append(batchOf(['a']), client)
    machine.files.failing.sync.add(`${'0'.repeat(20)}.log`)
    await logs.checkpoint()
    expect(sick.offline?.code).to.equal('LOG_OFFLINE')
    well.append(batchOf(['b']), client)
    await logs.checkpoint()
    expect(well.lastCheckpoint.recoveryPoint).to.equal(1)
    await logs.close()
    expect((await LogDirectory.open(mortalMachine(), folder)).cleanShutdown).to.equal(false)
  })
})
