import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { TopologyTestDriver } from 'millrace/testing'

const program = resolve(import.meta.dirname, '../../examples/word-count/word-count.ts')
const tsx = import.meta.resolve('tsx')

function runProgram(folder: string, args: readonly string[], input = ''): string {
  const child = spawnSync(process.execPath, ['--import', tsx, program, ...args], {
    cwd: folder,
    input,
    encoding: 'utf8',
  })
  expect(child.stderr).to.equal('')
  expect(child.status).to.equal(0)
  return child.stdout.split('\n').filter(Boolean).sort().join(', ')
}

describe('The word-count example', () => {
  let folder: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-word-count-'))
  })

  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('counts the words of a file', () => {
    writeFileSync(join(folder, 'hamlet.txt'), 'To be, or not to be:\nthat is the question.\n')
    expect(runProgram(folder, ['hamlet.txt'])).to.equal('1 is, 1 not, 1 or, 1 question, 1 that, 1 the, 2 be, 2 to')
  })

  it('counts standard input, and goes on counting in a second run', () => {
    expect(runProgram(folder, [], 'a b a\n')).to.equal('1 b, 2 a')
    expect(runProgram(folder, [], 'a c\n')).to.equal('1 b, 1 c, 3 a')
  })

  it('tells every word once per commit', async () => {
    const home = process.cwd()
    const file = join(folder, 'empty.txt')
    writeFileSync(file, '')
    const argument = process.argv[2]
    process.chdir(folder)
    process.argv[2] = file
    const { builder, lines, totals } = await import('../../examples/word-count/word-count.ts')
    process.chdir(home)
    process.argv[2] = argument ?? ''
    await using driver = await TopologyTestDriver.start(builder.build())
    await driver.input(lines).pipe('to be or not to be')
    const told = driver
      .output(totals)
      .readAll()
      .map(({ key, value }) => `${key} ${value}`)
    expect(told).to.include.members(['or 1', 'not 1', 'to 2', 'be 2'])
  })
})
