import { expect } from 'chai'
import fc from 'fast-check'
import type { Clock } from '../../../src/base/clock.ts'
import { deferred } from '../../../src/base/deferred.ts'
import { StreamError } from '../../../src/base/errors.ts'
import { snapshotLifeMsMax } from '../../../src/base/limits.ts'
import { type Machine, systemMachine } from '../../../src/base/machine.ts'
import type { StateEngine } from '../../../src/processor/state-engine.ts'
import { MemoryEngines } from '../../../state-stores/engines/memory-engine.ts'
import { levelWrites } from '../../../state-stores/engines/write-queue.ts'
import { gather, type Home, levelHome, memoryHome, simulatedHome } from '../support/home.ts'

function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

async function put(engine: StateEngine, rows: { readonly [key: string]: string }, sync = true): Promise<void> {
  const batch = engine.batch()
  for (const [key, value] of Object.entries(rows)) batch.put(bytes(key), bytes(value))
  await batch.write({ sync })
}

async function rowsOf(engine: StateEngine, gte = '', lt = '\xff\xff\xff', reverse = false): Promise<string[]> {
  const snapshot = engine.snapshot()
  try {
    const rows = await gather(snapshot.scan({ gte: bytes(gte), lt: bytes(lt), reverse }))
    return rows.map(([key, value]) => `${key.toString('latin1')}=${value.toString('latin1')}`)
  } finally {
    await snapshot.close()
  }
}

async function codeOf(run: () => unknown): Promise<string> {
  try {
    await run()
  } catch (error) {
    if (StreamError.is(error)) return error.code
    throw error
  }
  return 'nothing was thrown'
}

