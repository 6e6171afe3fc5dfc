/**
 * What every window store does on every engine: a naive model, an array of windows, beside the store, driven by random
 * histories of writes, flushes, commits step by step, scans, queries, deaths and restores.
 */
import { expect } from 'chai'
import fc from 'fast-check'
import { noHeaders } from '../../../src/base/serde.ts'
import { json, string } from '../../../src/serdes/index.ts'
import { type QueryableTimestampedWindowStore, stores } from '../../../state-stores/builders.ts'
import { CommitLine } from './commit-line.ts'
import { Bench, gather, type Home, type Logged } from './home.ts'

interface Value {
  readonly list: number[]
  readonly pad: string
}
interface Row {
  readonly key: string
  readonly startMs: number
  readonly value: Value
  readonly timestamp: number
}
/** The largest start ever put, and all rows, expired ones too. */
class Windows {
  largestMs = -1
  rows: Row[] = []

  copy(): Windows {
    const copy = new Windows()
    copy.largestMs = this.largestMs
    copy.rows = [...this.rows]
    return copy
  }

  set(key: string, startMs: number, value: Value | null, timestamp: number): void {
    this.largestMs = Math.max(this.largestMs, startMs)
    this.rows = this.rows.filter((row) => row.key !== key || row.startMs !== startMs)
    if (value !== null) this.rows.push({ key, startMs, value, timestamp })
  }

  get(key: string, startMs: number): Row | undefined {
    return this.rows.find((row) => row.key === key && row.startMs === startMs)
  }

  isVisible(startMs: number): boolean {
    return startMs > this.largestMs - retentionMs
  }

  visible(fromMs = 0, toMs = Number.MAX_SAFE_INTEGER): Row[] {
    return this.rows.filter(({ startMs }) => this.isVisible(startMs) && startMs >= fromMs && startMs <= toMs)
  }
}

const windowSizeMs = 10_000
const retentionMs = 150_000
const bucketMs = 75_000
/** Prefixes of each other, one that ends like a chunk's number, two with the same bytes. */
const keys = ['a', 'a\u0000', 'a\u0000\u0001', 'a\u0001', 'b', 'é', 'z\ud800', 'z\udc00']
const key = fc.constantFrom('a', 'a', 'a', ...keys)
/** In windows, from the latest one so far; mostly among the last few, so that histories meet. */
const back = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -3, max: 0 }) },
  { weight: 1, arbitrary: fc.integer({ min: -17, max: 2 }) },
)
const timestamp = fc.integer({ min: 0, max: 100 })
/** Some values are so large that a row needs many chunks. */
const pad = fc.constantFrom(0, 0, 0, 10, 3_000, 9_000, 20_000)
const span = fc.record({ from: fc.integer({ min: -20, max: 3 }), to: fc.integer({ min: -20, max: 3 }) })

export const windowOperation = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('add' as const), key, back, timestamp, pad, shared: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('put' as const), key, back, timestamp, pad }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), key, back, timestamp }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('spoil' as const), key, back }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fetch' as const), key, span, reverse: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('flush' as const) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('step' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('write' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fetchAll' as const), span, reverse: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('query' as const), key, span }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('die' as const) }) },
)
type Operation = typeof windowOperation extends fc.Arbitrary<infer O> ? O : never

export interface WindowManifest {
  readonly durable: boolean
  /** What is expired when it is put: judged by its bucket on disk, exactly in memory. */
  readonly onDisk: boolean
}

function canonical(text: string): string {
  return Buffer.from(text).toString()
}

function copyOf(value: Value): Value {
  return { list: [...value.list], pad: value.pad }
}

/** What others may do to what they were given. */
function spoil(...given: (Value | null | undefined)[]): void {
  for (const value of given) value?.list.push(-7)
}

function nameOf(name: string, startMs: number): string {
  return `${name}@${startMs}`
}

/** key ‖ int64 start ‖ int32 0, as Kafka Streams writes it. */
function changelogKey(name: string): string {
  const at = name.lastIndexOf('@')
  const suffix = Buffer.alloc(12)
  suffix.writeBigInt64BE(BigInt(name.slice(at + 1)))
  return Buffer.concat([Buffer.from(name.slice(0, at)), suffix]).toString('hex')
}

