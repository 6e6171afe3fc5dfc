/**
 * What every key-value store does on every engine: a naive model of Maps beside the store, driven by random histories of
 * writes, flushes, commits step by step, scans, queries, deaths and restores.
 */
import { expect } from 'chai'
import fc from 'fast-check'
import { noHeaders } from '../../../src/base/serde.ts'
import { json, string } from '../../../src/serdes/index.ts'
import { type QueryableTimestampedKeyValueStore, stores } from '../../../state-stores/builders.ts'
import { CommitLine } from './commit-line.ts'
import { Bench, gather, type Home, type Logged } from './home.ts'

type Value = number[]
interface Row {
  readonly value: Value
  readonly timestamp: number
}
type Rows = Map<string, Row>

/** Some are prefixes of others, some need more than a byte a character, two have the same bytes. */
const keys = ['', 'a', 'ab', 'a\u0000', 'b', 'é', '日本', 'a\ud800', 'a\udc00', 'x'.repeat(40)]
const key = fc.constantFrom('a', 'ab', 'a\ud800', ...keys)
const edge = fc.constantFrom(null, ...keys)
const timestamp = fc.integer({ min: 0, max: 100 })

export const keyValueOperation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('add' as const), key, timestamp, shared: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('put' as const), key, timestamp }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), key, timestamp }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('putIfAbsent' as const), key, timestamp }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('spoil' as const), key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('get' as const), key }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('flush' as const) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('step' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('write' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('range' as const), from: edge, to: edge, reverse: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('prefix' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('query' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('die' as const) }) },
)
type Operation = typeof keyValueOperation extends fc.Arbitrary<infer O> ? O : never

/** As UTF-8 can hold it. */
function canonical(text: string): string {
  return Buffer.from(text).toString()
}

/** What others may do to what they were given. */
function spoil(...given: (Value | null | undefined)[]): void {
  for (const value of given) value?.push(-7)
}

function byBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}

function copyOf(rows: Rows): Rows {
  return new Map([...rows].map(([name, row]) => [name, { value: [...row.value], timestamp: row.timestamp }]))
}

function sorted(rows: Rows, keep: (name: string) => boolean): [string, Row][] {
  return [...rows].filter(([name]) => keep(name)).sort(([left], [right]) => byBytes(left, right))
}

class KeyValueStory {
  readonly bench: Bench<QueryableTimestampedKeyValueStore<string, Value>>
  readonly durable: boolean
  readonly keepOld: boolean
  store!: QueryableTimestampedKeyValueStore<string, Value>
  live: Rows = new Map()
  told: Rows = new Map()
  committed: Rows = new Map()
  stored: Rows = new Map()
  /** In the order of their last change. */
  untold: string[] = []
  dirty = new Map<string, number>()
  readonly line: CommitLine<Rows>
  log: Logged[] = []
  durableRecords = 0
  next = 1

  constructor(home: Home, durable: boolean, cleanCacheBytesMax: number, keepOld: boolean) {
    const builder = stores.timestampedKeyValue({
      name: 'story',
      key: string,
      value: json<Value>(),
      engine: home.supplier,
    })
    this.bench = new Bench(home, builder, { storeId: 7, cleanCacheBytesMax })
    this.line = new CommitLine(this.bench)
    this.durable = durable
    this.keepOld = keepOld
  }

  async open(): Promise<void> {
    this.store = await this.bench.open()
    if (this.keepOld) this.store.keepOldValues()
  }

  async take(operation: Operation): Promise<void> {
    const { store } = this
    switch (operation.kind) {
      case 'add': {
        const entry = store.entry(operation.key)
        const before = this.live.get(canonical(operation.key))
        expect(entry.value).to.deep.equal(before?.value ?? null)
        expect(entry.timestamp).to.equal(before?.timestamp ?? -1)
        // The accumulator is changed in place, as a user's aggregator may.
        const value = entry.value ?? []
        value.push(this.next)
        store.update(entry, value, operation.timestamp, noHeaders, operation.shared)
        if (operation.shared) spoil(value)
        this.#changed(operation.key, [...(before?.value ?? []), this.next++], operation.timestamp)
        return
      }
      case 'put': {
        const value = [this.next]
        store.put(operation.key, { value, timestamp: operation.timestamp })
        spoil(value)
        this.#changed(operation.key, [this.next++], operation.timestamp)
        return
      }
      case 'putIfAbsent': {
        const before = this.live.get(canonical(operation.key))
        const given = store.putIfAbsent(operation.key, { value: [this.next], timestamp: operation.timestamp })
        expect(given).to.deep.equal(before)
        spoil(given?.value)
        if (before === undefined) this.#changed(operation.key, [this.next++], operation.timestamp)
        return
      }
      case 'delete': {
        this.bench.nowMs = operation.timestamp
        expect(store.delete(operation.key)).to.deep.equal(this.live.get(canonical(operation.key)))
        this.#changed(operation.key, null, operation.timestamp)
        return
      }
      case 'spoil': {
        // A step that changes what it was given and then fails: its update never comes.
        if (!this.dirty.has(canonical(operation.key))) store.entry(operation.key).value?.push(-1)
        return
      }
      case 'get': {
        const [row, value] = [store.get(operation.key), store.value(operation.key)]
        expect(row).to.deep.equal(this.live.get(canonical(operation.key)))
        expect(value).to.deep.equal(row?.value ?? null)
        spoil(row?.value, value)
        expect(store.approximateEntryCount()).to.equal(this.live.size)
        return
      }
      case 'flush':
        return this.#flush()
      case 'step':
        return this.#step()
      case 'write':
        return this.#write()
      case 'range':
        return this.#range(operation.from, operation.to, operation.reverse)
      case 'prefix': {
        const prefix = Buffer.from(operation.key)
        const starts = (name: string): boolean => Buffer.from(name).subarray(0, prefix.length).equals(prefix)
        const rows = await gather(store.prefixScan(operation.key))
        expect(rows).to.deep.equal(sorted(this.live, starts))
        for (const [, row] of rows) spoil(row.value)
        return
      }
      case 'query':
        return this.#query(operation.key)
      case 'die':
        return this.#die()
    }
  }

