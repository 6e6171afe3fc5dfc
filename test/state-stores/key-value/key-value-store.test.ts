import { expect } from 'chai'
import { AssertionError } from '../../../src/base/assert.ts'
import { StreamError } from '../../../src/base/errors.ts'
import { noHeaders, type Serde } from '../../../src/base/serde.ts'
import { bytes, float64, int64, json, string, uuid } from '../../../src/serdes/index.ts'
import { stores } from '../../../state-stores/index.ts'
import { Bench, type Changelog, gather, levelHome, memoryHome, simulatedHome } from '../support/home.ts'

function counts(options: { cleanCacheBytesMax?: number } = {}) {
  const home = simulatedHome()
  const plan = stores.timestampedKeyValue({ name: 'counts', key: string, value: int64, engine: home.supplier })
  return new Bench(home, plan, options)
}

function told(bench: ReturnType<typeof counts>): string[] {
  const lines: string[] = []
  bench.store.flush((key, after, before, timestampMs) => lines.push(`${key}: ${before} → ${after} @${timestampMs}`))
  return lines
}

describe('a plain key-value store', () => {
  for (const { name, makeHome } of [
    { name: 'level', makeHome: levelHome },
    { name: 'memory', makeHome: memoryHome },
  ]) {
    it(`does on ${name} what Kafka Streams' store does`, async () => {
      const home = makeHome()
      const bench = new Bench(home, stores.keyValue({ name: 's', key: string, value: string, engine: home.supplier }))
      const store = await bench.open()
      for (const [key, value] of [
        ['b', '2'],
        ['a', '1'],
        ['c', '3'],
        ['ab', '12'],
      ] as const)
        store.put(key, value)
      expect(store.get('a')).to.equal('1')
      expect(store.get('x')).to.equal(undefined)
      expect(await gather(store.all())).to.deep.equal([
        ['a', '1'],
        ['ab', '12'],
        ['b', '2'],
        ['c', '3'],
      ])
      await bench.commit()
      expect(await gather(store.reverseAll())).to.deep.equal([
        ['c', '3'],
        ['b', '2'],
        ['ab', '12'],
        ['a', '1'],
      ])
      expect(await gather(store.range('a', 'b'))).to.deep.equal([
        ['a', '1'],
        ['ab', '12'],
        ['b', '2'],
      ])
      expect(await gather(store.range('ab', null))).to.deep.equal([
        ['ab', '12'],
        ['b', '2'],
        ['c', '3'],
      ])
      expect(await gather(store.reverseRange(null, 'ab'))).to.deep.equal([
        ['ab', '12'],
        ['a', '1'],
      ])
      expect(await gather(store.range('c', 'a'))).to.deep.equal([])
      expect(await gather(store.prefixScan('a'))).to.deep.equal([
        ['a', '1'],
        ['ab', '12'],
      ])
      expect(store.putIfAbsent('a', '9')).to.equal('1')
      expect(store.putIfAbsent('d', '4')).to.equal(undefined)
      expect(store.delete('b')).to.equal('2')
      expect(store.delete('b')).to.equal(undefined)
      expect(await gather(store.all())).to.deep.equal([
        ['a', '1'],
        ['ab', '12'],
        ['c', '3'],
        ['d', '4'],
      ])
      expect(store.approximateEntryCount()).to.equal(4)
      await bench.close()
    })
  }

  it('stamps its changelog records with the time of the record, and logs the delete of what was not there', async () => {
    const home = memoryHome()
    const bench = new Bench(home, stores.keyValue({ name: 's', key: string, value: string, engine: home.supplier }))
    const store = await bench.open()
    bench.nowMs = 5
    store.put('a', 'x')
    bench.nowMs = 7
    store.delete('b')
    const records = await bench.commit()
    expect(records.map(({ key, value, timestampMs }) => [`${key}`, value?.toString(), timestampMs])).to.deep.equal([
      ['a', 'x', 5],
      ['b', undefined, 7],
    ])
    await bench.close()
  })

  it('keeps rows of stores on one engine apart', async () => {
    const home = simulatedHome()
    const plan = stores.keyValue({ name: 's', key: string, value: string, engine: home.supplier })
    const one = new Bench(home, plan, { storeId: 1 })
    await one.open()
    const other = plan.build()
    await other.open(one.context(2))
    one.store.put('k', 'one')
    other.put('k', 'two')
    const batch = one.engine.batch()
    for (const store of [one.store, other]) {
      store.rotate(null)
      store.committed()
      store.stage(batch)
    }
    await batch.write({ sync: true })
    for (const store of [one.store, other]) store.settled()
    expect(await gather(one.store.all())).to.deep.equal([['k', 'one']])
    expect(await gather(other.all())).to.deep.equal([['k', 'two']])
    await one.close()
  })
})