class WindowStory {
  readonly bench: Bench<QueryableTimestampedWindowStore<string, Value>>
  readonly manifest: WindowManifest
  readonly keepOld: boolean
  store!: QueryableTimestampedWindowStore<string, Value>
  live: Windows
  told: Windows
  committed: Windows
  stored: Windows
  durableMs = -1
  untold: string[] = []
  dirty = new Map<string, number>()
  /** Put when they were already past the retention: what was there before is not promised. */
  late = new Set<string>()
  readonly line: CommitLine<Windows>
  log: Logged[] = []
  durableRecords = 0
  dropped = 0
  next = 1

  constructor(home: Home, manifest: WindowManifest, variant: Variant) {
    const { cleanCacheBytesMax, keepOld } = variant
    const none = (): Windows => new Windows()
    this.live = none()
    this.told = none()
    this.committed = none()
    this.stored = none()
    const builder = stores.timestampedWindow({
      name: 'story',
      key: string,
      value: json<Value>(),
      engine: home.supplier,
      windowSizeMs,
      retentionMs,
    })
    this.bench = new Bench(home, builder, { storeId: 7, cleanCacheBytesMax })
    this.line = new CommitLine(this.bench)
    this.manifest = manifest
    this.keepOld = keepOld
  }

  async open(): Promise<void> {
    this.store = await this.bench.open()
    if (this.keepOld) this.store.keepOldValues()
  }

