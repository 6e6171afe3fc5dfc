import { expect } from 'chai'
import fc from 'fast-check'
import { SeededRandom } from '../../src/base/random.ts'
import { LogDirectory } from '../../src/log/log-directory.ts'
import type { PartitionLog } from '../../src/log/partition-log.ts'
import { encodeControlBatch } from '../../src/records/control-record.ts'
import { SimulatedFiles } from '../../src/testing/simulated-files.ts'
import { batchOf, client, rowsOf, StillClock, testConfig } from './support.ts'

const config = { ...testConfig, segmentBytes: 900, indexIntervalBytes: 200 }

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
  #files = new SimulatedFiles()
  #logs!: LogDirectory
  #log!: PartitionLog
  #batches: Appended[] = []
  /** What `sync` said is on the disk. */
  #durable = 0
  #start = 0
  #epoch = 0

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
  }

  async begin(): Promise<void> {
    this.#logs = await LogDirectory.open({ clock: new StillClock(), files: this.#files, random: this.#random }, '/data')
    expect(this.#logs.leaderEpoch).to.be.greaterThan(this.#epoch)
    this.#epoch = this.#logs.leaderEpoch
    this.#log = await this.#logs.openPartition('t', 0, { config })
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
    await this.#log.sync()
    this.#durable = Math.max(this.#durable, count)
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
  'commit',
  'abort',
  'sync',
  'syncBegun',
  'checkpoint',
  'checkpointBegun',
  'delete',
  'restart',
  'cut',
] as const

async function live(seed: number, script: readonly (typeof steps)[number][]): Promise<void> {
  const history = new History(seed)
  await history.begin()
  for (const one of [...script, 'cut'] as const) {
    if (one === 'append') history.append()
    else if (one === 'commit' || one === 'abort') history.end(one)
    else if (one === 'sync') await history.sync()
    else if (one === 'syncBegun') await history.startedOnly(() => history.sync())
    else if (one === 'checkpoint') await history.checkpoint()
    else if (one === 'checkpointBegun') await history.startedOnly(() => history.checkpoint())
    else if (one === 'delete') history.deleteRecords()
    else if (one === 'restart') await history.restart()
    else await history.cut()
  }
}

describe('power cuts', () => {
  it('take nothing that was synced, and leave a log that means what its batches say', async () => {
    const script = fc.array(fc.constantFrom(...steps), { minLength: 5, maxLength: 60, size: 'max' })
    await fc.assert(fc.asyncProperty(fc.nat(), script, live), { numRuns: 80 })
  })
})