describe('a timestamped key-value store', () => {
  it('coalesces updates of a key to one record a commit, the last first put last', async () => {
    const bench = counts()
    const store = await bench.open()
    for (const [index, key] of ['a', 'b', 'a', 'c', 'a'].entries()) {
      const entry = store.entry(key)
      store.update(entry, (entry.value ?? 0) + 1, index, noHeaders)
    }
    expect(store.dirtyEntries).to.equal(3)
    expect(store.dirtyBytes).to.be.greaterThan(3)
    expect(told(bench)).to.deep.equal(['b: null → 1 @1', 'c: null → 1 @3', 'a: null → 3 @4'])
    const records = await bench.commit()
    expect(records.map(({ key }) => key.toString())).to.deep.equal(['b', 'c', 'a'])
    expect(records[2]?.value?.toString('hex')).to.equal('0000000000000003')
    expect(store.dirtyEntries).to.equal(0)
    await bench.close()
  })

  it('leaves out what came and went between two flushes, from the changelog too', async () => {
    const bench = counts()
    const store = await bench.open()
    store.put('a', { value: 1, timestamp: 1 })
    store.put('a', null)
    expect(told(bench)).to.deep.equal([])
    expect(await bench.commit()).to.deep.equal([])
    await bench.close()
  })

  it('tells entries that change while it flushes', async () => {
    const bench = counts()
    const store = await bench.open()
    store.put('a', { value: 1, timestamp: 1 })
    store.put('b', { value: 1, timestamp: 1 })
    const lines: string[] = []
    store.flush((key, after) => {
      lines.push(`${key}=${after}`)
      if (lines.length === 1) {
        store.put('a', { value: 2, timestamp: 2 })
        store.put('c', { value: 3, timestamp: 2 })
      }
    })
    expect(lines).to.deep.equal(['a=1', 'b=1', 'a=2', 'c=3'])
    await bench.close()
  })

  it('gives old values as they were last told, not as an accumulator has become', async () => {
    const home = simulatedHome()
    const plan = stores.timestampedKeyValue({ name: 's', key: string, value: json<number[]>(), engine: home.supplier })
    const bench = new Bench(home, plan)
    const store = await bench.open()
    store.keepOldValues()
    const lines: string[] = []
    for (let round = 1; round <= 3; round++) {
      const entry = store.entry('k')
      const list = entry.value ?? []
      list.push(round)
      store.update(entry, list, round, noHeaders)
      if (round === 2) {
        // Two flushes before one rotation: each tells from the one before.
        store.flush((_key, after, before) => lines.push(`${before} → ${after}`))
        const again = store.entry('k')
        again.value?.push(9)
        store.update(again, again.value, round, noHeaders)
      }
      store.flush((_key, after, before) => lines.push(`${before} → ${after}`))
      await bench.commit()
    }
    expect(lines).to.deep.equal(['null → 1', '1 → 1,2', '1,2 → 1,2,9', '1,2,9 → 1,2,9,3'])
    await bench.close()
  })

  it('gives out a key that nobody can change for it', async () => {
    const home = simulatedHome()
    const plan = stores.timestampedKeyValue({
      name: 's',
      key: json<string[]>(),
      value: int64,
      engine: home.supplier,
    })
    const bench = new Bench(home, plan)
    const store = await bench.open()
    store.put(['k'], { value: 1, timestamp: 1 })
    for (let round = 0; round < 2; round++) {
      store.flush((key) => key.push('changed'))
      store.put(['k'], { value: 2, timestamp: 2 })
    }
    for (const [key] of await gather(store.all())) key.push('changed')
    const told: unknown[] = []
    store.flush((key) => told.push(key))
    expect(told).to.deep.equal([['k']])
    await bench.close()
  })

  it('says of which row a value cannot be written', async () => {
    const bench = counts()
    const store = await bench.open()
    const refused = /^SERDE_FAILED: store 'counts', key 'k': int64 cannot write 0.5/
    expect(() => store.put('k', { value: 0.5, timestamp: 1 })).to.throw(StreamError, refused)
    // @ts-expect-error the keys are texts
    expect(() => store.get(7)).to.throw(StreamError, /^SERDE_FAILED: store 'counts', key 7: string cannot write 7/)
    await bench.close()
  })

  it('is as before when an object cannot be written', async () => {
    const home = simulatedHome()
    const plan = stores.timestampedKeyValue({ name: 's', key: string, value: json<unknown>(), engine: home.supplier })
    const bench = new Bench(home, plan)
    const store = await bench.open()
    store.put('k', { value: ['first'], timestamp: 1 })
    const circle: unknown[] = []
    circle.push(circle)
    const failing = (): void => store.put('k', { value: circle, timestamp: 2 })
    expect(failing).to.throw(StreamError, /^SERDE_FAILED: store 's', key 'k': json cannot write/)
    expect(store.get('k')).to.deep.equal({ value: ['first'], timestamp: 1 })
    expect((await bench.commit()).map(({ value }) => value?.toString())).to.deep.equal(['["first"]'])
    await bench.close()
  })

  it('lets a held entry write through after the cache has turned', async () => {
    const bench = counts({ cleanCacheBytesMax: 0 })
    const store = await bench.open()
    store.put('a', { value: 1, timestamp: 1 })
    bench.rotate()
    store.committed()
    await bench.stage().write({ sync: true })
    // An asynchronous step holds it while step 4 settles.
    const held = store.entry('a')
    store.settled()
    store.update(held, 2, 2, noHeaders)
    expect(store.get('a')).to.deep.equal({ value: 2, timestamp: 2 })
    await bench.commit()
    await bench.commit()
    await bench.commit()
    const stale = store.entry('a')
    await bench.commit()
    await bench.commit()
    await bench.commit()
    expect(store.get('a')).to.deep.equal({ value: 2, timestamp: 2 })
    store.update(stale, 3, 3, noHeaders)
    expect(store.get('a')).to.deep.equal({ value: 3, timestamp: 3 })
    await bench.close()
  })

  it('finds rows by keys of any type by their bytes', async () => {
    async function roundTrip<K>(serde: Serde<K>, key: K, same: K, other: K): Promise<void> {
      const home = simulatedHome()
      const plan = stores.timestampedKeyValue({ name: 's', key: serde, value: string, engine: home.supplier })
      const bench = new Bench(home, plan)
      const store = await bench.open()
      store.put(key, { value: 'mine', timestamp: 1 })
      expect(store.get(same)?.value).to.equal('mine')
      expect(store.get(other)).to.equal(undefined)
      await bench.commit()
      const again = await bench.dieAndReopen()
      expect(again.get(same)?.value).to.equal('mine')
      expect(again.get(other)).to.equal(undefined)
      await bench.close()
    }
    await roundTrip(json<{ id: number }>(), { id: 1 }, { id: 1 }, { id: 2 })
    await roundTrip(bytes, Buffer.from([0, 255]), Buffer.from([0, 255]), Buffer.from([0]))
    await roundTrip(int64, 5, 5, -5)
    await roundTrip(float64, 0, 0, -0)
    await roundTrip(
      uuid,
      'f81d4fae-7dec-11d0-a765-00a0c91e6bf6',
      'F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6',
      'f81d4fae-7dec-11d0-a765-00a0c91e6bf7',
    )
    await roundTrip(string, '\ud83d', '\ufffd', '\ud83d\ude00')
  })

  it('refuses a value that its serde refuses, at the put, which leaves no trace', async () => {
    const bench = counts()
    const store = await bench.open()
    store.put('a', { value: 1, timestamp: 1 })
    expect(() => store.put('a', { value: 0.5, timestamp: 2 })).to.throw(StreamError, 'SERDE_FAILED')
    expect(store.get('a')).to.deep.equal({ value: 1, timestamp: 1 })
    bench.rotate()
    await bench.close()
  })

  it('asserts the order of a commit (ST2, ST3)', async () => {
    const bench = counts()
    const store = await bench.open()
    store.put('a', { value: 1, timestamp: 1 })
    bench.rotate()
    expect(() => bench.stage()).to.throw(AssertionError, 'ST2')
    expect(() => store.rotate(null)).to.throw(AssertionError, 'ST3')
    store.committed()
    expect(() => store.committed()).to.throw(AssertionError, 'ST2')
    // While the first is written, the next may be committed, and no more.
    store.rotate(null)
    store.committed()
    expect(() => store.rotate(null)).to.throw(AssertionError, 'ST3')
    store.settled()
    store.rotate(null)
    await bench.close()
  })

  it('is restored from an uncompacted changelog, the last record of a key wins', async () => {
    const bench = counts()
    const store = await bench.open()
    const records = []
    for (let round = 1; round <= 5; round++) {
      for (const key of ['a', 'b', 'c'])
        store.put(key, round === 4 && key === 'b' ? null : { value: round, timestamp: round })
      records.push(...(await bench.commit()))
    }
    const other = counts()
    await other.open()
    await other.restore(records, 7)
    expect(await gather(other.store.all())).to.deep.equal(await gather(store.all()))
    await bench.close()
    await other.close()
  })

  it('begins anew when its rows were cleared for a rebuild', async () => {
    const bench = counts()
    await bench.open()
    for (const key of ['a', 'b', 'c']) bench.store.put(key, { value: 1, timestamp: 1 })
    const records = await bench.commit()
    const store = await bench.dieAndReopen()
    const clearing = bench.engine.batch()
    clearing.clear(Buffer.from([0, 0, 0, 1]), Buffer.from([0, 0, 0, 2]))
    await clearing.write({ sync: true })
    await bench.restore(records.slice(0, 2))
    expect(store.approximateEntryCount()).to.equal(2)
    expect(store.get('c')).to.equal(undefined)
    expect(store.get('a')).to.deep.equal({ value: 1, timestamp: 1 })
    await bench.close()
  })

  it('begins anew when its rows were cleared in the middle of a restore', async () => {
    const source = counts()
    await source.open()
    for (const key of ['a', 'b', 'c']) source.store.put(key, { value: 1, timestamp: 1 })
    const records = await source.commit()
    await source.close()
    const bench = counts()
    const store = await bench.open()
    await bench.restore(records.slice(0, 2))
    const clearing = bench.engine.batch()
    clearing.clear(Buffer.from([0, 0, 0, 1]), Buffer.from([0, 0, 0, 2]))
    await clearing.write({ sync: true })
    store.cleared?.()
    await bench.restore(records, 1)
    expect(store.approximateEntryCount()).to.equal(3)
    expect((await gather(store.all())).map(([key]) => key)).to.deep.equal(['a', 'b', 'c'])
    await bench.close()
  })

  it('logs nothing when there is no changelog', async () => {
    const bench = counts()
    const store = await bench.open()
    const changelog: Changelog | null = null
    store.put('a', { value: 1, timestamp: 1 })
    store.rotate(changelog)
    store.committed()
    await bench.stage().write({ sync: true })
    store.settled()
    expect((await bench.dieAndReopen()).get('a')?.value).to.equal(1)
    await bench.close()
  })

  it('stays within its cache bound over many more keys, and still finds all', async () => {
    const bench = counts({ cleanCacheBytesMax: 200_000 })
    const store = await bench.open()
    for (let round = 0; round < 10; round++) {
      for (let index = 0; index < 1000; index++) store.put(`key-${round}-${index}`, { value: index, timestamp: round })
      await bench.commit()
    }
    for (let round = 0; round < 10; round++) expect(store.get(`key-${round}-500`)?.value).to.equal(500)
    expect(store.approximateEntryCount()).to.equal(10_000)
    await bench.close()
  })
})
