import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
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
    const child = spawn(process.execPath, [path.join(built, 'cli/main.js'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended = once(child, 'close').then(([code]) => code as number | null)
    const run: Run = { child, ended, stdout: '', stderr: '' }
    child.stdout.on('data', (chunk) => {
      run.stdout += String(chunk)
    })
    child.stderr.on('data', (chunk) => {
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

  function application(options = ''): string {
    return file(
      'app.mjs',
      `import { embedded, StreamsBuilder, string, topic } from '${built}index.js'
      const builder = new StreamsBuilder()
      builder.stream(topic('in', { key: string, value: string${options} })).groupByKey().count({ store: 'counts' })
      // What holds a process open is the user's own: it must not keep the command from ending.
      setInterval(() => undefined, 1000)
      export default { topology: builder, config: { applicationId: 'app', log: embedded('${folder}/data') } }`,
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
