import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { expect } from 'chai'
import { StreamError } from '../../src/base/errors.ts'
import { systemFiles } from '../../src/base/files.ts'
import { SimulatedFiles } from '../../src/testing/simulated-files.ts'
import { filesSuite } from './files-suite.ts'

filesSuite('systemFiles', () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-files-'))
  return { files: systemFiles, directory, done: () => rmSync(directory, { recursive: true }) }
})

describe('systemFiles.makeDirectory', () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-files-'))
  after(() => rmSync(directory, { recursive: true }))

  function refused(path: string): void {
    expect(() => systemFiles.makeDirectory(path))
      .to.throw(path)
      .and.satisfy((error: unknown) => StreamError.is(error, 'DISK_FAILED'))
  }

  it('is refused where nothing can be made, and does not try for ever', function () {
    if (!existsSync('/proc/self')) {
      console.warn('skipped: this system has no /proc, the folder that cannot be written to')
      this.skip()
    }
    refused('/proc/nope')
    refused('/proc/nope/deeper/still')
  })

  it('is refused where a file or a link to nowhere is in the way', () => {
    writeFileSync(join(directory, 'file'), '')
    symlinkSync(join(directory, 'nowhere'), join(directory, 'link'))
    refused(join(directory, 'file'))
    refused(join(directory, 'file', 'deeper'))
    refused(join(directory, 'link', 'deeper'))
  })

  it('makes what is missing of a relative path, and follows links', () => {
    symlinkSync(directory, join(directory, 'itself'))
    systemFiles.makeDirectory(relative(process.cwd(), join(directory, 'itself', 'a', 'b')))
    systemFiles.makeDirectory(join(directory, 'a', '..', 'a', 'b', 'c', sep))
    expect(existsSync(join(directory, 'a', 'b', 'c'))).to.equal(true)
  })
})

filesSuite('SimulatedFiles', () => {
  const files = new SimulatedFiles()
  files.makeDirectory('/data')
  return { files, directory: '/data', done: () => {} }
})
