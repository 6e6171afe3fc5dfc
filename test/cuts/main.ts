/**
 * `npm run test:cuts -- --cuts N --seed S [--canary]`: power cuts in a simulation of the whole machine. Nothing
 * acknowledged under acks=all and no committed transaction is lost, nothing uncommitted appears, and an application's
 * counts are those of a naive recount. A failing history prints how to run it alone.
 *
 * `--canary` plants several bugs, one after the other (canary.ts), and looks for each of them in N cuts. Exit code 1: every
 * one was noticed. Exit code 3: one was not. `--plant NAME` runs with this bug in the disk, as if it were ours.
 */
import { parseArgs } from 'node:util'
import type { Files } from '../../src/base/files.ts'
import { plants } from './canary.ts'
import { type HistoryTotals, history } from './history.ts'

interface Failure {
  readonly number: number
  readonly error: unknown
}

const { values } = parseArgs({
  options: {
    cuts: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    /** This history alone, as a failure prints it. */
    history: { type: 'string' },
    canary: { type: 'boolean', default: false },
    plant: { type: 'string' },
  },
})
const cuts = wholeNumber('--cuts', values.cuts)
const seed = wholeNumber('--seed', values.seed)
const only = values.history === undefined ? null : wholeNumber('--history', values.history)
const healthy = (files: Files): Files => files

process.exitCode = values.canary ? await runCanary() : await runCuts()
// What lives in the simulated past may wait for ever; it does not keep this process.
process.exit()

/** The first history that fails, and why; or what all of them did. */
async function search(faulty: (files: Files) => Files): Promise<{ total: HistoryTotals; failed: Failure | null }> {
  const total = { histories: 0, cuts: 0, acknowledged: 0, committed: 0, counted: 0, restarts: 0 }
  let number = only ?? 0
  do {
    try {
      const result = await history({ seed, number, faulty })
      for (const key of Object.keys(result) as (keyof typeof result)[]) total[key] += result[key]
    } catch (error) {
      return { total, failed: { number, error } }
    }
    number++
  } while (only === null && total.cuts < cuts)
  return { total, failed: null }
}

async function runCuts(): Promise<number> {
  const plant = values.plant === undefined ? null : plants.find(({ name }) => name === values.plant)
  if (plant === undefined) {
    console.error(`--plant ${values.plant}: say one of ${plants.map(({ name }) => name).join(', ')}`)
    return 2
  }
  const { total, failed } = await search(plant?.faulty ?? healthy)
  if (failed === null) {
    console.log(
      `${total.cuts} power cuts in ${total.histories} histories, none of them lost anything: ${total.acknowledged} acknowledged records, ` +
        `${total.committed} committed transactions, ${total.counted} words counted exactly once over ${total.restarts} restarts of an application`,
    )
    return 0
  }
  console.error(failed.error)
  console.error(`history ${failed.number} failed; again: ${commandFor(failed.number, plant?.name ?? null)}`)
  return 1
}

async function runCanary(): Promise<number> {
  let missed = 0
  for (const { name, story, faulty } of plants) {
    const { total, failed } = await search(faulty)
    if (failed !== null) {
      const why = String(failed.error).split('\n')[0]
      console.log(`noticed: ${name} (${story}): ${why}; again: ${commandFor(failed.number, name)}`)
      continue
    }
    missed++
    console.error(`NOT NOTICED in ${total.cuts} power cuts: ${name} (${story})`)
  }
  if (missed === 0) console.log(`all ${plants.length} planted bugs were noticed`)
  else console.error(`${missed} of ${plants.length} planted bugs went unnoticed`)
  return missed === 0 ? 1 : 3
}

function commandFor(number: number, plant: string | null): string {
  return `npm run test:cuts -- --seed ${seed} --history ${number}${plant === null ? '' : ` --plant ${plant}`}`
}

function wholeNumber(option: string, written: string): number {
  if (/^[0-9]+$/.test(written)) return Number(written)
  console.error(`${option} ${written}: give a whole number`)
  process.exit(2)
}