/** What every engine does. */
function engineSuite(name: string, makeHome: () => Home, manifest: { readonly durable: boolean }): void {
  describe(`the ${name} engine`, () => {
    let home: Home
    let engine: StateEngine

    beforeEach(async () => {
      home = makeHome()
      engine = await home.supplier.open(systemMachine, home.directory)
    })

    afterEach(async () => {
      await engine.close()
      home.dispose()
    })

    it('gives what was put, and undefined for what was not', async () => {
      await put(engine, { a: '1', b: '' })
      expect(engine.get(bytes('a'))?.toString()).to.equal('1')
      expect(engine.get(bytes('b'))?.length).to.equal(0)
      expect(engine.get(bytes('c'))).to.equal(undefined)
    })

    it('shows nothing of a batch before it is written, and all of it after', async () => {
      await put(engine, { a: '1', b: '2' })
      const batch = engine.batch()
      batch.put(bytes('c'), bytes('3'))
      batch.del(bytes('a'))
      batch.put(bytes('b'), bytes('4'))
      expect(batch.length).to.equal(3)
      expect(await rowsOf(engine)).to.deep.equal(['a=1', 'b=2'])
      await batch.write({ sync: true })
      expect(await rowsOf(engine)).to.deep.equal(['b=4', 'c=3'])
    })

    it('lets the last row of a key win within a batch', async () => {
      const batch = engine.batch()
      for (const value of ['1', '2', '3']) batch.put(bytes('k'), bytes(value))
      batch.del(bytes('gone'))
      await batch.write({ sync: false })
      expect(await rowsOf(engine)).to.deep.equal(['k=3'])
    })

    it('may be handed the same buffer again once a write has resolved', async () => {
      const value = bytes('first')
      const batch = engine.batch()
      batch.put(bytes('k'), value)
      await batch.write({ sync: false })
      value.fill(0)
      expect(engine.get(bytes('k'))?.toString()).to.equal('first')
    })

    it('clears a range after the rows of its batch', async () => {
      await put(engine, { a: '1', b1: '2', b2: '3', c: '4' })
      const batch = engine.batch()
      batch.put(bytes('b3'), bytes('5'))
      batch.put(bytes('d'), bytes('6'))
      batch.clear(bytes('b'), bytes('c'))
      await batch.write({ sync: true })
      expect(await rowsOf(engine)).to.deep.equal(['a=1', 'c=4', 'd=6'])
    })

    it('clears a range without any row', async () => {
      await put(engine, { a: '1', b: '2' })
      const batch = engine.batch()
      batch.clear(bytes('a'), bytes('b'))
      await batch.write({ sync: true })
      expect(await rowsOf(engine)).to.deep.equal(['b=2'])
    })

    it('writes an empty batch without complaint', async () => {
      const batch = engine.batch()
      expect(batch.length).to.equal(0)
      await batch.write({ sync: true })
    })

    it('lets rows join when the write begins, once', async () => {
      const batch = engine.batch()
      let calls = 0
      batch.beforeWrite(() => {
        calls++
        batch.put(bytes('late'), bytes('1'))
      })
      expect(engine.get(bytes('late'))).to.equal(undefined)
      await batch.write({ sync: true })
      expect(calls).to.equal(1)
      expect(engine.get(bytes('late'))?.toString()).to.equal('1')
    })

    it('keeps a snapshot as it was', async () => {
      await put(engine, { a: '1', b: '2' })
      const snapshot = engine.snapshot()
      await put(engine, { a: '9', c: '3' })
      const rows = await gather(snapshot.scan({ gte: bytes('a'), lt: bytes('z') }))
      expect(rows.map(([key, value]) => `${key}=${value}`)).to.deep.equal(['a=1', 'b=2'])
      expect(snapshot.get(bytes('a'))?.toString()).to.equal('1')
      expect(snapshot.get(bytes('c'))).to.equal(undefined)
      await snapshot.close()
    })

    it('scans ranges in both directions, by unsigned bytes', async () => {
      await put(engine, { '\x00': '1', a: '2', 'a\x00': '3', 'a\x00\x00': '4', b: '5', '\x80': '6', '\xff': '7' })
      expect(await rowsOf(engine, 'a', 'b')).to.deep.equal(['a=2', 'a\x00=3', 'a\x00\x00=4'])
      expect(await rowsOf(engine, 'a\x00', '\xff', true)).to.deep.equal(['\x80=6', 'b=5', 'a\x00\x00=4', 'a\x00=3'])
      expect(await rowsOf(engine, 'x', 'y')).to.deep.equal([])
    })

    it('scans more rows than it reads at once', async () => {
      const rows: { [key: string]: string } = {}
      for (let index = 0; index < 2500; index++) rows[String(index).padStart(5, '0')] = String(index)
      await put(engine, rows, false)
      expect(await rowsOf(engine)).to.have.length(2500)
      expect((await rowsOf(engine, '', '\xff', true))[0]).to.equal('02499=2499')
    })

    it('stops a scan that is left early without holding anything', async () => {
      await put(engine, { a: '1', b: '2', c: '3' })
      const snapshot = engine.snapshot()
      for await (const [key] of snapshot.scan({ gte: bytes('a'), lt: bytes('z') })) {
        expect(key.toString()).to.equal('a')
        break
      }
      await snapshot.close()
    })

    it('is CLOSED after close, and closing again is fine', async () => {
      await put(engine, { a: '1' })
      const batch = engine.batch()
      batch.put(bytes('b'), bytes('2'))
      await engine.close()
      await engine.close()
      expect(await codeOf(() => batch.write({ sync: true }))).to.equal('CLOSED')
      expect(await codeOf(() => engine.batch())).to.equal('CLOSED')
      expect(await codeOf(() => engine.snapshot())).to.equal('CLOSED')
      expect(await codeOf(() => engine.get(bytes('a')))).to.equal('CLOSED')
    })

    it('agrees with a sorted map over random batches', async () => {
      const key = fc.string({ unit: fc.constantFrom('a', 'b', '\x00', '\xff'), minLength: 1, maxLength: 4 })
      const change = fc.oneof(
        fc.record({ kind: fc.constant('put' as const), key, value: fc.string({ maxLength: 3 }) }),
        fc.record({ kind: fc.constant('del' as const), key }),
        fc.record({ kind: fc.constant('clear' as const), key, to: key }),
      )
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(change, { maxLength: 12 }), { maxLength: 6 }),
          key,
          key,
          async (batches, gte, lt) => {
            const model = new Map<string, string>()
            const wipe = engine.batch()
            wipe.clear(Buffer.alloc(0), Buffer.alloc(8, 0xff))
            await wipe.write({ sync: false })
            for (const changes of batches) {
              const batch = engine.batch()
              for (const one of changes) {
                if (one.kind === 'put') {
                  batch.put(bytes(one.key), bytes(one.value))
                  model.set(one.key, one.value)
                } else if (one.kind === 'del') {
                  batch.del(bytes(one.key))
                  model.delete(one.key)
                } else batch.clear(bytes(one.key), bytes(one.to))
              }
              for (const one of changes) {
                if (one.kind !== 'clear') continue
                for (const known of [...model.keys()]) if (known >= one.key && known < one.to) model.delete(known)
              }
              await batch.write({ sync: false })
            }
            const expected = [...model].filter(([known]) => known >= gte && known < lt)
            expected.sort(([left], [right]) => (left < right ? -1 : 1))
            const shown = expected.map(([known, value]) => `${known}=${value}`)
            expect(await rowsOf(engine, gte, lt)).to.deep.equal(shown)
            expect(await rowsOf(engine, gte, lt, true)).to.deep.equal(shown.reverse())
            for (const [known, value] of model) expect(engine.get(bytes(known))?.toString('latin1')).to.equal(value)
          },
        ),
        { numRuns: 60 },
      )
    })

    if (manifest.durable) {
      it('finds again what was written, after death', async () => {
        await put(engine, { a: '1' })
        await home.die(engine)
        engine = await home.supplier.open(systemMachine, home.directory)
        expect(await rowsOf(engine)).to.deep.equal(['a=1'])
      })

      it('refuses a folder that is open: STATE_DIR_IN_USE', async () => {
        expect(await codeOf(() => home.supplier.open(systemMachine, home.directory))).to.equal('STATE_DIR_IN_USE')
      })
    } else {
      it('starts empty', async () => {
        await put(engine, { a: '1' })
        await engine.close()
        engine = await home.supplier.open(systemMachine, home.directory)
        expect(await rowsOf(engine)).to.deep.equal([])
      })
    }
  })
}

