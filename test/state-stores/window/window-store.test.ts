import { expect } from 'chai'
import { StreamError } from '../../../src/base/errors.ts'
import { rowChunkBytesMax } from '../../../src/base/limits.ts'
import { noHeaders } from '../../../src/base/serde.ts'
import { int64, json, string } from '../../../src/serdes/index.ts'
import { stores } from '../../../state-stores/index.ts'
import { Bench, gather, type Home, levelHome, memoryHome, simulatedHome } from '../support/home.ts'

const second = 1000
const minute = 60 * second
const day = 24 * 60 * minute

function texts(home: Home, retentionMs: number, options: { cleanCacheBytesMax?: number } = {}) {
  const plan = stores.timestampedWindow({
    name: 'texts',
    key: string,
    value: string,
    engine: home.supplier,
    windowSizeMs: 10 * second,
    retentionMs,
  })
  return new Bench(home, plan, options)
}

type Texts = ReturnType<typeof texts>

function fetched(bench: Texts, key: string, from = 0, to = Number.MAX_SAFE_INTEGER): [number, string][] {
  const found: [number, string][] = []
  bench.store.fetch(key, from, to, ({ value }, startMs) => found.push([startMs, value]))
  return found
}

/** Rows of the engine under the store: their keys' length and their values' length. */
async function rowsOf(bench: Texts): Promise<[string, number][]> {
  const snapshot = bench.engine.snapshot()
  const rows = await gather(snapshot.scan({ gte: Buffer.from([0, 0, 0, 1, 0]), lt: Buffer.from([0, 0, 0, 1, 0x80]) }))
  await snapshot.close()
  return rows.map(([key, value]) => [key.subarray(12).toString('latin1'), value.length])
}

describe('a window store', () => {
  it('says of which window a value cannot be written', async () => {
    const bench = texts(simulatedHome(), minute)
    const store = await bench.open()
    store.put('k', { value: 'seven', timestamp: 1 }, 10 * second)
    // @ts-expect-error the values are texts
    expect(() => store.put('k', { value: 7, timestamp: 1 }, 10 * second)).to.throw(
      /^SERDE_FAILED: store 'texts', key 'k', window from 10000: string cannot write 7/,
    )
    // @ts-expect-error the keys are texts
    expect(() => store.at(7, 10 * second)).to.throw(/^SERDE_FAILED: store 'texts', key 7: string cannot write 7/)
    await bench.close()
  })
})

