/**
 * `npm run test:zombies [-- --canary]`: two instances share four partitions; one's connection stalls beyond its session in
 * the middle of a commit while the other takes over; then it wakes. It must be fenced, every record must count once, and it
 * must come back. The canary takes the fence away, and the recount must notice.
 */
import { parseArgs } from 'node:util'
import type { Tamper } from './stalling-log.ts'
import { runStory, type StallPoint, stallPoints } from './story.ts'

const { values } = parseArgs({ options: { canary: { type: 'boolean', default: false } } })

/** Without member and generation, a zombie's offsets join its transaction as if nobody had taken over. */
const withoutFence: Tamper = (api, body) =>
  api === 'TxnOffsetCommit' ? { ...body, memberId: '', generationId: -1, groupInstanceId: null } : body

const points: readonly StallPoint[] = values.canary ? ['AddPartitionsToTxn'] : stallPoints
let failures = 0
for (const point of points) {
  try {
    const told = await runStory(point, values.canary ? withoutFence : undefined)
    console.log(`ok    stalled at ${point}: ${told}`)
  } catch (error) {
    failures++
    console.log(`FAIL  stalled at ${point}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
console.log(`${points.length - failures} passed, ${failures} failed`)
process.exitCode = failures === 0 ? 0 : 1