engineSuite('level', levelHome, { durable: true })
engineSuite('simulated level', simulatedHome, { durable: true })
engineSuite('memory', memoryHome, { durable: false })

describe('MemoryEngines.crash', () => {
  it('forgets what no synced write has covered, and what was under way', async () => {
    const disk = new MemoryEngines()
    const engine = await disk.supplier().open(systemMachine, '/d')
    await put(engine, { a: 'synced' }, true)
    await put(engine, { a: 'not synced', b: 'not synced' }, false)
    const batch = engine.batch()
    batch.put(bytes('c'), bytes('under way'))
    const writing = codeOf(() => batch.write({ sync: true }))
    disk.crash()
    expect(await writing).to.equal('CLOSED')
    const again = await disk.supplier().open(systemMachine, '/d')
    expect(await rowsOf(again)).to.deep.equal(['a=synced'])
  })

  it('keeps what was not synced when the engine is only closed', async () => {
    const disk = new MemoryEngines()
    const engine = await disk.supplier().open(systemMachine, '/d')
    await put(engine, { a: '1' }, false)
    await engine.close()
    const again = await disk.supplier().open(systemMachine, '/d')
    expect(await rowsOf(again)).to.deep.equal(['a=1'])
  })
})

describe('the level engine alone', () => {
  it('names a damaged database: STORE_CORRUPT', async () => {
    const home = levelHome()
    const engine = await home.supplier.open(systemMachine, home.directory)
    await put(engine, { a: '1' })
    await engine.close()
    const manifest = systemMachine.files.list(home.directory).find((name) => name.startsWith('MANIFEST'))
    const file = systemMachine.files.open(`${home.directory}/${manifest}`, 'write')
    file.write(Buffer.alloc(20, 0x5a), 0, 20, 0)
    file.close()
    expect(await codeOf(() => home.supplier.open(systemMachine, home.directory))).to.equal('STORE_CORRUPT')
    home.dispose()
  })

  it('ends a scan that holds its snapshot for too long: TIMED_OUT', async () => {
    const timers: (() => void)[] = []
    const { clock: real } = systemMachine
    const clock: Clock = {
      now: () => real.now(),
      monotonic: () => real.monotonic(),
      sleep: (delayMs) => real.sleep(delayMs),
      turn: () => real.turn(),
      timer(delayMs, callback) {
        expect(delayMs).to.equal(snapshotLifeMsMax)
        timers.push(callback)
        return { cancel: () => undefined }
      },
    }
    const machine: Machine = { ...systemMachine, clock }
    const home = levelHome()
    const engine = await home.supplier.open(machine, home.directory)
    const rows: { [key: string]: string } = {}
    for (let index = 0; index < 3000; index++) rows[String(index)] = 'x'
    await put(engine, rows, false)
    const snapshot = engine.snapshot()
    let seen = 0
    const scan = async (): Promise<void> => {
      for await (const _row of snapshot.scan({ gte: bytes('0'), lt: bytes('z') })) if (++seen === 1) timers[0]!()
    }
    expect(await codeOf(scan)).to.equal('TIMED_OUT')
    expect(seen).to.be.lessThan(3000)
    expect(await codeOf(() => snapshot.get(bytes('0')))).to.equal('TIMED_OUT')
    await engine.close()
    home.dispose()
  })

  it('has four writes in flight in the whole process, begun in the order asked for, and goes on after one that failed', async () => {
    const log: string[] = []
    const ends = Array.from({ length: 6 }, () => deferred<void>())
    const writes = ends.map((end, index) => {
      return levelWrites.run(async () => {
        log.push(`${index} begins`)
        await end.promise
      })
    })
    const settled = Promise.allSettled(writes)
    await systemMachine.clock.turn()
    expect(log).to.deep.equal(['0 begins', '1 begins', '2 begins', '3 begins'])
    ends[2]!.reject(new Error('refused'))
    await systemMachine.clock.turn()
    expect(log.slice(4)).to.deep.equal(['4 begins'])
    for (const end of ends) end.resolve()
    const results = await settled
    expect(log.slice(5)).to.deep.equal(['5 begins'])
    expect(results.map(({ status }) => status === 'fulfilled')).to.deep.equal([true, true, false, true, true, true])
  })
})
