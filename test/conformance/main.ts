/**
 * `npm run -s conformance -- FILE.json…`: runs every scenario of the files, prints a line or two for each, and
 * `N passed, M failed, K skipped` at the end. Files without scenarios are passed over. Exit code 0 when none failed, 1 when some did, 2 when it was called wrongly.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { messageOf } from '../../src/base/errors.ts'
import { parseScenarios, type Scenario } from './scenario.ts'
import { judge, reported } from './verdict.ts'

const files = process.argv.slice(2)
if (files.length === 0) {
  console.error('usage: npm run -s conformance -- FILE.json…')
  process.exit(2)
}

/** A file that cannot be read is told, and nothing is judged. */
function scenariosOf(path: string): readonly Scenario[] | null {
  try {
    return parseScenarios(readFileSync(path, 'utf8'))
  } catch (error) {
    console.error(`${path} cannot be read: ${messageOf(error)}`)
    process.exit(2)
  }
}

const counts = { ok: 0, FAIL: 0, skip: 0, bug: 0 }
for (const file of files) {
  // npm runs a script in the project's folder, whatever folder it was called in.
  const path = resolve(process.env.INIT_CWD ?? '.', file)
  const scenarios = scenariosOf(path)
  if (scenarios === null) console.error(`${file} holds no list of scenarios; passed over`)
  for (const scenario of scenarios ?? []) {
    const verdict = await judge(scenario)
    counts[verdict.kind]++
    console.log(reported(scenario.name, verdict))
  }
}
console.log(`${counts.ok} passed, ${counts.FAIL} failed, ${counts.skip} skipped`)
process.exitCode = counts.FAIL === 0 ? 0 : 1
