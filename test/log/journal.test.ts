import { expect } from 'chai'
import { deferred } from '../../src/base/deferred.ts'
import { StreamError } from '../../src/base/errors.ts'
import type { OpenFile } from '../../src/base/files.ts'
import { SeededRandom } from '../../src/base/random.ts'
import { Journal, type JournalUser, journalNames } from '../../src/log/journal.ts'
import { FrameBuilder, type JournalTail, readFrames } from '../../src/log/journal-frame.ts'
import { replayJournal } from '../../src/log/journal-replay.ts'
import { LogDirectory } from '../../src/log/log-directory.ts'
import type { PartitionLog } from '../../src/log/partition-log.ts'
import { SimulatedFiles } from '../../src/testing/simulated-files.ts'
import { batchOf, client, StillClock, testConfig } from './support.ts'

const topicId = '11111111-2222-4333-8444-555555555555'
const digits = Buffer.from(topicId.replaceAll('-', ''), 'hex').toString('base64url')
const logPath = '/log/t-0/00000000000000000000.log'
const synced = (): Promise<void> => Promise.resolve()

/** Has one tail to be taken. */
class TailUser implements JournalUser {
  readonly #tail: JournalTail
  readonly syncFiles: () => Promise<void>
  taken = false

  constructor(tail: JournalTail, syncFiles: () => Promise<void>) {
    this.#tail = tail
    this.syncFiles = syncFiles
  }

  stage(frame: FrameBuilder): boolean {
    return frame.add(this.#tail)
  }

  journaled(): void {
    this.taken = true
  }
}

/** The round that was joined has begun. */
const begun = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve))

/** Was the tail taken? */
async function take(journal: Journal, tail: JournalTail, syncFiles = synced): Promise<boolean> {
  const user = new TailUser(tail, syncFiles)
  await journal.join(user)
  return user.taken
}

async function write(files: SimulatedFiles, path: string, text: string): Promise<void> {
  const file = files.open(path, 'write')
  file.write(Buffer.from(text), 0, text.length, 0)
  file.close()
}

/** A partition with some bytes, its names durable. */
async function folder(text: string): Promise<SimulatedFiles> {
  const files = new SimulatedFiles()
  files.makeDirectory('/log/t-0')
  await write(files, logPath, text)
  await write(files, '/log/t-0/partition.metadata', `version: 0\ntopic_id: ${digits}\n`)
  const metadata = files.open('/log/t-0/partition.metadata', 'read')
  await metadata.sync()
  metadata.close()
  for (const path of ['/', '/log', '/log/t-0']) await files.syncDirectory(path)
  return files
}

function tailOf(files: SimulatedFiles, position: number, length: number, folderName = 't-0') {
  return { folder: folderName, topicId, baseOffset: 0, position, length, file: files.open(logPath, 'read') }
}

function contentOf(files: SimulatedFiles): string {
  return files.read(logPath).toString()
}

