/**
 * `npm run test:crash -- --kills N --seed S [--at-least-once]`: the flights program killed at named points and at random
 * moments, over many histories; afterwards the numbers are exactly those of a direct computation over the file.
 */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { SeededRandom } from '../../src/base/random.ts'
import { History } from './history.ts'
import { Plan } from './plan.ts'
import { Tally } from './tally.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    'at-least-once': { type: 'boolean', default: false },
  },
})

function wholeNumber(name: 'kills' | 'seed', min: number): number {
  const number = Number(values[name])
  if (Number.isSafeInteger(number) && number >= min) return number
  console.error(`--${name} ${values[name]}: give a whole number from ${min} on`)
  process.exit(1)
}

const kills = wholeNumber('kills', 1)
const seed = wholeNumber('seed', 0)
const atLeastOnce = values['at-least-once']
const random = new SeededRandom(seed)
const plan = new Plan(random, kills)
const tally = new Tally()

async function runAll(): Promise<boolean> {
  while (plan.left > 0) {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-crash-'))
    try {
      await new History(folder, random, plan, tally, atLeastOnce).run()
    } catch (error) {
      console.error(error)
      const command = `npm run test:crash -- --kills ${kills} --seed ${seed}${atLeastOnce ? ' --at-least-once' : ''}`
      console.error(`failed in history ${tally.histories + 1}; its files are in ${folder}; again: ${command}`)
      return false
    }
    tally.histories++
    console.log(`history ${tally.histories} is right, ${plan.left} deaths to go`)
  }
  return true
}

const right = await runAll()
tally.print()
const quick = tally.startsAreQuick()
// Of a run that ended early, what it did not reach says nothing.
const met = !right || tally.planWasMet(kills, plan.unreachable)
if (!right || !quick || !met) process.exitCode = 1
