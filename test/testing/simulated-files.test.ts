import { expect } from 'chai'
import fc from 'fast-check'
import { StreamError } from '../../src/base/errors.ts'
import type { OpenFile } from '../../src/base/files.ts'
import { SeededRandom } from '../../src/base/random.ts'
import { SimulatedFiles } from '../../src/testing/simulated-files.ts'

const seeds = Array.from({ length: 100 }, (_, seed) => new SeededRandom(seed))

function put(file: OpenFile, text: string, position: number): void {
  const bytes = Buffer.from(text)
  file.write(bytes, 0, bytes.length, position)
}

/** A disk with one durable, empty file `/a`. */
async function withFile(): Promise<{ files: SimulatedFiles; file: OpenFile }> {
  const files = new SimulatedFiles()
  const file = files.open('/a', 'write')
  await files.syncDirectory('/')
  return { files, file }
}

describe('SimulatedFiles.kill', () => {
  it('keeps all that was written, and a cut may still take what nobody has synced', async () => {
    const found = new Set<string>()
    for (const random of seeds) {
      const { files, file } = await withFile()
      put(file, 'abc', 0)
      files.open('/b', 'write')
      const next = files.kill()
      expect(() => files.list('/')).to.throw('kill()')
      expect(next.list('/')).to.deep.equal(['a', 'b'])
      expect(next.read('/a').toString()).to.equal('abc')
      const after = next.cut(random)
      found.add(`${after.list('/').join()} ${after.read('/a').toString()}`)
    }
    expect([...found]).to.include.members(['a ', 'a,b abc'])
  })
})