describe('The journal', () => {
  it('gives back after a power cut what it took', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const files = await folder('one two three')
      const journal = new Journal(files, '/log', 7)
      const taken = await Promise.all([take(journal, tailOf(files, 0, 4)), take(journal, tailOf(files, 4, 4))])
      expect(taken).to.deep.equal([true, true])
      expect(await take(journal, tailOf(files, 8, 5))).to.equal(true)
      const after = files.cut(new SeededRandom(seed))
      await replayJournal(after, '/log', 7)
      expect(contentOf(after)).to.equal('one two three')
      await replayJournal(after, '/log', 7)
      expect(contentOf(after.cut(new SeededRandom(seed))), 'it is synced then').to.equal('one two three')
    }
  })

  it('takes with one sync what comes in one moment', async () => {
    const files = await folder('0123456789')
    const journal = new Journal(files, '/log', 1)
    await Promise.all([0, 1, 2, 3].map((position) => take(journal, tailOf(files, position, 1))))
    const frames = readFrames(files.read(`/log/${journalNames[0]}`))
    expect(frames.map(({ life, sequence, entries }) => [life, sequence, entries.length])).to.deep.equal([[1, 1, 4]])
  })

  it('says nothing of another life, topic or segment, nor behind a hole', async () => {
    const files = await folder('good bytes')
    const journal = new Journal(files, '/log', 3)
    const bad = { ...tailOf(files, 0, 4), file: files.open('/log/t-0/partition.metadata', 'read') }
    await take(journal, { ...bad, topicId: topicId.replace('1', '2') })
    await take(journal, { ...bad, baseOffset: 5 })
    await take(journal, { ...bad, folder: 'gone-0' })
    await take(journal, { ...bad, position: 0, length: 0 })
    await replayJournal(files, '/log', 3)
    expect(contentOf(files)).to.equal('good bytes')
    expect(files.list('/log/t-0')).to.deep.equal(['00000000000000000000.log', 'partition.metadata'])
    await take(journal, tailOf(files, 0, 10))
    await write(files, logPath, 'changed it')
    await replayJournal(files, '/log', 2)
    expect(contentOf(files)).to.equal('changed it')
    await replayJournal(files, '/log', 3)
    expect(contentOf(files)).to.equal('good bytes')
    const shorter = files.open(logPath, 'write')
    shorter.truncate(3)
    await take(journal, { ...bad, position: 4 })
    const behind = new Journal(files, '/log', 4)
    await take(behind, { ...bad, position: 4 })
    await replayJournal(files, '/log', 4)
    expect(contentOf(files)).to.equal('goo')
  })

  it('is written over only when all whose bytes it holds were synced', async () => {
    const files = await folder('x'.repeat(600))
    const journal = new Journal(files, '/log', 1, 1000)
    let release = (): void => {}
    const slow = (): Promise<void> => new Promise((resolve) => (release = resolve))
    const takeOf = (syncFiles: () => Promise<void>): Promise<boolean> => take(journal, tailOf(files, 0, 600), syncFiles)
    expect([await takeOf(slow), await takeOf(synced), await takeOf(synced)]).to.deep.equal([true, true, false])
    release()
    await Promise.resolve()
    await new Promise((resolve) => setImmediate(resolve))
    expect(await takeOf(synced)).to.equal(true)
  })

  it('is not written over where a sync failed, and takes nothing more when it is full', async () => {
    const files = await folder('x'.repeat(600))
    const journal = new Journal(files, '/log', 1, 1000)
    const failing = (): Promise<void> => Promise.reject(new StreamError('DISK_FAILED', 'the disk failed'))
    const takeOne = (): Promise<boolean> => take(journal, tailOf(files, 0, 600), failing)
    expect([await takeOne(), await takeOne()]).to.deep.equal([true, true])
    await new Promise((resolve) => setImmediate(resolve))
    expect([await takeOne(), await takeOne()]).to.deep.equal([false, false])
  })

  it('takes nothing more after a sync of its own failed', async () => {
    const files = await folder('0123456789')
    const journal = new Journal(files, '/log', 1)
    files.failSyncs(/journal/)
    const first = take(journal, tailOf(files, 0, 4))
    await begun()
    const meanwhile = take(journal, tailOf(files, 4, 4))
    expect([await first, await meanwhile]).to.deep.equal([false, false])
    expect(await take(journal, tailOf(files, 0, 4))).to.equal(false)
  })

  it('that is closed waits for what is under way, and takes nothing more', async () => {
    const files = await folder('0123456789')
    const journal = new Journal(files, '/log', 1)
    const taken = take(journal, tailOf(files, 0, 4))
    await begun()
    await journal.close()
    expect(await taken).to.equal(true)
    expect(await take(journal, tailOf(files, 0, 4))).to.equal(false)
  })

  it('takes no tail that is longer than a frame, or than its file', async () => {
    const files = await folder('x'.repeat(600))
    const journal = new Journal(files, '/log', 1, 500)
    expect(await take(journal, tailOf(files, 0, 600))).to.equal(false)
    expect(await take(journal, tailOf(files, 590, 20))).to.equal(false)
    expect(await take(journal, tailOf(files, 590, 10))).to.equal(true)
  })

  it('drops what could not be read, and keeps the rest of the frame', async () => {
    const files = await folder('0123456789')
    const journal = new Journal(files, '/log', 1)
    const broken = tailOf(files, 0, 4)
    const read = (): number => {
      throw new StreamError('DISK_FAILED', 'read: the disk refused')
    }
    const file: OpenFile = { ...broken.file, read }
    const taken = [take(journal, { ...broken, file }), take(journal, tailOf(files, 4, 4))]
    expect(await Promise.all(taken)).to.deep.equal([false, true])
    const [frame] = readFrames(files.read(`/log/${journalNames[0]}`))
    expect(frame!.entries.map(({ bytes }) => bytes.toString())).to.deep.equal(['4567'])
  })

  it('ends at the first frame that is torn', () => {
    const builder = new FrameBuilder(1000)
    const files = new SimulatedFiles()
    files.makeDirectory('/d')
    const file = files.open('/d/f', 'write')
    file.write(Buffer.from('abcdef'), 0, 6, 0)
    const frame = (sequence: number): Buffer => {
      builder.reset()
      builder.add({ folder: 'ü-0', topicId, baseOffset: 2 ** 40, position: 1, length: 3, file })
      return Buffer.from(builder.seal(9, sequence))
    }
    const whole = Buffer.concat([frame(1), frame(2), Buffer.alloc(100)])
    const entry = { folder: 'ü-0', topicId, baseOffset: 2 ** 40, position: 1, bytes: Buffer.from('bcd') }
    expect(readFrames(whole)).to.deep.equal([1, 2].map((sequence) => ({ life: 9, sequence, entries: [entry] })))
    for (let at = 0; at < frame(1).length; at++) {
      const torn = Buffer.from(whole)
      torn[at]! ^= 1
      expect(readFrames(torn), `byte ${at}`).to.deep.equal([])
    }
  })
})

