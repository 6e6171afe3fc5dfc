import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect } from 'chai'
import { StreamError } from '../../src/base/errors.ts'
import { systemFiles } from '../../src/base/files.ts'
import { loadModule } from '../../src/cli/load-module.ts'

describe('loadModule', () => {
  let folder: string

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'millrace-load-'))
  })

  afterEach(() => rmSync(folder, { recursive: true }))

  function file(name: string, text: string): string {
    const full = path.join(folder, name)
    writeFileSync(full, text)
    return full
  }

  async function failure(name: string): Promise<StreamError> {
    try {
      await loadModule(path.join(folder, name), systemFiles)
    } catch (error) {
      if (StreamError.is(error)) return error
      throw error
    }
    throw new Error(`${name} was loaded`)
  }

  it('gives the exports of a JavaScript module', async () => {
    const { default: exported } = await loadModule(file('app.mjs', 'export default 7'), systemFiles)
    expect(exported).to.equal(7)
  })

  it('says that a file is missing, by its whole path', async () => {
    const error = await failure('absent.mjs')
    expect(error.code).to.equal('INPUT_INVALID')
    expect(error.message).to.include(path.join(folder, 'absent.mjs'))
  })

  it('says why a file cannot be loaded', async () => {
    file('thrower.mjs', "throw new Error('no luck')")
    const error = await failure('thrower.mjs')
    expect(error.code).to.equal('INPUT_INVALID')
    expect(error.message).to.include('no luck')
  })

  it('says where in which file it fails', async () => {
    const thrower = file('thrower.mjs', "\nthrow new Error('no luck')")
    expect((await failure('thrower.mjs')).message).to.include(`no luck (${thrower}:2:7)`)
    file('importer.mjs', "import './thrower.mjs'")
    expect((await failure('importer.mjs')).message).to.include(`no luck (${thrower}:2:7)`)
    const unparsed = file('unparsed.mjs', '\n\nconst x = ;')
    expect((await failure('unparsed.mjs')).message).to.include(`to see where, run node --check ${unparsed}`)
    const nameless = file('nameless.mjs', "import { nothing } from 'node:path'")
    expect((await failure('nameless.mjs')).message).to.include(`(${nameless}:1)`)
  })

  it('says of a folder that it is one', async () => {
    const error = await failure('.')
    expect(error.message).to.equal(`INPUT_INVALID: ${folder} is a folder; name a module in it`)
  })

  it("reads TypeScript through the tsx of the file's own project", async () => {
    mkdirSync(path.join(folder, 'node_modules'))
    const tsx = path.dirname(createRequire(import.meta.url).resolve('tsx/package.json'))
    symlinkSync(tsx, path.join(folder, 'node_modules', 'tsx'))
    const { default: exported } = await loadModule(
      file('app.mts', 'const n: number = 7\nexport default n'),
      systemFiles,
    )
    expect(exported).to.equal(7)
    file('importer.mjs', "export { default } from './app.mts'")
    const importer = await loadModule(path.join(folder, 'importer.mjs'), systemFiles)
    expect(importer.default).to.equal(7)
  })
})
