/**
 * `npm run test:crash -- --kills N --seed S [--at-least-once]`: the flights program killed at named points and at random
 * moments, over many histories; afterwards the numbers are exactly those of a direct computation over the file.
 */
import { parseArgs } from 'node:util'
import { SeededRandom } from '../../src/base/random.ts'
import { runHistory, type Tally } from './history.ts'
import { planDeaths } from './plan.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    'at-least-once': { type: 'boolean', default: false },
  },
})
const kills = Number(values.kills)
const random = new SeededRandom(Number(values.seed))
const deaths = planDeaths(random, kills)
const tally: Tally = { phases: new Map(), points: new Map(), notReached: 0, restoredMax: 0, runningMsMax: 0 }

let histories = 0
try {
  while (deaths.length > 0) {
    await runHistory(random, deaths, tally, values['at-least-once'])
    histories++
    console.log(`history ${histories} is right, ${deaths.length} deaths to go`)
  }
} catch (error) {
  console.error(error)
  console.error(
    `failed in history ${histories + 1}; again: npm run test:crash -- --kills ${kills} --seed ${values.seed}`,
  )
  process.exitCode = 1
}

const table = (title: string, rows: Map<string, number>): string =>
  [title, ...[...rows].sort().map(([name, count]) => `  ${String(count).padStart(4)}  ${name}`)].join('\n')
console.log(table('killed while', tally.phases))
console.log(table('killed at', tally.points))
console.log(
  `${histories} histories, ${tally.notReached} deaths not reached; restored at most ${tally.restoredMax} records, running after at most ${tally.runningMsMax} ms`,
)
