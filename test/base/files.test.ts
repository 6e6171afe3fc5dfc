import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemFiles } from '../../src/base/files.ts'
import { SimulatedFiles } from '../../src/testing/simulated-files.ts'
import { filesSuite } from './files-suite.ts'

filesSuite('systemFiles', () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-files-'))
  return { files: systemFiles, directory, done: () => rmSync(directory, { recursive: true }) }
})

filesSuite('SimulatedFiles', () => {
  const files = new SimulatedFiles()
  files.makeDirectory('/data')
  return { files, directory: '/data', done: () => {} }
})