describe('SimulatedFiles.cut', () => {
  it('keeps what was synced, name and bytes', async () => {
    for (const random of seeds) {
      const { files, file } = await withFile()
      put(file, 'kept', 0)
      await file.sync()
      put(file, 'and more', 4)
      const after = files.cut(random)
      expect(after.read('/a').subarray(0, 4).toString()).to.equal('kept')
    }
  })

  it('may forget bytes that were not synced, and may keep them', async () => {
    const found = new Set<string>()
    for (const random of seeds) {
      const { files, file } = await withFile()
      put(file, 'abc', 0)
      found.add(files.cut(random).read('/a').toString())
    }
    expect([...found]).to.include.members(['', 'abc'])
  })

  it('may keep a later page without an earlier one', async () => {
    const found = new Set<string>()
    for (const random of seeds) {
      const { files, file } = await withFile()
      put(file, 'a'.repeat(4096), 0)
      put(file, 'b'.repeat(4096), 4096)
      const bytes = files.cut(random).read('/a')
      if (bytes.length === 8192) found.add(`${bytes[0] === 97}${bytes[4096] === 98}`)
    }
    expect([...found]).to.have.members(['truetrue', 'truefalse', 'falsetrue', 'falsefalse'])
  })

  it('tears a page only at a sector', async () => {
    let torn = 0
    for (const random of seeds) {
      const { files, file } = await withFile()
      put(file, 'o'.repeat(4096), 0)
      await file.sync()
      put(file, 'n'.repeat(4096), 0)
      const written = files.cut(random).read('/a').toString().lastIndexOf('n') + 1
      expect(written % 512).to.equal(0)
      if (written > 0 && written < 4096) torn++
    }
    expect(torn).to.be.greaterThan(5)
  })

  it('may forget names that were not synced, and what was renamed or removed may come back', async () => {
    const found = new Set<string>()
    for (const random of seeds) {
      const files = new SimulatedFiles()
      for (const name of ['old', 'gone']) files.open(`/${name}`, 'write').close()
      await files.syncDirectory('/')
      files.open('/new', 'write').close()
      files.rename('/old', '/renamed')
      files.remove('/gone')
      found.add(files.cut(random).list('/').join())
    }
    expect([...found]).to.include.members(['gone,old', 'new,renamed', 'gone,new,old', 'renamed'])
  })

  it('leaves a rename done or not done, never half', async () => {
    for (const random of seeds) {
      const files = new SimulatedFiles()
      files.open('/old', 'write').close()
      await files.syncDirectory('/')
      files.rename('/old', '/new')
      expect(files.cut(random).list('/')).to.have.length(1)
    }
  })

  it('takes a folder with all that is in it when its name was not synced', async () => {
    const found = new Set<boolean>()
    for (const random of seeds) {
      const files = new SimulatedFiles()
      files.makeDirectory('/x')
      files.open('/x/a', 'write').close()
      await files.syncDirectory('/x')
      found.add(files.cut(random).exists('/x/a'))
    }
    expect([...found]).to.have.members([true, false])
  })

  it('never keeps what was written after a truncation without the truncation', async () => {
    for (const random of seeds) {
      const { files, file } = await withFile()
      put(file, 'o'.repeat(8192), 0)
      await file.sync()
      file.truncate(0)
      put(file, 'n'.repeat(8192), 0)
      const text = files.cut(random).read('/a').toString()
      expect(text.includes('n') && text.includes('o')).to.equal(false)
    }
  })

  it('makes the old disk useless', async () => {
    const { files, file } = await withFile()
    files.cut(new SeededRandom(1))
    expect(() => put(file, 'x', 0)).to.throw('the power is gone')
    expect(() => files.exists('/a')).to.throw('the power is gone')
  })

  it('does not end a sync that is under way', async () => {
    let settle = (): void => {}
    const files = new SimulatedFiles({ settle: () => new Promise((resolve) => (settle = resolve)) })
    const file = files.open('/a', 'write')
    let ended = false
    void file.sync().then(() => (ended = true))
    files.cut(new SeededRandom(1))
    settle()
    await new Promise((resolve) => setImmediate(resolve))
    expect(ended).to.equal(false)
  })

  it('keeps what a slow sync covers, however often the page is written meanwhile', async () => {
    let settle = (): void => {}
    const files = new SimulatedFiles({ settle: () => new Promise((resolve) => (settle = resolve)) })
    const file = files.open('/a', 'write')
    const named = files.syncDirectory('/')
    settle()
    await named
    put(file, 'kept', 0)
    const synced = file.sync()
    for (let index = 0; index < 50; index++) put(file, 'more', 4 + index * 4)
    settle()
    await synced
    for (const random of seeds.slice(0, 1)) {
      expect(files.cut(random).read('/a').subarray(0, 4).toString()).to.equal('kept')
    }
  })

  it('gives the same disk for the same seed', () => {
    const images = [7, 7].map((seed) => {
      const files = new SimulatedFiles()
      for (let index = 0; index < 20; index++) put(files.open(`/${index}`, 'write'), 'x'.repeat(index * 500), 0)
      const after = files.cut(new SeededRandom(seed))
      return after.list('/').map((name) => `${name} ${after.read(`/${name}`).toString('latin1')}`)
    })
    expect(images[0]).to.deep.equal(images[1])
  })

  it('leaves of every byte a value it had since the last sync', async () => {
    const operation = fc.oneof(
      fc.record({ op: fc.constant('write' as const), at: fc.nat(12_000), length: fc.integer({ min: 1, max: 6000 }) }),
      fc.record({ op: fc.constant('sync' as const) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 20 }), fc.integer(), async (operations, seed) => {
        const { files, file } = await withFile()
        let current = Buffer.alloc(18_000)
        const possible = Array.from(current, () => new Set([0]))
        for (const [index, step] of operations.entries()) {
          if (step.op === 'sync') {
            await file.sync()
            for (const [at, byte] of current.entries()) possible[at] = new Set([byte])
          } else {
            file.write(Buffer.alloc(step.length, index + 1), 0, step.length, step.at)
            current = Buffer.from(current).fill(index + 1, step.at, step.at + step.length)
            for (let at = step.at; at < step.at + step.length; at++) possible[at]!.add(index + 1)
          }
        }
        const after = files.cut(new SeededRandom(seed)).read('/a')
        expect([...after].every((byte, at) => possible[at]!.has(byte))).to.equal(true)
      }),
      { numRuns: 60 },
    )
  })
})

describe('SimulatedFiles with faults', () => {
  it('refuses a sync, and what it should have saved stays lost', async () => {
    for (const random of seeds.slice(0, 20)) {
      const { files, file } = await withFile()
      put(file, 'lost', 0)
      files.failSyncs(/a$/)
      await file.sync().then(
        () => expect.fail('the sync succeeded'),
        (error: unknown) => expect(StreamError.is(error, 'DISK_FAILED')).to.equal(true),
      )
      await file.sync()
      expect(files.read('/a').toString()).to.equal('lost')
      expect(files.cut(random).read('/a').toString()).to.equal('')
    }
  })

  it('is full when its capacity is reached, and writable in place still', () => {
    const files = new SimulatedFiles({ capacityBytes: 10 })
    const file = files.open('/a', 'write')
    put(file, '0123456789', 0)
    expect(files.freeBytes()).to.equal(0)
    expect(() => put(file, 'x', 10)).to.throw('DISK_FULL')
    put(file, 'x', 0)
    files.setCapacity(20)
    put(file, 'x', 10)
    expect(file.size()).to.equal(11)
  })
})
