import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'

const root = fileURLToPath(new URL('../../', import.meta.url))

function millrace(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const command = ['--import', 'tsx', path.join(root, 'src/cli/main.ts'), ...args]
  return spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8' })
}

describe('millrace', () => {
  let folder: string

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'millrace-cli-'))
  })

  after(() => rmSync(folder, { recursive: true }))

  function file(name: string, text: string): string {
    const full = path.join(folder, name)
    writeFileSync(full, text)
    return full
  }

  const drawing = `
    import { TopologyBuilder } from '${root}src/topology/topology-builder.ts'
    import { string } from '${root}src/serdes/index.ts'
    const serdes = { keySerde: string, valueSerde: string }
    const builder = new TopologyBuilder()
      .addSource('in', { topics: ['A'], ...serdes })
      .addSink('out', { topic: 'B', ...serdes }, ['in'])
  `
  const described = `Topologies:
   Sub-topology: 0
    Source: in (topics: [A])
      --> out
    Sink: out (topic: B)
      <-- in
`

  it('prints the topology of a file, however the file gives it', () => {
    const forms = ['builder.build()', 'builder', '() => builder', 'async () => builder.build()']
    for (const [index, form] of forms.entries()) {
      const { stdout, stderr, status } = millrace(
        'topology',
        file(`app${index}.mjs`, `${drawing}export default { topology: ${form} }`),
      )
      expect({ stdout, stderr, status }).to.deep.equal({ stdout: described, stderr: '', status: 0 })
    }
  })

  it('ends with one coded line and exit code 1 when the file is no application', () => {
    const files: [string, string, string][] = [
      ['nothing.mjs', 'export const topology = 1', 'no topology as its default export'],
      ['number.mjs', 'export default { topology: 1 }', 'neither a topology nor a builder'],
      ['thrower.mjs', "export default { topology: () => { throw new TypeError('my own mistake') } }", 'my own mistake'],
      ['cyclic.mjs', `${drawing}builder.addProcessor('p', {}, ['p'])\nexport default { topology: builder }`, 'p → p'],
    ]
    for (const [name, text, words] of files) {
      const { stdout, stderr, status } = millrace('topology', file(name, text))
      expect(status, name).to.equal(1)
      expect(stdout, name).to.equal('')
      expect(stderr, name).to.match(/^(INPUT|TOPOLOGY)_INVALID: .*\n$/)
      expect(stderr, name).to.include(words)
    }
  })

  it('ends with one coded line and exit code 1 when there is no such file', () => {
    const { stderr, status } = millrace('run', path.join(folder, 'absent.mjs'))
    expect(stderr).to.match(/^INPUT_INVALID: there is no file .*absent\.mjs.*\n$/)
    expect(status).to.equal(1)
  })
})
