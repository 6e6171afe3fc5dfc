import { expect } from 'chai'
import fc from 'fast-check'
import { SeededRandom } from '../../src/base/random.ts'
import type { LogConfig } from '../../src/log/log-config.ts'
import { LogDirectory } from '../../src/log/log-directory.ts'
import type { PartitionLog } from '../../src/log/partition-log.ts'
import { encodeControlBatch } from '../../src/records/control-record.ts'
import { SimulatedFiles } from '../../src/testing/simulated-files.ts'
import { batchOf, client, rowsOf, StillClock, testConfig } from './support.ts'

/** Small: its files are written over many times. */
const journalHalfBytes = 1500
const topicId = '11111111-2222-4333-8444-555555555555'

/** One batch as it was appended: enough to say what any prefix of the log means. */
interface Appended {
  readonly baseOffset: number
  readonly endOffset: number
  readonly value: string | null
  readonly producerId: number
  readonly sequence: number
  readonly marker: 'commit' | 'abort' | null
}

interface Meaning {
  readonly stable: number
  readonly aborted: { producerId: number; firstOffset: number; lastOffset: number }[]
  readonly sequences: Map<number, number>
}

function meaningOf(batches: readonly Appended[]): Meaning {
  const open = new Map<number, number>()
  const aborted: Meaning['aborted'] = []
  const sequences = new Map<number, number>()
  for (const { producerId, marker, baseOffset, sequence } of batches) {
    if (marker === null) {
      sequences.set(producerId, sequence + 1)
      if (!open.has(producerId)) open.set(producerId, baseOffset)
      continue
    }
    const firstOffset = open.get(producerId)
    open.delete(producerId)
    if (marker === 'abort' && firstOffset !== undefined)
      aborted.push({ producerId, firstOffset, lastOffset: baseOffset })
  }
  return { stable: Math.min(batches.at(-1)?.endOffset ?? 0, ...open.values()), aborted, sequences }
}

