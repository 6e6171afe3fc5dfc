import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { DirectoryLock } from '../../src/base/directory-lock.ts'
import { StreamError } from '../../src/base/errors.ts'
import { systemFiles } from '../../src/base/files.ts'
import { systemMachine } from '../../src/base/machine.ts'

const root = new URL('../..', import.meta.url).pathname
const program = `
import { DirectoryLock } from '${root}src/base/directory-lock.ts'
import { systemMachine } from '${root}src/base/machine.ts'
try { DirectoryLock.acquire(systemMachine, process.argv.at(-1), 'DATA_DIR_LOCKED'); console.log('got it') } catch (error) { console.log(error.message) }
if (process.argv.includes('stay')) setInterval(() => undefined, 1000)
`
const inChild = ['--import=tsx', '--input-type=module', '-e', program, '--']

describe('DirectoryLock', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-lock-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const acquire = (): DirectoryLock => DirectoryLock.acquire(systemMachine, folder, 'DATA_DIR_LOCKED')
  const locks = (): string[] => readdirSync(folder).filter((name) => name.startsWith('.lock-'))

  it('is held once in a process, and free after release', () => {
    const lock = acquire()
    expect(acquire).to.throw(StreamError, `DATA_DIR_LOCKED: ${folder} is in use by this process (${process.pid})`)
    lock.release()
    lock.release()
    acquire().release()
    expect(locks()).to.deep.equal([])
  })

  it('is refused to another process, which learns who holds it', () => {
    const lock = acquire()
    const { stdout } = spawnSync(process.execPath, [...inChild, folder], { cwd: root, encoding: 'utf8' })
    expect(stdout).to.include('DATA_DIR_LOCKED').and.include(`process ${process.pid}`)
    lock.release()
  })

  it('is taken over from a process that was killed', async () => {
    const child = spawn(process.execPath, [...inChild, 'stay', folder], { cwd: root })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    expect(acquire).to.throw(StreamError, `process ${child.pid}`)
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('exit', resolve))
    acquire().release()
    expect(locks()).to.deep.equal([])
  })

  it('is taken over when the process id was given to another program, or the machine was started again', () => {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
    for (const name of [`${process.ppid}-1-${boot}`, `1-1-00000000-0000-0000-0000-000000000000`, 'nonsense']) {
      writeFileSync(join(folder, `.lock-${name}-0123456789abcdef`), '')
      acquire().release()
      expect(locks()).to.deep.equal([])
    }
  })

  it('is free for the next life on a disk of its own, when the last one was cut off in this process', () => {
    DirectoryLock.acquire(
      { ...systemMachine, files: Object.create(systemFiles) as typeof systemFiles },
      folder,
      'STATE_DIR_IN_USE',
    )
    const files = Object.create(systemFiles) as typeof systemFiles
    DirectoryLock.acquire({ ...systemMachine, files }, folder, 'STATE_DIR_IN_USE').release()
  })
})