  #start(windowsBack: number): number {
    const latest = Math.max(0, this.live.largestMs)
    return Math.max(0, latest - (latest % windowSizeMs) + windowsBack * windowSizeMs)
  }

  async take(operation: Operation): Promise<void> {
    switch (operation.kind) {
      case 'add': {
        const startMs = this.#start(operation.back)
        if (!this.live.isVisible(startMs)) return
        const entry = this.store.entry(operation.key, startMs)
        const before = this.live.get(canonical(operation.key), startMs)
        expect(entry.value).to.deep.equal(before?.value ?? null)
        expect(entry.timestamp).to.equal(before?.timestamp ?? -1)
        const padding = '.'.repeat(operation.pad)
        const value = { list: [...(before?.value.list ?? []), this.next], pad: padding }
        // The accumulator is changed in place, as a user's aggregator may.
        entry.value?.list.push(this.next)
        const list = entry.value?.list ?? [this.next]
        const after = { list, pad: padding }
        this.store.update(entry, after, operation.timestamp, noHeaders, operation.shared)
        if (operation.shared) spoil(after)
        this.next++
        return this.#changed(operation.key, startMs, value, operation.timestamp)
      }
      case 'put': {
        const startMs = this.#start(operation.back)
        const value = { list: [this.next++], pad: '.'.repeat(operation.pad) }
        if (!this.live.isVisible(startMs)) this.late.add(nameOf(canonical(operation.key), startMs))
        const given = copyOf(value)
        this.store.put(operation.key, { value: given, timestamp: operation.timestamp }, startMs)
        spoil(given)
        this.#changed(operation.key, startMs, value, operation.timestamp)
        const horizon = this.live.largestMs - retentionMs
        const live = Math.max(0, horizon) - (Math.max(0, horizon) % bucketMs)
        if (this.manifest.onDisk ? startMs < live : startMs <= horizon) this.dropped++
        expect(this.bench.dropped).to.equal(this.dropped)
        return
      }
      case 'delete': {
        const startMs = this.#start(operation.back)
        if (!this.live.isVisible(startMs)) return
        this.bench.nowMs = operation.timestamp
        this.store.put(operation.key, null, startMs)
        return this.#changed(operation.key, startMs, null, operation.timestamp)
      }
      case 'spoil': {
        const startMs = this.#start(operation.back)
        if (this.dirty.has(nameOf(canonical(operation.key), startMs))) return
        this.store.entry(operation.key, startMs).value?.list.push(-1)
        return
      }
      case 'fetch': {
        const [fromMs, toMs] = [this.#start(operation.span.from), this.#start(operation.span.to)]
        const rows = this.live.visible(fromMs, toMs).filter((row) => row.key === canonical(operation.key))
        rows.sort((left, right) => left.startMs - right.startMs)
        if (operation.reverse) rows.reverse()
        const found: unknown[] = []
        const visit = (row: { value: Value; timestamp: number }, startMs: number): void => {
          found.push([startMs, copyOf(row.value), row.timestamp])
          spoil(row.value)
        }
        if (operation.reverse) this.store.backwardFetch(operation.key, fromMs, toMs, visit)
        else this.store.fetch(operation.key, fromMs, toMs, visit)
        expect(found).to.deep.equal(rows.map(({ startMs, value, timestamp: at }) => [startMs, value, at]))
        const first = this.live.visible(fromMs, fromMs).find((row) => row.key === canonical(operation.key))
        const at = this.store.at(operation.key, fromMs)
        expect(at?.value).to.deep.equal(first?.value)
        spoil(at?.value)
        return
      }
      case 'flush':
        return this.#flush()
      case 'step':
        return this.#step()
      case 'write':
        return this.#write()
      case 'fetchAll': {
        const [fromMs, toMs] = [this.#start(operation.span.from), this.#start(operation.span.to)]
        const expected = this.#ordered(this.live.visible(fromMs, toMs))
        if (operation.reverse) expected.reverse()
        const rows = operation.reverse ? this.store.backwardFetchAll(fromMs, toMs) : this.store.fetchAll(fromMs, toMs)
        const found = (await gather(rows)).map(([name, startMs, row]) => [name, startMs, row.value, row.timestamp])
        expect(found).to.deep.equal(expected.map((row) => [row.key, row.startMs, row.value, row.timestamp]))
        for (const [, , value] of found) spoil(value as Value)
        return
      }
      case 'query':
        return this.#query(operation.key, this.#start(operation.span.from), this.#start(operation.span.to))
      case 'die':
        return this.#die()
    }
  }

  #ordered(rows: Row[]): Row[] {
    const byKey = (left: Row, right: Row): number => Buffer.compare(Buffer.from(left.key), Buffer.from(right.key))
    const byTime = (left: Row, right: Row): number => left.startMs - right.startMs
    return rows.sort((left, right) =>
      this.manifest.onDisk ? byKey(left, right) || byTime(left, right) : byTime(left, right) || byKey(left, right),
    )
  }

  #changed(name: string, startMs: number, value: Value | null, timestampMs: number): void {
    const own = nameOf(canonical(name), startMs)
    this.live.set(canonical(name), startMs, value, timestampMs)
    this.untold = [...this.untold.filter((other) => other !== own), own]
    this.dirty.delete(own)
    this.dirty.set(own, timestampMs)
  }

  #flush(): void {
    const expected: unknown[] = []
    for (const name of this.untold) {
      const at = name.lastIndexOf('@')
      const [own, startMs] = [name.slice(0, at), Number(name.slice(at + 1))]
      const after = this.live.get(own, startMs)
      const before = this.told.get(own, startMs)
      if (after === undefined && before === undefined) {
        if (this.stored.get(own, startMs) === undefined) this.dirty.delete(name)
        continue
      }
      const old = this.late.has(name) ? 'late' : this.keepOld ? (before?.value ?? null) : null
      expected.push([name, after?.value ?? null, old, after?.timestamp ?? this.dirty.get(name)])
    }
    this.untold = []
    this.told = this.live.copy()
    const found: unknown[] = []
    this.store.flush((own, startMs, after, before, timestampMs) => {
      const name = nameOf(own, startMs)
      const old = before === null ? null : copyOf(before)
      found.push([name, after === null ? null : copyOf(after), this.late.has(name) ? 'late' : old, timestampMs])
      spoil(after, before)
    })
    expect(found).to.deep.equal(expected)
  }

  async #step(): Promise<void> {
    if (this.line.mayRotate) {
      if (this.untold.length > 0) this.#flush()
      const records = this.bench.rotate()
      const names = [...this.dirty.keys()]
      expect(records.map((record) => record.key.toString('hex'))).to.deep.equal(names.map(changelogKey))
      for (const [index, record] of records.entries()) {
        const name = names[index]!
        const at = name.lastIndexOf('@')
        const row = this.live.get(name.slice(0, at), Number(name.slice(at + 1)))
        expect(record.value?.toString()).to.equal(row === undefined ? undefined : JSON.stringify(row.value))
        expect(record.timestampMs).to.equal(this.dirty.get(name))
      }
      this.stored = this.live.copy()
      this.dirty.clear()
      expect(this.store.dirtyEntries).to.equal(0)
      this.line.rotated(this.live.copy(), records)
      return
    }
    const committed = this.line.commitNewest()
    if (committed === null) return this.#write()
    this.committed = committed.rows
    this.log.push(...committed.records)
  }

  async #write(): Promise<void> {
    const written = await this.line.advanceOldest()
    if (written === null) return
    this.durableRecords += written.records.length
    this.durableMs = written.rows.largestMs
  }

  async #query(name: string, fromMs: number, toMs: number): Promise<void> {
    const view = this.store.committedView()
    const rows = this.committed.visible(fromMs, toMs).filter((row) => row.key === canonical(name))
    rows.sort((left, right) => left.startMs - right.startMs)
    expect(await view.fetch(name, fromMs, toMs)).to.deep.equal(rows.map((row) => [row.startMs, row.value]))
    const first = this.committed.visible(fromMs, fromMs).find((row) => row.key === canonical(name))
    expect(await view.at(name, fromMs)).to.deep.equal(first?.value)
    expect((await view.atWithTimestamp(name, fromMs))?.timestamp).to.equal(first?.timestamp)
    const all = this.#ordered(this.committed.visible()).map((row) => [row.key, row.startMs, row.value])
    expect(await gather(view.all())).to.deep.equal(all)
    expect(await gather(view.backwardAll())).to.deep.equal(all.reverse())
  }

  async #die(): Promise<void> {
    this.store = await this.bench.dieAndReopen()
    if (this.keepOld) this.store.keepOldValues()
    const lost = this.manifest.durable ? this.log.slice(this.durableRecords) : this.log
    await this.bench.restore(lost)
    this.live = this.committed.copy()
    // What came and went without a changelog record moves the time only where it was written.
    this.live.largestMs = this.manifest.durable ? this.durableMs : -1
    for (const { key: own } of lost) {
      this.live.largestMs = Math.max(this.live.largestMs, Number(own.readBigInt64BE(own.length - 12)))
    }
    this.durableRecords = this.log.length
    this.durableMs = this.live.largestMs
    this.committed = this.live.copy()
    this.told = this.live.copy()
    this.stored = this.live.copy()
    this.untold = []
    this.dirty.clear()
    this.late.clear()
    for (const row of this.live.rows) {
      if (!this.live.isVisible(row.startMs)) this.late.add(nameOf(row.key, row.startMs))
    }
    this.line.clear()
  }
}

