import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'

const built = fileURLToPath(new URL('../../dist/src/', import.meta.url))

interface Run {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  stdout: string
  stderr: string
}

/** Resolves when the words are on standard error; rejects when the process ends without them. */
async function said(run: Run, words: string): Promise<void> {
  const over = run.ended.then(() => {
    if (!run.stderr.includes(words)) throw new Error(`ended without saying '${words}': ${run.stderr}`)
  })
  while (!run.stderr.includes(words)) await Promise.race([once(run.child.stderr!, 'data'), over])
}

describe('millrace', () => {
  let folder: string
  const runs: Run[] = []

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'millrace-cli-'))
  })

  afterEach(async () => {
    for (const run of runs.splice(0)) {
      run.child.kill('SIGKILL')
      await run.ended
    }
    rmSync(folder, { recursive: true })
  })

  /** The built command: what a user has, and a process in which no tsx is loaded. */
  function millrace(...args: string[]): Run {
    return started(args, 'pipe', 'pipe')
  }

  /** The same, with its output somewhere. */
  function started(args: readonly string[], stdout: 'pipe' | number, stderr: 'pipe' | number): Run {
    const child = spawn(process.execPath, [path.join(built, 'cli/main.js'), ...args], {
      stdio: ['ignore', stdout, stderr],
    })
    const ended = once(child, 'close').then(([code]) => code as number | null)
    const run: Run = { child, ended, stdout: '', stderr: '' }
    child.stdout?.on('data', (chunk) => {
      run.stdout += String(chunk)
    })
    child.stderr?.on('data', (chunk) => {
      run.stderr += String(chunk)
    })
    runs.push(run)
    return run
  }

  function file(name: string, text: string): string {
    const full = path.join(folder, name)
    writeFileSync(full, text)
    return full
  }

  function application(options = '', line = '', settings = ''): string {
    return file(
      'app.mjs',
      `import { embedded, StreamsBuilder, string, topic } from '${built}index.js'
      const builder = new StreamsBuilder()
      builder.stream(topic('in', { key: string, value: string${options} })).groupByKey().count({ store: 'counts' })
      // What holds a process open is the user's own: it must not keep the command from ending.
      setInterval(() => undefined, 1000)
      ${line}
      export default { topology: builder, config: { applicationId: 'app', log: embedded('${folder}/data')${settings} } }`,
    )
  }

  it('says that a file awaits what never comes, and fails', async () => {
    const never = file('never.mjs', 'await new Promise(() => {})\nexport default {}')
    const drawn = file('drawn.mjs', 'export default { topology: () => new Promise(() => {}) }')
    for (const [command, which] of [
      ['run', never],
      ['topology', never],
      ['topology', drawn],
    ] as const) {
      const run = millrace(command, which)
      expect(await run.ended).to.equal(1)
      expect(run.stderr).to.match(/^INPUT_INVALID: .*\.mjs awaits what never comes.*\n$/)
    }
  })

  it('reads TypeScript that JavaScript imports through the tsx of its project', async () => {
    const tsx = path.dirname(createRequire(import.meta.url).resolve('tsx/package.json'))
    mkdirSync(path.join(folder, 'node_modules'))
    symlinkSync(tsx, path.join(folder, 'node_modules', 'tsx'))
    file(
      'plan.ts',
      `import { StreamsBuilder, string, topic } from '${built}index.js'
      const builder: StreamsBuilder = new StreamsBuilder()
      builder.stream(topic('in', { key: string, value: string })).foreach(() => {})
      export { builder }`,
    )
    const run = millrace(
      'topology',
      file('plan.mjs', `import { builder } from './plan.ts'\nexport default { topology: builder }`),
    )
    expect(await run.ended).to.equal(0)
    expect(run.stdout).to.include('KSTREAM-FOREACH')
  })

  it('topology prints the description', async () => {
    const run = millrace('topology', application())
    expect(await run.ended).to.equal(0)
    expect(run.stderr).to.equal('')
    expect(run.stdout).to.equal(
      `Topologies:
   Sub-topology: 0
    Source: KSTREAM-SOURCE-0000000000 (topics: [in])
      --> KSTREAM-AGGREGATE-0000000001
    Processor: KSTREAM-AGGREGATE-0000000001 (stores: [counts])
      --> none
      <-- KSTREAM-SOURCE-0000000000
`,
    )
  })

  it('run closes cleanly at SIGINT and ends with 130', async () => {
    const run = millrace('run', application(', partitions: 2'))
    await said(run, 'state running')
    run.child.kill('SIGINT')
    expect(await run.ended).to.equal(130)
    expect(run.stdout).to.equal('')
    expect(run.stderr).to.include('closing\nstate pendingShutdown\nstate notRunning\n')
  })

  it('topology ends without a word when nobody reads it', async () => {
    const run = millrace('topology', application())
    run.child.stdout!.destroy()
    expect(await run.ended).to.equal(0)
    expect(run.stderr).to.equal('')
  })

  it('run closes cleanly when nobody reads its output any more', async () => {
    for (const stream of ['stdout', 'stderr'] as const) {
      const run = millrace('run', application(', partitions: 2', `console.log('loaded')`))
      run.child[stream]!.destroy()
      expect(await run.ended, stream).to.equal(0)
      if (stream === 'stdout') expect(run.stderr).to.match(/closing\nstate pendingShutdown\nstate notRunning\n$/)
    }
  })

  it('says in one coded line that its output does not fit on the disk', async function () {
    if (!existsSync('/dev/full')) {
      console.warn('skipped: this system has no /dev/full, the file that never has room')
      this.skip()
    }
    const full = openSync('/dev/full', 'w')
    try {
      const topology = started(['topology', application()], full, 'pipe')
      expect(await topology.ended).to.equal(1)
      expect(topology.stderr).to.match(/^DISK_FULL: standard output .*\n$/)
      expect(await started(['run', application(', partitions: 2')], 'pipe', full).ended).to.equal(1)
    } finally {
      closeSync(full)
    }
  })

  it('run refuses listeners that are none, as Streams does', async () => {
    for (const [listeners, says] of [
      ['{ sate() {} }', "there is no listener named 'sate'"],
      ['{ state: 5 }', 'listeners.state is 5'],
      ['5', 'listener cannot be read from 5'],
    ] as const) {
      const run = millrace('run', application(', partitions: 2', '', `, listeners: ${listeners}`))
      expect(await run.ended).to.equal(1)
      expect(run.stderr)
        .to.match(/^CONFIG_INVALID: .*\n$/)
        .and.include(says)
    }
  })

  it("run tells what an application's own listener rejects with, and goes on", async () => {
    const listeners = `, listeners: { state: async () => { throw new Error('not today') } }`
    const run = millrace('run', application(', partitions: 2', '', listeners))
    await said(run, 'stop it with Ctrl-C')
    run.child.kill('SIGINT')
    expect(await run.ended).to.equal(130)
    expect(run.stderr).to.include("a listener of 'state' has thrown: not today")
  })

  it('run refuses a folder that another process has, in one coded line, and that one closes at SIGTERM with 143', async () => {
    const app = application(', partitions: 2')
    const first = millrace('run', app)
    await said(first, 'state running')
    const second = millrace('run', app)
    expect(await second.ended).to.equal(1)
    expect(second.stderr).to.match(/^DATA_DIR_LOCKED: .*\n$/)
    expect(second.stderr).to.include(String(first.child.pid))
    first.child.kill('SIGTERM')
    expect(await first.ended).to.equal(143)
  })

  it('run says in one coded line which node lacks its topic, and ends with 1', async () => {
    const run = millrace('run', application())
    expect(await run.ended).to.equal(1)
    expect(run.stderr).to.match(/^TOPIC_MISSING: .*\n$/)
    expect(run.stderr).to.include("'in'")
    expect(run.stderr).to.include('KSTREAM-SOURCE-0000000000')
  })

  it('says what to do about TypeScript where there is no tsx, unless this Node reads it', async () => {
    const run = millrace('topology', file('app.mts', 'export default (0 as number)'))
    expect(await run.ended).to.equal(1)
    if ((process.features as { typescript?: unknown }).typescript) {
      expect(run.stderr).to.include('INPUT_INVALID')
      return
    }
    expect(run.stderr).to.match(/^TYPESCRIPT_UNSUPPORTED: .*app\.mts.*\n$/)
    expect(run.stderr).to.include('npm install --save-dev tsx')
  })
})
