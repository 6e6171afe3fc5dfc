import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

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
  /** A signal that is sent when standard error says this. */
  readonly stop?: { readonly signal: 'SIGINT' | 'SIGTERM'; readonly at: RegExp }
}

export interface ProgramResult {
  readonly exitCode: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
  /** What it was doing when it ended, by the last thing it said. */
  readonly phase: 'start' | 'ingest' | 'open' | 'process' | 'report'
  readonly restored: number | null
  readonly runningAfterMs: number | null
}

export function runFlights(options: ProgramOptions): Promise<ProgramResult> {
  const args = [
    '--import',
    'tsx',
    'examples/flights/main.ts',
    '--json',
    '--flights',
    options.flights,
    '--airports',
    options.airports,
  ]
  args.push('--data', options.data)
  if (options.atLeastOnce) args.push('--at-least-once')
  const { MILLRACE_CRASH: _, INIT_CWD: __, ...environment } = process.env
  const env = options.crash === undefined ? environment : { ...environment, MILLRACE_CRASH: options.crash }
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
    const timer = setTimeout(() => child.kill('SIGKILL'), options.killAfterMs ?? runTimeoutMs)
    child.on('error', failed)
    child.on('close', (exitCode, signal) => {
      clearTimeout(timer)
      if (signal !== null && options.killAfterMs === undefined && options.crash === undefined) {
        failed(new Error(`the program hung for ${runTimeoutMs} ms:\n${stderr}`))
      } else done({ exitCode, signal, stdout, stderr, ...readProgress(stderr, stdout) })
    })
  })
}

function readProgress(stderr: string, stdout: string): Pick<ProgramResult, 'phase' | 'restored' | 'runningAfterMs'> {
  const restored = /restored (\d+) changelog records.* running after (\d+) ms/.exec(stderr)
  const finishedIngest = /ingest ([\d,]+) \/ \1 /.test(stderr)
  let phase: ProgramResult['phase'] = 'start'
  if (stdout.trim() !== '') phase = 'report'
  else if (restored !== null) phase = 'process'
  else if (finishedIngest) phase = 'open'
  else if (stderr.includes('ingest')) phase = 'ingest'
  return { phase, restored: restored && Number(restored[1]), runningAfterMs: restored && Number(restored[2]) }
}
