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
  'transaction.prepare.enter': 'partitions synced, PREPARE_COMMIT not yet written',
  'transaction.prepare.leave': 'PREPARE_COMMIT is durable',
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

let armed: { readonly point: string; remaining: number } | null = readEnvironment(process.env.MILLRACE_CRASH)
let observer: ((point: CrashPoint) => void) | null = null

function readEnvironment(text: string | undefined): { point: string; remaining: number } | null {
  if (text === undefined || text === '') return null
  const colon = text.lastIndexOf(':')
  const point = colon < 0 ? text : text.slice(0, colon)
  const remaining = colon < 0 ? 1 : Number(text.slice(colon + 1))
  if (!(point in crashPoints) || !Number.isInteger(remaining) || remaining < 1) {
    throw new Error(`MILLRACE_CRASH=${text}: expected point:n with one of ${Object.keys(crashPoints).join(', ')}`)
  }
  return { point, remaining }
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