describe('a window store on LevelDB', () => {
  it('fetches the windows of a key, from memory, from packed rows, and over buckets', async () => {
    const bench = texts(levelHome(), 10 * minute, { cleanCacheBytesMax: 0 })
    await bench.open()
    const expected: [number, string][] = []
    for (let at = 0; at < 9 * minute; at += 10 * second) {
      bench.store.put('a', { value: `a${at}`, timestamp: at }, at)
      bench.store.put('b', { value: `b${at}`, timestamp: at }, at)
      expected.push([at, `a${at}`])
      if (at % minute === 0) await bench.commit()
    }
    expect(fetched(bench, 'a')).to.deep.equal(expected)
    await bench.commit()
    await bench.dieAndReopen()
    expect(fetched(bench, 'a')).to.deep.equal(expected)
    expect(fetched(bench, 'a', minute, 2 * minute)).to.deep.equal(expected.slice(6, 13))
    expect(bench.store.at('b', 10 * second)).to.deep.equal({ value: 'b10000', timestamp: 10 * second })
    expect(fetched(bench, 'c')).to.deep.equal([])
    // 9 minutes of two keys lie in two buckets of 5 minutes: four rows.
    expect(await rowsOf(bench)).to.have.length(4)
    await bench.close()
  })

  it('clears buckets when all in them has expired, after telling and logging what is in them', async () => {
    const bench = texts(levelHome(), minute)
    const { store } = { store: await bench.open() }
    store.put('a', { value: 'first', timestamp: 1 }, 0)
    await bench.commit()
    expect(await rowsOf(bench)).to.have.length(1)
    store.put('b', { value: 'old', timestamp: 2 }, 30 * second)
    store.put('a', { value: 'new', timestamp: 3 }, 10 * minute)
    const told: string[] = []
    store.flush((key, startMs, value) => told.push(`${key}@${startMs}=${value}`))
    expect(told).to.deep.equal(['b@30000=old', 'a@600000=new'])
    expect((await bench.commit()).map(({ value }) => value?.toString())).to.deep.equal(['old', 'new'])
    expect(await rowsOf(bench)).to.have.length(1)
    expect(await gather(store.all())).to.deep.equal([['a', 600000, { value: 'new', timestamp: 3 }]])
    await bench.close()
  })

  it('shows queries what is committed though the next generation, not committed yet, lets it expire', async () => {
    for (const home of [levelHome(), simulatedHome()]) {
      const bench = texts(home, minute)
      const store = await bench.open()
      store.put('a', { value: 'first', timestamp: 1 }, 0)
      bench.rotate()
      store.committed()
      const seen = store.committedView()
      store.put('b', { value: 'later', timestamp: 2 }, 10 * minute)
      bench.rotate()
      expect(await seen.fetch('a', 0, minute)).to.deep.equal([[0, 'first']])
      expect(await gather(seen.all())).to.deep.equal([['a', 0, 'first']])
      await bench.stage().write({ sync: true })
      store.settled()
      expect(await seen.at('a', 0)).to.equal('first')
      store.committed()
      expect(await gather(seen.all())).to.deep.equal([['b', 10 * minute, 'later']])
      await bench.stage().write({ sync: true })
      store.settled()
      await bench.close()
    }
  })

  it('clears at the next open what a death left behind', async () => {
    const bench = texts(levelHome(), minute)
    await bench.open()
    bench.store.put('a', { value: 'first', timestamp: 1 }, 0)
    await bench.commit()
    bench.store.put('a', { value: 'later', timestamp: 1 }, 10 * minute)
    bench.rotate()
    bench.store.committed()
    // The rows were written, the clearing was not.
    const batch = bench.stage()
    const whole = batch.clear
    batch.clear = () => undefined
    await batch.write({ sync: true })
    batch.clear = whole
    await bench.dieAndReopen()
    expect(fetched(bench, 'a')).to.deep.equal([[600000, 'later']])
    await bench.close()
  })

  it('remembers over a restart how far time was, so that what has expired stays so', async () => {
    const bench = texts(levelHome(), minute)
    await bench.open()
    bench.store.put('a', { value: 'x', timestamp: 1 }, 30 * second)
    await bench.commit()
    bench.store.put('b', { value: 'y', timestamp: 1 }, 90 * second)
    bench.store.put('b', null, 90 * second)
    await bench.commit()
    await bench.dieAndReopen()
    expect(fetched(bench, 'a')).to.deep.equal([])
    await bench.close()
  })
})

describe('packed rows', () => {
  it('are cut into chunks of 16 KiB, and an append writes the last one only', async () => {
    const bench = texts(simulatedHome(), 2 * day, { cleanCacheBytesMax: 0 })
    await bench.open()
    const pad = '.'.repeat(3000)
    const expected: [number, string][] = []
    for (let index = 0; index < 20; index++) {
      bench.store.put('k', { value: `${index}${pad}`, timestamp: index }, index * 10 * second)
      expected.push([index * 10 * second, `${index}${pad}`])
    }
    await bench.commit()
    const chunks = await rowsOf(bench)
    expect(chunks.map(([key]) => key)).to.deep.equal(['k\0\0', 'k\0\x01', 'k\0\x02', 'k\0\x03'])
    for (const [, length] of chunks) expect(length).to.be.at.most(rowChunkBytesMax)
    bench.store.put('k', { value: 'tail', timestamp: 20 }, 200 * second)
    bench.rotate()
    bench.store.committed()
    const batch = bench.stage()
    // The last chunk and the largest start.
    expect(batch.length).to.equal(2)
    await batch.write({ sync: true })
    bench.store.settled()
    await bench.dieAndReopen()
    expect(fetched(bench, 'k')).to.deep.equal([...expected, [200 * second, 'tail']])
    await bench.close()
  })

  it('keep a value that is larger than a chunk', async () => {
    const bench = texts(simulatedHome(), 2 * day)
    await bench.open()
    const large = 'x'.repeat(100_000)
    for (const at of [0, 20, 10]) bench.store.put('k', { value: large + at, timestamp: 1 }, at * second)
    await bench.commit()
    await bench.dieAndReopen()
    expect(fetched(bench, 'k').map(([at, value]) => [at, value.length])).to.deep.equal([
      [0, 100_001],
      [10_000, 100_002],
      [20_000, 100_002],
    ])
    for (const at of [0, 10]) bench.store.put('k', null, at * second)
    await bench.commit()
    expect(await rowsOf(bench)).to.have.length(1)
    bench.store.put('k', null, 20 * second)
    await bench.commit()
    expect(await rowsOf(bench)).to.have.length(0)
    await bench.close()
  })
})

