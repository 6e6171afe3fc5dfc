import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { expect } from 'chai'
import { crashPoints } from '../../src/base/crash-points.ts'

const file = resolve(import.meta.dirname, '../../src/base/crash-points.ts')
const reachTwice = `import('${file}').then(({ reach }) => { reach('restore.enter'); console.log('once'); reach('restore.enter') })`

function run(crash: string): ReturnType<typeof spawnSync> {
  const env = { ...process.env, MILLRACE_CRASH: crash }
  return spawnSync(process.execPath, ['--import', 'tsx', '--eval', reachTwice], { env, encoding: 'utf8' })
}

describe('MILLRACE_CRASH', () => {
  it('kills the n-th time the point is reached', () => {
    expect(run('restore.enter:2')).to.include({ signal: 'SIGKILL', stdout: 'once\n' })
    expect(run('restore.enter:3')).to.include({ status: 0, signal: null })
  })

  it('refuses what it cannot aim at in one coded line that lists the points, before anything runs', () => {
    for (const crash of ['nope:1', 'restore.enter:0', 'restore.enter:x', 'toString:1']) {
      const { status, stdout, stderr } = run(crash)
      expect({ status, stdout }, crash).to.deep.equal({ status: 1, stdout: '' })
      expect(stderr, crash).to.match(/^CONFIG_INVALID: MILLRACE_CRASH=.*\n$/)
      for (const point of Object.keys(crashPoints)) expect(stderr).to.include(point)
    }
  })
})
