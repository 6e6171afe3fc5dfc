import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { deferred } from '../../src/base/deferred.ts'
import { StreamError } from '../../src/base/errors.ts'
import { SyncGroup } from '../../src/log/sync-group.ts'
import {
  batchOf,
  client,
  openLog,
  readAll,
  removeTemporaryFolders,
  temporaryFolder,
  testConfig,
  testMachine,
} from './support.ts'
import { WatchedFiles } from './watched-files.ts'

const first = `${'0'.repeat(20)}.log`

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'none'
  } catch (error) {
    return StreamError.is(error) ? error.code : String(error)
  }
}

describe('PartitionLog.sync', () => {
  afterEach(removeTemporaryFolders)

  it('serves all who came before it began with one fdatasync, and names of new files once', async () => {
    const files = new WatchedFiles()
    const log = openLog({ ...testMachine(), files }, temporaryFolder())
    const waiting: Promise<void>[] = []
    for (let index = 0; index < 5; index++) {
      log.append(batchOf(['a']), client)
      waiting.push(log.sync())
    }
    await Promise.all(waiting)
    expect(files.synced.filter((name) => name.endsWith('.log'))).to.deep.equal([first])
    expect(files.synced.filter((name) => name === 't-0').length).to.equal(1)
    expect(log.unsynced).to.equal(false)
    files.synced.length = 0
    await log.sync()
    expect(files.synced).to.deep.equal([])
    log.append(batchOf(['b']), client)
    await log.sync()
    expect(files.synced).to.deep.equal([first])
    await log.close()
  })

  it('does not count what came while it ran', async () => {
    const files = new WatchedFiles()
    const log = openLog({ ...testMachine(), files }, temporaryFolder())
    const gate = deferred()
    files.gate = gate.promise
    log.append(batchOf(['a']), client)
    const one = log.sync()
    await new Promise((resolve) => setImmediate(resolve))
    expect(files.synced).to.deep.equal([first])
    log.append(batchOf(['b']), client)
    const two = log.sync()
    const three = log.sync()
    gate.resolve()
    await one
    expect(log.unsynced).to.equal(true)
    await Promise.all([two, three])
    expect(log.unsynced).to.equal(false)
    expect(files.synced.filter((name) => name === first).length).to.equal(2)
    await log.close()
  })

  it('lets who needs only earlier records go with the round under way, or at once', async () => {
    const files = new WatchedFiles()
    const log = openLog({ ...testMachine(), files }, temporaryFolder())
    log.append(batchOf(['a']), client)
    await log.sync()
    const gate = deferred()
    files.gate = gate.promise
    files.synced.length = 0
    log.append(batchOf(['b']), client)
    const round = log.sync()
    await new Promise((resolve) => setImmediate(resolve))
    log.append(batchOf(['c']), client)
    await log.syncBefore(1)
    const second = log.syncBefore(2)
    const third = log.syncBefore(3)
    gate.resolve()
    await Promise.all([round, second])
    expect(log.unsynced).to.equal(true)
    await third
    expect(log.unsynced).to.equal(false)
    expect(files.synced).to.deep.equal([first, first])
    await log.syncBefore(1000)
    await log.close()
  })

  it('covers the segments that were rolled since, oldest first, and their names', async () => {
    const files = new WatchedFiles()
    const log = openLog({ ...testMachine(), files }, temporaryFolder(), {
      config: { ...testConfig, segmentBytes: 200 },
    })
    for (let index = 0; index < 3; index++) log.append(batchOf(['x'.repeat(100)]), client)
    await log.sync()
    const logs = files.synced.filter((name) => name.endsWith('.log'))
    expect(logs).to.deep.equal([0, 1, 2].map((base) => `${String(base).padStart(20, '0')}.log`))
    expect(files.synced.lastIndexOf('t-0')).to.be.greaterThan(files.synced.indexOf(logs[2]!))
    await log.close()
  })

  it('takes the partition offline for good when it fails', async () => {
    const files = new WatchedFiles()
    const log = openLog({ ...testMachine(), files }, temporaryFolder())
    log.append(batchOf(['a']), client)
    files.failing.sync.add(first)
    expect(await codeOf(log.sync())).to.equal('LOG_OFFLINE')
    expect(await codeOf(log.sync())).to.equal('LOG_OFFLINE')
    expect(() => log.append(batchOf(['b']), client)).to.throw(StreamError, 'LOG_OFFLINE')
    expect(() => log.read(0, 100, { isolation: 'readUncommitted', minOneBatch: true })).to.throw(
      StreamError,
      'LOG_OFFLINE',
    )
    expect(log.offline?.message).to.include('input/output error')
    await log.close()
  })

  it('counts nothing as synced after a failure, for those who wait for the next round either', async () => {
    const files = new WatchedFiles()
    const log = openLog({ ...testMachine(), files }, temporaryFolder())
    const gate = deferred()
    files.gate = gate.promise
    log.append(batchOf(['a']), client)
    const one = codeOf(log.sync())
    await new Promise((resolve) => setImmediate(resolve))
    const two = codeOf(log.sync())
    files.failing.sync.add(first)
    gate.resolve()
    expect(await Promise.all([one, two])).to.deep.equal(['LOG_OFFLINE', 'LOG_OFFLINE'])
    expect(log.unsynced).to.equal(true)
    await log.close()
  })

  it('leaves syncing to the operating system when asked, but not a checkpoint', async () => {
    const files = new WatchedFiles()
    const log = openLog({ ...testMachine(), files }, temporaryFolder(), { config: { ...testConfig, flush: 'os' } })
    log.append(batchOf(['a']), client)
    await log.sync()
    expect(files.synced).to.deep.equal([])
    expect((await log.checkpoint()).recoveryPoint).to.equal(1)
    expect(files.synced).to.include(first)
    await log.close()
  })

  it('leaves nothing of a batch that could not be written', async () => {
    const files = new WatchedFiles()
    const folder = temporaryFolder()
    const log = openLog({ ...testMachine(), files }, folder)
    log.append(batchOf(['a']), client)
    const before = readFileSync(join(folder, 't-0', first)).length
    files.failing.write.add(first)
    expect(() => log.append(batchOf(['b'.repeat(100)]), client)).to.throw(StreamError, 'DISK_FULL')
    expect([log.endOffset, readFileSync(join(folder, 't-0', first)).length]).to.deep.equal([1, before])
    log.append(batchOf(['c']), client)
    expect(readAll(log).map((row) => row.value)).to.deep.equal(['a', 'c'])
    await log.close()
  })

  it('closes once, and is closed then', async () => {
    const log = openLog(testMachine(), temporaryFolder())
    log.append(batchOf(['a']), client)
    await Promise.all([log.close(), log.close()])
    expect(() => log.append(batchOf(['b']), client)).to.throw(StreamError, 'CLOSED')
    await log.close()
  })
})

describe('SyncGroup', () => {
  it('goes on after a round that failed', async () => {
    let fail = true
    const group = new SyncGroup(async () => {
      if (fail) throw new StreamError('DISK_FAILED', 'no')
    })
    expect(await Promise.all([codeOf(group.join()), codeOf(group.join())])).to.deep.equal([
      'DISK_FAILED',
      'DISK_FAILED',
    ])
    fail = false
    expect(await codeOf(group.join())).to.equal('none')
  })
})