interface Variant {
  readonly title: string
  readonly cleanCacheBytesMax: number
  readonly keepOld: boolean
}

const variants: readonly Variant[] = [
  { title: 'with room for all', cleanCacheBytesMax: 1 << 24, keepOld: false },
  { title: 'that keeps old values', cleanCacheBytesMax: 1 << 24, keepOld: true },
  { title: 'with hardly any cache', cleanCacheBytesMax: 6000, keepOld: true },
  { title: 'that forgets at every commit', cleanCacheBytesMax: 0, keepOld: false },
]

export function windowSuite(name: string, makeHome: () => Home, manifest: WindowManifest): void {
  describe(`a timestamped window store on ${name}`, () => {
    for (const variant of variants) {
      it(`agrees with an array of windows over random histories, ${variant.title}`, async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(windowOperation, { minLength: 40, maxLength: 100 }), async (operations) => {
            const home = makeHome()
            const story = new WindowStory(home, manifest, variant)
            await story.open()
            try {
              for (const operation of operations) await story.take(operation)
              await story.take({ kind: 'fetchAll', span: { from: -20, to: 3 }, reverse: false })
              for (const own of keys) {
                await story.take({ kind: 'fetch', key: own, span: { from: -20, to: 3 }, reverse: false })
              }
            } finally {
              await story.bench.close()
            }
          }),
          { numRuns: name === 'level' ? 6 : 40 },
        )
      })
    }
  })
}
