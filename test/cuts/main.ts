/**
 * `npm run test:cuts -- --cuts N --seed S [--canary]`: power cuts in a simulation of the whole machine. Nothing
 * acknowledged under acks=all and no committed transaction is lost, nothing uncommitted appears, and an application's
 * counts are those of a naive recount. A failing history prints how to run it alone.
 *
 * `--canary` plants a bug (syncs that do nothing): then the run must fail.
 */
import { parseArgs } from 'node:util'
import type { Files } from '../../src/base/files.ts'
import { SeededRandom } from '../../src/base/random.ts'
import { withoutSyncs } from './canary.ts'
import { logHistory } from './log-history.ts'

const { values } = parseArgs({
  options: {
    cuts: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    /** Of one history alone, as a failure prints it. */
    history: { type: 'string' },
    canary: { type: 'boolean', default: false },
  },
})
const cuts = Number(values.cuts)
const seed = Number(values.seed)
const faulty = values.canary ? withoutSyncs : (files: Files): Files => files
const only = values.history === undefined ? null : Number(values.history)
const total = { cuts: 0, acknowledged: 0, committed: 0 }

let history = only ?? 0
try {
  for (; total.cuts < cuts && (only === null || history === only); history++) {
    // Each history has a seed of its own, so that it can be run alone.
    const random = new SeededRandom(seed * 1_000_003 + history)
    const result = await logHistory({ random, cutsMax: only === null ? cuts - total.cuts : cuts, faulty })
    total.cuts += result.cuts
    total.acknowledged += result.acknowledged
    total.committed += result.committed
  }
  console.log(
    `${total.cuts} power cuts in ${only === null ? history : 1} histories: ${total.acknowledged} acknowledged records and ${total.committed} committed transactions, none lost`,
  )
} catch (error) {
  console.error(error)
  const canary = values.canary ? ' --canary' : ''
  console.error(
    `history ${history} failed; again: npm run test:cuts -- --cuts ${cuts} --seed ${seed} --history ${history}${canary}`,
  )
  process.exitCode = 1
}