describe('a packed row that has lost its end', () => {
  it('is STORE_CORRUPT to who reads it, scans it or restores into it', async () => {
    const bench = texts(levelHome(), 2 * day, { cleanCacheBytesMax: 0 })
    await bench.open()
    for (let at = 0; at < 10; at++) bench.store.put('k', { value: '.'.repeat(3000), timestamp: 1 }, at * 10 * second)
    const records = await bench.commit()
    await bench.dieAndReopen()
    const batch = bench.engine.batch()
    const snapshot = bench.engine.snapshot()
    const rows = await gather(snapshot.scan({ gte: Buffer.from([0, 0, 0, 1, 0]), lt: Buffer.from([0, 0, 0, 1, 0x80]) }))
    await snapshot.close()
    batch.del(rows[1]![0])
    await batch.write({ sync: true })
    for (const read of [
      () => fetched(bench, 'k'),
      () => gather(bench.store.all()),
      () => bench.restore(records.slice(0, 1)),
    ]) {
      let caught: unknown
      try {
        await read()
      } catch (error) {
        caught = error
      }
      expect(StreamError.is(caught, 'STORE_CORRUPT')).to.equal(true)
    }
    await bench.close()
  })
})

describe('a window store', () => {
  it('lets a held entry write through after a commit and a turn of the cache', async () => {
    const bench = texts(simulatedHome(), day, { cleanCacheBytesMax: 0 })
    const store = await bench.open()
    const held = store.entry('a', 0)
    store.update(held, 'one', 1, noHeaders)
    await bench.commit()
    await bench.commit()
    await bench.commit()
    const other = store.entry('a', 0)
    expect(other.value).to.equal('one')
    store.update(held, 'two', 2, noHeaders)
    expect(store.at('a', 0)).to.deep.equal({ value: 'two', timestamp: 2 })
    await bench.commit()
    await bench.dieAndReopen()
    expect(fetched(bench, 'a')).to.deep.equal([[0, 'two']])
    await bench.close()
  })

  it('writes Kafka Streams’ changelog keys: key ‖ int64 start ‖ int32 0', async () => {
    const home = memoryHome()
    const plan = stores.window({
      name: 's',
      key: string,
      value: int64,
      engine: home.supplier,
      windowSizeMs: 10,
      retentionMs: 100,
    })
    const bench = new Bench(home, plan)
    const store = await bench.open()
    bench.nowMs = 31
    store.put('a', 7, 10)
    store.put('b', null, 20)
    const records = await bench.commit()
    expect(
      records.map(({ key, value, timestampMs }) => [key.toString('hex'), value?.toString('hex'), timestampMs]),
    ).to.deep.equal([
      ['61000000000000000a00000000', '0000000000000007', 31],
      ['62000000000000001400000000', undefined, 31],
    ])
    await bench.close()
  })

  it('counts what is put too late, by its bucket on disk and exactly in memory, and logs it all the same', async () => {
    for (const { home, dropped } of [
      { home: simulatedHome(), dropped: 1 },
      { home: memoryHome(), dropped: 2 },
    ]) {
      const bench = texts(home, 3 * minute)
      await bench.open()
      bench.store.put('a', { value: 'now', timestamp: 1 }, 10 * minute)
      bench.store.put('a', { value: 'a little late', timestamp: 2 }, 6.5 * minute)
      bench.store.put('a', { value: 'very late', timestamp: 3 }, minute)
      expect(bench.dropped).to.equal(dropped)
      expect(fetched(bench, 'a')).to.deep.equal([[10 * minute, 'now']])
      expect(await bench.commit()).to.have.length(3)
      expect(fetched(bench, 'a')).to.deep.equal([[10 * minute, 'now']])
      await bench.close()
    }
  })

  it('scans by key, then time on disk, and by time, then key in memory', async () => {
    for (const { home, order } of [
      { home: simulatedHome(), order: ['a@20', 'a@30', 'b@10'] },
      { home: memoryHome(), order: ['b@10', 'a@20', 'a@30'] },
    ]) {
      const bench = texts(home, minute)
      await bench.open()
      for (const [key, at] of [
        ['a', 20],
        ['b', 10],
        ['a', 30],
      ] as const) {
        bench.store.put(key, { value: 'x', timestamp: 1 }, at)
      }
      const shown = async (rows: AsyncIterable<[string, number, unknown]>): Promise<string[]> =>
        (await gather(rows)).map(([key, at]) => `${key}@${at}`)
      expect(await shown(bench.store.all())).to.deep.equal(order)
      await bench.commit()
      expect(await shown(bench.store.all())).to.deep.equal(order)
      expect(await shown(bench.store.committedView().all())).to.deep.equal(order)
      expect(await shown(bench.store.backwardAll())).to.deep.equal([...order].reverse())
      await bench.close()
    }
  })

  it('is restored row by row, however records are cut into batches', async () => {
    const source = texts(simulatedHome(), day)
    await source.open()
    const records = []
    for (let round = 0; round < 6; round++) {
      for (const key of ['a', 'a\0', 'b']) {
        for (let window = 0; window < 4; window++) {
          const startMs = ((round + window) % 7) * 10 * second
          const gone = (round + window) % 5 === 4
          source.store.put(key, gone ? null : { value: `${key}${round}`, timestamp: round }, startMs)
        }
      }
      records.push(...(await source.commit()))
    }
    const expected = await gather(source.store.all())
    for (const recordsPerBatch of [1, 5, 1000]) {
      const bench = texts(simulatedHome(), day)
      await bench.open()
      await bench.restore(records, recordsPerBatch)
      expect(await gather(bench.store.all())).to.deep.equal(expected)
      expect(fetched(bench, 'a')).to.deep.equal(fetched(source, 'a'))
      await bench.close()
    }
    await source.close()
  })

  it('begins anew when its rows were cleared for a rebuild', async () => {
    const bench = texts(simulatedHome(), minute)
    await bench.open()
    bench.store.put('a', { value: 'far ahead', timestamp: 1 }, day)
    await bench.commit()
    await bench.dieAndReopen()
    const clearing = bench.engine.batch()
    clearing.clear(Buffer.from([0, 0, 0, 1]), Buffer.from([0, 0, 0, 2]))
    await clearing.write({ sync: true })
    bench.store.cleared?.()
    bench.store.put('a', { value: 'early', timestamp: 1 }, second)
    expect(fetched(bench, 'a')).to.deep.equal([[second, 'early']])
    await bench.commit()
    await bench.dieAndReopen()
    expect(fetched(bench, 'a')).to.deep.equal([[second, 'early']])
    await bench.close()
  })

  it('begins anew when its rows were cleared in the middle of a restore', async () => {
    const bench = texts(simulatedHome(), minute)
    await bench.open()
    bench.store.put('a', { value: 'early', timestamp: 1 }, second)
    const early = await bench.commit()
    bench.store.put('a', { value: 'far ahead', timestamp: 1 }, day)
    const ahead = await bench.commit()
    await bench.close()
    const other = texts(simulatedHome(), minute)
    const store = await other.open()
    await other.restore(ahead)
    const clearing = other.engine.batch()
    clearing.clear(Buffer.from([0, 0, 0, 1]), Buffer.from([0, 0, 0, 2]))
    await clearing.write({ sync: true })
    store.cleared?.()
    await other.restore(early)
    expect(fetched(other, 'a')).to.deep.equal([[second, 'early']])
    await other.close()
  })

  it('gives out a key that nobody can change for it', async () => {
    const home = simulatedHome()
    const plan = stores.timestampedWindow({
      name: 's',
      key: json<string[]>(),
      value: int64,
      engine: home.supplier,
      windowSizeMs: 10,
      retentionMs: minute,
    })
    const bench = new Bench(home, plan, { cleanCacheBytesMax: 0 })
    const store = await bench.open()
    const found: unknown[] = []
    const spoil = (key: string[], startMs: number): void => {
      found.push([[...key], startMs])
      key.push('changed')
    }
    store.put(['k'], { value: 1, timestamp: 1 }, 0)
    store.put(['k'], { value: 2, timestamp: 2 }, 10)
    for (let round = 0; round < 4; round++) {
      store.flush(spoil)
      for (const [key, startMs] of await gather(store.all())) spoil(key, startMs)
      await bench.commit()
    }
    expect(found).to.deep.equal(
      Array.from({ length: 5 }, () => [
        [['k'], 0],
        [['k'], 10],
      ]).flat(),
    )
    await bench.close()
  })

  it('refuses a window before 1970: INPUT_INVALID', async () => {
    const bench = texts(memoryHome(), minute)
    const store = await bench.open()
    expect(() => store.put('a', { value: 'x', timestamp: 1 }, -5)).to.throw('INPUT_INVALID')
    expect(() => store.put('a', { value: 'x', timestamp: 1 }, 0.5)).to.throw('INPUT_INVALID')
    await bench.close()
  })
})
