/**
 * `npm run test:cuts -- --cuts N --seed S [--canary]`: power cuts in a simulation of the whole machine. Nothing
 * acknowledged under acks=all and no committed transaction is lost, nothing uncommitted appears, and an application's
 * counts are those of a naive recount. A failing history prints how to run it alone.
 *
 * `--canary` plants a bug (records are acknowledged before they are on the disk): then the run must fail.
 */
import { parseArgs } from 'node:util'
import type { Files } from '../../src/base/files.ts'
import { withoutSyncs } from './canary.ts'
import { history } from './history.ts'

const { values } = parseArgs({
  options: {
    cuts: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    /** This history alone, as a failure prints it. */
    history: { type: 'string' },
    canary: { type: 'boolean', default: false },
  },
})
const cuts = wholeNumber('--cuts', values.cuts)
const seed = wholeNumber('--seed', values.seed)
const only = values.history === undefined ? null : wholeNumber('--history', values.history)
const faulty = values.canary ? withoutSyncs : (files: Files): Files => files
const total = { cuts: 0, acknowledged: 0, committed: 0, counted: 0, restarts: 0 }

let number = only ?? 0
try {
  do {
    const result = await history({ seed, number, faulty })
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += result[key]
    number++
  } while (only === null && total.cuts < cuts)
  console.log(
    `${total.cuts} power cuts in ${only === null ? number : 1} histories, none of them lost anything: ${total.acknowledged} acknowledged records, ` +
      `${total.committed} committed transactions, ${total.counted} words counted exactly once over ${total.restarts} restarts of an application`,
  )
} catch (error) {
  console.error(error)
  const canary = values.canary ? ' --canary' : ''
  console.error(`history ${number} failed; again: npm run test:cuts -- --seed ${seed} --history ${number}${canary}`)
  process.exitCode = 1
}
// What lives in the simulated past may wait for ever; it does not keep this process.
process.exit()

function wholeNumber(option: string, written: string): number {
  if (/^[0-9]+$/.test(written)) return Number(written)
  console.error(`${option} ${written}: give a whole number`)
  process.exit(2)
}