describe('Partitions with a journal', () => {
  /** The next sync of the disk takes until it is released; the others take no time. */
  class OneSlowSync {
    readonly #gate = deferred()
    #armed = false
    readonly files = new SimulatedFiles({
      settle: () => {
        if (!this.#armed) return Promise.resolve()
        this.#armed = false
        return this.#gate.promise
      },
    })

    arm(): void {
      this.#armed = true
    }

    release(): void {
      this.#gate.resolve()
    }

    open(): Promise<LogDirectory> {
      const machine = { clock: new StillClock(), files: this.files, random: new SeededRandom(1) }
      return LogDirectory.open(machine, '/data')
    }
  }

  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  const options = { config: { ...testConfig, segmentBytes: 300 }, topicId }

  it('open no file again when they are deleted, and made anew, while a sync waits for the journal', async () => {
    const disk = new OneSlowSync()
    const logs = await disk.open()
    const log = await logs.openPartition('t', 0, options)
    for (let count = 0; count < 7; count++) {
      log.append(batchOf(['x'.repeat(60)]), client)
      await log.sync()
    }
    log.append(batchOf(['journaled']), client)
    disk.arm()
    const first = log.sync()
    await turn()
    log.append(batchOf(['waiting']), client)
    const second = log.sync()
    await logs.removePartition('t', 0)
    const anew = await logs.openPartition('t', 0, { ...options, topicId: topicId.replace('1', '9') })
    anew.append(batchOf(['new']), client)
    disk.release()
    await Promise.all([first, second])
    expect(disk.files.list('/data/t-0').filter((name) => name.endsWith('.log'))).to.have.length(1)
    await logs.close()
    expect((await (await disk.open()).openPartition('t', 0, { config: options.config })).endOffset).to.equal(1)
  })

  it('wait for one round more than the one under way, however many of them had joined it', async () => {
    const disk = new OneSlowSync()
    const logs = await disk.open()
    const [one, other] = [await logs.openPartition('t', 0, options), await logs.openPartition('u', 0, options)]
    const append = (log: PartitionLog): Promise<void> => {
      log.append(batchOf(['x']), client)
      return log.sync()
    }
    await Promise.all([append(one), append(other)])
    const frames = (): number[] => readFrames(disk.files.read('/data/journal.0')).map(({ entries }) => entries.length)
    disk.arm()
    const first = append(one)
    await turn()
    const later = [append(other), append(one), append(other)]
    disk.release()
    await Promise.all([first, ...later])
    expect(frames()).to.deep.equal([1, 2])
    await logs.close()
  })

  it('that fail and are closed during a checkpoint are not checkpointed', async () => {
    const disk = new OneSlowSync()
    const log = await (await disk.open()).openPartition('t', 0, options)
    log.append(batchOf(['x']), client)
    disk.arm()
    const checkpoint = log.checkpoint().then(
      () => 'done',
      (error: StreamError) => error.code,
    )
    await turn()
    disk.files.failSyncs(/\.log$/)
    await log.sync().catch(() => undefined)
    await log.close()
    disk.release()
    expect(await checkpoint).to.equal('LOG_OFFLINE')
  })
})