class History {
  readonly #random: SeededRandom
  readonly #config: LogConfig
  #files = new SimulatedFiles()
  #logs!: LogDirectory
  #log!: PartitionLog
  #batches: Appended[] = []
  /** What `sync` said is on the disk. */
  #durable = 0
  #other!: PartitionLog
  #otherDurable = 0
  #start = 0
  #epoch = 0

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
    this.#config = { ...testConfig, segmentBytes: [900, 20_000][seed % 2]!, indexIntervalBytes: 200 }
  }

  async begin(): Promise<void> {
    const machine = { clock: new StillClock(), files: this.#files, random: this.#random }
    this.#logs = await LogDirectory.open(machine, '/data', { journalHalfBytes })
    expect(this.#logs.leaderEpoch).to.be.greaterThan(this.#epoch)
    this.#epoch = this.#logs.leaderEpoch
    this.#log = await this.#logs.openPartition('t', 0, { config: this.#config, topicId })
    this.#other = await this.#logs.openPartition('u', 0, { config: this.#config, topicId })
    expect(this.#other.endOffset, 'nothing of the other partition is lost').to.be.at.least(this.#otherDurable)
  }

  /** They share the journal. */
  appendOther(): void {
    this.#other.append(batchOf(['n'.repeat(this.#random.int(300))]), client)
  }

  append(): void {
    const producerId = this.#random.int(3)
    const sequence = meaningOf(this.#batches).sequences.get(producerId) ?? 0
    const value = `${this.#epoch}/${this.#batches.length} `.padEnd(this.#random.int(300), 'x')
    const batch = batchOf([value], { producerId, producerEpoch: 0, baseSequence: sequence, transactional: true })
    const { baseOffset, lastOffset, duplicate } = this.#log.append(batch, client)
    expect(duplicate).to.equal(false)
    this.#batches.push({ baseOffset, endOffset: lastOffset + 1, value, producerId, sequence, marker: null })
  }

  end(marker: 'commit' | 'abort'): void {
    const producerId = this.#random.int(3)
    const { baseOffset } = this.#log.appendControl(encodeControlBatch(marker, producerId, 0, 0, 0), 0)
    this.#batches.push({ baseOffset, endOffset: baseOffset + 1, value: null, producerId, sequence: -1, marker })
  }

  async sync(): Promise<void> {
    const count = this.#batches.length
    const end = this.#other.endOffset
    const other = this.#other.sync().then(() => {
      this.#otherDurable = Math.max(this.#otherDurable, end)
    })
    await this.#log.sync()
    this.#durable = Math.max(this.#durable, count)
    await other
  }

  /** Not waited for: the power may go at any moment of it. */
  async startedOnly(work: () => Promise<void>): Promise<void> {
    void work()
    for (let turn = this.#random.int(12); turn > 0; turn--) await Promise.resolve()
  }

  checkpoint(): Promise<void> {
    return this.#logs.checkpoint()
  }

  deleteRecords(): void {
    this.#start = Math.max(this.#start, this.#random.int(this.#log.endOffset + 1))
    this.#log.deleteRecordsBefore(this.#start)
  }

  async restart(): Promise<void> {
    await this.#logs.close()
    this.#durable = this.#batches.length
    this.#otherDurable = this.#other.endOffset
    await this.begin()
    this.check()
  }

  async kill(): Promise<void> {
    this.#files = this.#files.kill()
    await this.begin()
    this.check()
  }

  async cut(): Promise<void> {
    this.#files = this.#files.cut(this.#random)
    await this.begin()
    const kept = this.#batches.filter((batch) => batch.endOffset <= this.#log.endOffset)
    expect(kept.length, 'nothing that was synced is lost').to.be.at.least(this.#durable)
    this.#batches = kept
    expect(this.#log.startOffset, 'the log start is no later than it was').to.be.at.most(this.#start)
    this.#start = this.#log.startOffset
    this.check()
    // What the next life found, others have seen: it must not be taken back. Recovery of it counts as synced by a sync.
    this.#durable = Math.min(this.#durable, kept.length)
  }

  check(): void {
    const log = this.#log
    const end = this.#batches.at(-1)?.endOffset ?? 0
    expect(log.endOffset).to.equal(end)
    const meaning = meaningOf(this.#batches)
    // Transactions that began below the log start may be forgotten with their segments.
    if (log.startOffset === 0) expect(log.lastStableOffset).to.equal(meaning.stable)
    let next = log.startOffset
    while (next < log.lastStableOffset) {
      const read = log.read(next, 300, { isolation: 'readCommitted', minOneBatch: true })
      const rows = rowsOf(read.records)
      const after = rows.at(-1)!.offset + 1
      for (const row of rows) {
        const batch = this.#batches.find((one) => one.baseOffset === row.offset)!
        if (batch.marker === null) expect(row.value).to.equal(batch.value)
      }
      const wanted = meaning.aborted.filter((one) => one.lastOffset >= next && one.firstOffset < after)
      if (log.startOffset === 0) {
        expect(read.abortedTransactions).to.deep.equal(
          wanted.map(({ producerId, firstOffset }) => ({ producerId, firstOffset })),
        )
      }
      next = after
    }
  }
}

const steps = [
  'append',
  'append',
  'append',
  'append',
  'append',
  'appendOther',
  'appendOther',
  'commit',
  'abort',
  'sync',
  'sync',
  'syncBegun',
  'checkpoint',
  'checkpointBegun',
  'delete',
  'restart',
  'kill',
  'cut',
] as const

async function live(seed: number, script: readonly (typeof steps)[number][]): Promise<void> {
  const history = new History(seed)
  await history.begin()
  for (const one of [...script, 'cut'] as const) {
    if (one === 'append') history.append()
    else if (one === 'appendOther') history.appendOther()
    else if (one === 'commit' || one === 'abort') history.end(one)
    else if (one === 'sync') await history.sync()
    else if (one === 'syncBegun') await history.startedOnly(() => history.sync())
    else if (one === 'checkpoint') await history.checkpoint()
    else if (one === 'checkpointBegun') await history.startedOnly(() => history.checkpoint())
    else if (one === 'delete') history.deleteRecords()
    else if (one === 'restart') await history.restart()
    else if (one === 'kill') await history.kill()
    else await history.cut()
  }
}

type Script = (typeof steps)[number][]

function scriptOf(text: string): Script {
  return text.split(' ') as Script
}

/** A life that died after it had cut a tail, before it had synced that. */
const examples: [number, Script][] = [
  [
    2147483644,
    scriptOf(
      'append appendOther abort cut abort checkpoint append append append append append delete cut appendOther ' +
        'checkpointBegun checkpointBegun checkpoint commit append cut kill append append append append append sync',
    ),
  ],
]

describe('power cuts', () => {
  it('take nothing that was synced, and leave a log that means what its batches say', async () => {
    const script = fc.array(fc.constantFrom(...steps), { minLength: 5, maxLength: 60, size: 'max' })
    await fc.assert(fc.asyncProperty(fc.nat(), script, live), { numRuns: 80, examples })
  })

  it('do no harm when a life died anywhere in a checkpoint that recorded a log start', async () => {
    for (let turns = 0; turns < 60; turns++) {
      for (let seed = 0; seed < 6; seed++) {
        let files = new SimulatedFiles()
        const random = new SeededRandom(seed)
        const open = (): Promise<LogDirectory> =>
          LogDirectory.open({ clock: new StillClock(), files, random }, '/data', { lockDirectory: '/' })
        const logs = await open()
        const log = await logs.openPartition('t', 0, { config: { ...testConfig, segmentBytes: 200 }, topicId })
        for (let count = 0; count < 6; count++) log.append(batchOf(['x'.repeat(100)]), client)
        await logs.checkpoint()
        log.deleteRecordsBefore(4)
        void logs.checkpoint()
        for (let turn = 0; turn < turns; turn++) await Promise.resolve()
        files = files.kill()
        await (await open()).openPartition('t', 0, { config: testConfig, topicId })
        files = files.cut(random)
        const last = await (await open()).openPartition('t', 0, { config: testConfig, topicId })
        expect(last.endOffset, `${turns} turns, seed ${seed}`).to.equal(6)
      }
    }
  })
})
