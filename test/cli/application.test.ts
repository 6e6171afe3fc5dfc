import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect } from 'chai'
import { StreamError } from '../../src/base/errors.ts'
import { systemFiles } from '../../src/base/files.ts'
import { configOf, loadApplication, topologyOf } from '../../src/cli/application.ts'
import { failureLine } from '../../src/cli/failure-line.ts'
import { TopologyBuilder } from '../../src/topology/topology-builder.ts'
import { passing, plain } from '../topology/plan-parts.ts'

const builder = new TopologyBuilder().addSource('in', { topics: ['A'], ...plain })

async function refused(
  act: () => Promise<unknown>,
  code: 'INPUT_INVALID' | 'TOPOLOGY_INVALID',
  words: string,
): Promise<void> {
  try {
    await act()
  } catch (error) {
    expect(StreamError.is(error, code), String(error)).to.equal(true)
    expect((error as Error).message).to.include(words)
    return
  }
  throw new Error('it was accepted')
}

describe("a user's application", () => {
  let folder: string

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'millrace-application-'))
  })

  after(() => rmSync(folder, { recursive: true }))

  function file(name: string, text: string): string {
    const full = path.join(folder, name)
    writeFileSync(full, text)
    return full
  }

  it('is the default export of a module', async () => {
    const application = await loadApplication(file('app.mjs', 'export default { topology: 1, config: 2 }'), systemFiles)
    expect(application).to.deep.equal({ topology: 1, config: 2 })
  })

  it('is found under the default of a CommonJS module too', async () => {
    const text = "Object.defineProperty(exports, '__esModule', { value: true }); exports.default = { topology: 1 }"
    const application = await loadApplication(file('app.cjs', text), systemFiles)
    expect(application).to.deep.equal({ topology: 1, config: undefined })
  })

  it('is refused without a default export that has a topology', async () => {
    await refused(
      () => loadApplication(file('none.mjs', 'export const topology = 1'), systemFiles),
      'INPUT_INVALID',
      'none.mjs',
    )
    await refused(
      () => loadApplication(file('other.mjs', 'export default 7'), systemFiles),
      'INPUT_INVALID',
      'no topology',
    )
  })

  it('may give its topology as such, as a builder, or as a function that gives either', async () => {
    const topology = builder.build()
    for (const given of [topology, builder, () => topology, () => builder, async () => builder]) {
      expect((await topologyOf('app.ts', given)).describe()).to.equal(topology.describe())
    }
  })

  it('is refused when what it gives is no topology, with the code of what went wrong', async () => {
    const thrower = (): never => {
      throw new TypeError('my own mistake')
    }
    const cyclic = new TopologyBuilder().addProcessor('self', passing, ['self'])
    await refused(() => topologyOf('app.ts', 1), 'INPUT_INVALID', 'app.ts')
    await refused(() => topologyOf('app.ts', thrower), 'INPUT_INVALID', 'my own mistake')
    await refused(() => topologyOf('app.ts', cyclic), 'TOPOLOGY_INVALID', 'self → self')
  })

  it('is refused without a config when it is to run', () => {
    expect(() => configOf('app.ts', undefined))
      .to.throw('INPUT_INVALID')
      .with.property('message')
      .that.includes('applicationId')
  })
})

describe('failureLine', () => {
  it('is one line: the code and the message of a coded error, else its name', () => {
    expect(failureLine(new StreamError('DISK_FULL', 'no space;\n  free some'))).to.equal(
      'DISK_FULL: no space; free some',
    )
    expect(failureLine(new TypeError('what'))).to.equal('TypeError: what')
    expect(failureLine('text')).to.equal('Error: text')
  })
})
