import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'

/** The flights program as a process: run to its end, or killed at a named point or after a while. */
const root = resolve(import.meta.dirname, '../..')
const runTimeoutMs = 120_000

export interface ProgramOptions {
  readonly flights: string
  readonly airports: string
  readonly data: string
  readonly atLeastOnce?: boolean
  /** `point:n` for MILLRACE_CRASH. */
  readonly crash?: string
  readonly killAfterMs?: number
  /** The file that watch.ts writes. */
  readonly watch?: string
  /** A signal that is sent when standard error says this. */
  readonly stop?: { readonly signal: 'SIGINT' | 'SIGTERM'; readonly at: RegExp }
}

/** In order. */
export const phases = ['start', 'ingest', 'open', 'process', 'report'] as const
export type Phase = (typeof phases)[number]

export interface ProgramResult {
  readonly exitCode: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
  /** What it was doing when it ended, by the last thing it said. */
  readonly phase: Phase
  readonly restored: number | null
  readonly runningAfterMs: number | null
}

export function runFlights(options: ProgramOptions): Promise<ProgramResult> {
  const args = ['--import', 'tsx']
  const { MILLRACE_CRASH: _, INIT_CWD: __, ...env } = process.env
  if (options.watch !== undefined) {
    args.push('--import', './test/crash/watch.ts')
    env.CRASH_TEST_WATCH = options.watch
    env.CRASH_TEST_LOG = join(options.data, 'log')
  }
  if (options.crash !== undefined) env.MILLRACE_CRASH = options.crash
  args.push('examples/flights/main.ts', '--json', '--data', options.data)
  args.push('--flights', options.flights, '--airports', options.airports)
  if (options.atLeastOnce) args.push('--at-least-once')
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk) => {
      stdout += chunk
    })
    child.stderr.on('data', (chunk) => {
      stderr += chunk
      if (options.stop?.at.test(stderr)) child.kill(options.stop.signal)
    })
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      child.kill('SIGKILL')
    }, options.killAfterMs ?? runTimeoutMs)
    child.on('error', failed)
    child.on('close', (exitCode, signal) => {
      clearTimeout(timer)
      if (timedOut && options.killAfterMs === undefined) {
        failed(new Error(`the program hung for ${runTimeoutMs} ms:\n${stderr}`))
      } else done({ exitCode, signal, stdout, stderr, ...readProgress(stderr, stdout) })
    })
  })
}

function readProgress(stderr: string, stdout: string): Pick<ProgramResult, 'phase' | 'restored' | 'runningAfterMs'> {
  const restored = /restored (\d+) changelog records.* running after (\d+) ms/.exec(stderr)
  const finishedIngest = /ingest ([\d,]+) \/ \1 /.test(stderr)
  let phase: Phase = 'start'
  if (stdout.trim() !== '') phase = 'report'
  else if (restored !== null) phase = 'process'
  else if (finishedIngest) phase = 'open'
  else if (stderr.includes('ingest')) phase = 'ingest'
  return { phase, restored: restored && Number(restored[1]), runningAfterMs: restored && Number(restored[2]) }
}
