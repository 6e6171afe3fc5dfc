import { StreamError } from './errors.ts'

/**
 * Named places where a test may kill the process: `MILLRACE_CRASH=point:n` dies (SIGKILL) the n-th time it reaches the
 * point. The table is the whole list; `npm run -s crash-points` prints it.
 */
export const crashPoints = {
  'commit.1a.enter': 'before operators flush',
  'commit.1a.leave': 'operators have flushed',
  'commit.1b.enter': 'before dirty entries go to their changelogs',
  'commit.1b.leave': 'changelog records are in the producer',
  'commit.2.enter': 'before the producer flushes',
  'commit.2.leave': 'everything is acknowledged',
  'commit.3.enter': 'before input offsets join the transaction',
  'commit.3.offsets': 'offsets joined, transaction still open',
  'commit.3.leave': 'the transaction is committed',
  'commit.4.enter': 'before the state batch is written',
  'commit.4.leave': 'the state batch is durable',
  'transaction.prepare.enter': 'PREPARE_COMMIT is not yet written',
  'transaction.prepare.leave': 'PREPARE_COMMIT is durable, with all it covers',
  'transaction.markers.enter': 'before the first marker',
  'transaction.markers.between': 'between two markers',
  'transaction.markers.leave': 'all markers written, completion not',
  'transaction.complete.leave': 'the transaction is complete',
  'ingest.begin': 'an ingest transaction has begun',
  'ingest.sent': 'rows and position sent, not committed',
  'ingest.committed': 'an ingest transaction is committed',
  'restore.enter': 'before a store is restored',
  'restore.batch': 'a batch of changelog records was applied',
  'restore.leave': 'a store is restored',
} as const satisfies Record<string, string>

export type CrashPoint = keyof typeof crashPoints

let armed = readEnvironment(process.env.MILLRACE_CRASH)
let observer: ((point: CrashPoint) => void) | null = null

function readEnvironment(text: string | undefined): { readonly point: string; remaining: number } | null {
  if (text === undefined || text === '') return null
  const [, point = '', count = '1'] = /^([^:]*)(?::(.*))?$/s.exec(text) ?? []
  if (Object.hasOwn(crashPoints, point) && /^[1-9]\d{0,8}$/.test(count)) return { point, remaining: Number(count) }
  return refuse(text)
}

/** This is read while modules load, where nobody can catch: a death that cannot come must not let the program run. */
function refuse(text: string): never {
  const points = Object.keys(crashPoints).join(', ')
  const what = `MILLRACE_CRASH=${JSON.stringify(text)} aims at nothing; give point:n, n from 1 on, with one of ${points}`
  console.error(new StreamError('CONFIG_INVALID', what).message)
  process.exit(1)
}

/** The program is at this point. Costs one comparison unless a crash is armed or a test observes. */
export function reach(point: CrashPoint): void {
  if (observer !== null) observer(point)
  if (armed === null || armed.point !== point) return
  if (--armed.remaining > 0) return
  process.kill(process.pid, 'SIGKILL')
}

/** A test watches (and may throw to simulate a death in the process). Returns how to stop watching. */
export function observeCrashPoints(callback: (point: CrashPoint) => void): () => void {
  observer = callback
  return () => {
    observer = null
    armed = null
  }
}
