import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { systemFiles } from '../../src/base/files.ts'
import { systemMachine } from '../../src/base/machine.ts'
import { lockDirectory } from '../../src/runtime/directory-lock.ts'
import { StateDirectory } from '../../src/runtime/state-dir.ts'

describe('the lock of a state folder', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-lock-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('keeps out a second instance of the process, until it is let go', () => {
    const release = lockDirectory(systemFiles, folder)
    expect(() => lockDirectory(systemFiles, folder)).to.throw('STATE_DIR_IN_USE')
    release()
    lockDirectory(systemFiles, folder)()
  })

  it('names the process that holds it', () => {
    // The parent lives at least as long as this test.
    writeFileSync(join(folder, '.lock'), JSON.stringify({ pid: process.ppid, startTime: '', bootId: bootId() }))
    expect(() => lockDirectory(systemFiles, folder)).to.throw(`process ${process.ppid}`)
  })

  it('is not held by a process that is gone, nor by one of another boot, nor by a torn file', () => {
    for (const text of [
      JSON.stringify({ pid: 2 ** 22 + 1, startTime: '', bootId: bootId() }),
      JSON.stringify({ pid: process.ppid, startTime: '', bootId: 'another boot' }),
      JSON.stringify({ pid: process.ppid, startTime: 'another start', bootId: bootId() }),
      '{"pid":',
    ]) {
      writeFileSync(join(folder, '.lock'), text)
      lockDirectory(systemFiles, folder)()
    }
  })

  it('comes with an identity that stays', async () => {
    const first = await StateDirectory.open(systemMachine, folder, 'app')
    first.close()
    const again = await StateDirectory.open(systemMachine, folder, 'app')
    again.close()
    const other = await StateDirectory.open(systemMachine, folder, 'other')
    other.close()
    expect(again.processId).to.equal(first.processId)
    expect(other.processId).to.not.equal(first.processId)
  })
})

function bootId(): string {
  const path = '/proc/sys/kernel/random/boot_id'
  return systemFiles.exists(path) ? systemFiles.read(path).toString().trim() : ''
}