  #changed(name: string, value: Value | null, timestampMs: number): void {
    const own = canonical(name)
    if (value === null) this.live.delete(own)
    else this.live.set(own, { value, timestamp: timestampMs })
    this.untold = [...this.untold.filter((other) => other !== own), own]
    this.dirty.delete(own)
    this.dirty.set(own, timestampMs)
  }

  #flush(): void {
    const expected: unknown[] = []
    for (const name of this.untold) {
      const after = this.live.get(name)
      const before = this.told.get(name)
      if (after === undefined && before === undefined) {
        if (!this.stored.has(name)) this.dirty.delete(name)
        continue
      }
      const old = this.keepOld ? (before?.value ?? null) : null
      expected.push([name, after?.value ?? null, old, after?.timestamp ?? this.dirty.get(name)])
    }
    this.untold = []
    this.told = copyOf(this.live)
    const told: unknown[] = []
    this.store.flush((name, after, before, timestampMs) => {
      told.push([name, after === null ? null : [...after], before === null ? null : [...before], timestampMs])
      spoil(after, before)
    })
    expect(told).to.deep.equal(expected)
  }

  async #step(): Promise<void> {
    if (this.line.mayRotate) {
      // Emission comes first, or not at all.
      if (this.untold.length > 0) this.#flush()
      const records = this.bench.rotate()
      expect(records.map((record) => record.key.toString())).to.deep.equal([...this.dirty.keys()])
      for (const record of records) {
        const row = this.live.get(record.key.toString())
        expect(record.value?.toString()).to.equal(row === undefined ? undefined : JSON.stringify(row.value))
        expect(record.timestampMs).to.equal(this.dirty.get(record.key.toString()))
      }
      this.stored = copyOf(this.live)
      this.dirty.clear()
      expect(this.store.dirtyEntries).to.equal(0)
      this.line.rotated(copyOf(this.live), records)
      return
    }
    const committed = this.line.commitNewest()
    if (committed === null) return this.#write()
    this.committed = committed.rows
    this.log.push(...committed.records)
  }

  async #write(): Promise<void> {
    const written = await this.line.advanceOldest()
    if (written !== null) this.durableRecords += written.records.length
  }

  async #range(from: string | null, to: string | null, reverse: boolean): Promise<void> {
    const within = (name: string): boolean =>
      (from === null || byBytes(name, canonical(from)) >= 0) && (to === null || byBytes(name, canonical(to)) <= 0)
    const expected = sorted(this.live, within)
    const rows = reverse ? this.store.reverseRange(from, to) : this.store.range(from, to)
    expect(await gather(rows)).to.deep.equal(reverse ? expected.reverse() : expected)
  }

  async #query(name: string): Promise<void> {
    const view = this.store.committedView()
    const row = this.committed.get(canonical(name))
    expect(await view.get(name)).to.deep.equal(row?.value)
    expect(await view.getWithTimestamp(name)).to.deep.equal(row)
    const all = sorted(this.committed, () => true).map(([own, { value }]) => [own, value])
    expect(await gather(view.all())).to.deep.equal(all)
    expect(await view.approximateEntryCount()).to.equal(this.committed.size)
    expect(await gather(view.reverseAll())).to.deep.equal(all.reverse())
  }

  async #die(): Promise<void> {
    this.store = await this.bench.dieAndReopen()
    if (this.keepOld) this.store.keepOldValues()
    const lost = this.durable ? this.log.slice(this.durableRecords) : this.log
    // One record a key: then the count of rows is exact.
    await this.bench.restore(compacted(lost))
    this.durableRecords = this.log.length
    this.live = copyOf(this.committed)
    this.told = copyOf(this.committed)
    this.stored = copyOf(this.committed)
    this.untold = []
    this.dirty.clear()
    this.line.clear()
  }
}

function compacted(records: readonly Logged[]): Logged[] {
  const last = new Map<string, Logged>()
  for (const record of records) last.set(record.key.toString('latin1'), record)
  return [...last.values()]
}

export function keyValueSuite(name: string, makeHome: () => Home, manifest: { readonly durable: boolean }): void {
  describe(`a timestamped key-value store on ${name}`, () => {
    for (const { title, cleanCacheBytesMax, keepOld } of [
      { title: 'with room for all', cleanCacheBytesMax: 1 << 20, keepOld: false },
      { title: 'that keeps old values', cleanCacheBytesMax: 1 << 20, keepOld: true },
      { title: 'with hardly any cache', cleanCacheBytesMax: 1500, keepOld: true },
      { title: 'that forgets at every commit', cleanCacheBytesMax: 0, keepOld: false },
    ]) {
      it(`agrees with a Map over random histories, ${title}`, async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(keyValueOperation, { minLength: 30, maxLength: 80 }), async (operations) => {
            const home = makeHome()
            const story = new KeyValueStory(home, manifest.durable, cleanCacheBytesMax, keepOld)
            await story.open()
            try {
              for (const operation of operations) await story.take(operation)
              await story.take({ kind: 'range', from: null, to: null, reverse: false })
              for (const own of keys) await story.take({ kind: 'get', key: own })
            } finally {
              await story.bench.close()
            }
          }),
          { numRuns: name === 'level' ? 6 : 50 },
        )
      })
    }
  })
}
