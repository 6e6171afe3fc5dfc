import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { SeededRandom } from '../../src/base/random.ts'
import { expectedReport } from '../crash/expected.ts'
import { airportsCsv, randomFlights } from '../crash/flights-data.ts'
import { runFlights } from '../crash/program.ts'

const root = resolve(import.meta.dirname, '../..')

/** A command line as a person would type it in that folder; npm looks for its package in ours. */
function shell(command: string, cwd: string) {
  const env = { ...process.env, INIT_CWD: cwd }
  return spawnSync(command.replace(/^npm/, `npm --prefix '${root}'`), { shell: true, cwd, env, encoding: 'utf8' })
}

describe('The flights program', function () {
  this.timeout(60_000)
  let folder: string
  let program: { flights: string; airports: string; data: string }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-flights-'))
    program = {
      flights: join(folder, 'flights.json'),
      airports: join(folder, 'airports.csv'),
      data: join(folder, 'data'),
    }
    writeFileSync(program.airports, airportsCsv)
  })

  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('agrees with a direct computation, and a second run resumes with the same numbers', async () => {
    const json = randomFlights(new SeededRandom(3), 3000)
    writeFileSync(program.flights, json)
    const expected = expectedReport(json, airportsCsv)
    const first = await runFlights(program)
    expect(JSON.parse(first.stdout), first.stderr).to.deep.equal({ ...expected, resumed: false })
    const second = await runFlights(program)
    expect(JSON.parse(second.stdout), second.stderr).to.deep.equal({ ...expected, resumed: true })
    expect(second.restored).to.equal(0)
  })

  it('counts on where a killed run was, up to all rows', async () => {
    writeFileSync(program.flights, randomFlights(new SeededRandom(4), 8000))
    const killed = await runFlights({ ...program, crash: 'commit.4.leave:3' })
    expect(killed.signal, killed.stderr).to.equal('SIGKILL')
    const { stderr } = await runFlights(program)
    const shown = [...stderr.matchAll(/process ([\d,]+) \/ 8,000 \((\d+) %\)/g)]
    expect(shown.at(-1)?.slice(1), stderr).to.deep.equal(['8,000', '100'])
  })

  it('takes an empty array for a file of no rows', async () => {
    writeFileSync(program.flights, '[]')
    const { stdout } = await runFlights(program)
    expect(JSON.parse(stdout)).to.deep.include({ flights: 0, broken: 0, airports: [], resumed: false })
  })

  it('refuses a file that changed since, naming both sizes, and another file, naming both paths', async () => {
    writeFileSync(program.flights, '[]')
    await runFlights(program)
    writeFileSync(program.flights, '[ ]')
    const changed = await runFlights(program)
    expect(changed).to.include({ exitCode: 1, stdout: '' })
    expect(changed.stderr).to.match(/INPUT_INVALID: .*flights\.json.* 2 bytes .* 3/)
    const other = join(folder, 'other.json')
    writeFileSync(other, '[]')
    const refused = await runFlights({ ...program, flights: other })
    expect(refused).to.include({ exitCode: 1, stdout: '' })
    expect(refused.stderr).to.match(/INPUT_INVALID: .*flights\.json.*other\.json/)
  })

  it('runs by npm start, with paths relative to the folder it was called in, and says what can be pasted next', () => {
    writeFileSync(program.flights, '[{"date":"2001/01/14 21:55","delay":12,"origin":"BMI"}]')
    const inside = join(folder, 'inside')
    mkdirSync(inside)
    const flags = `--flights ../flights.json --airports ../airports.csv --data "Jim's data" --at-least-once`
    const first = shell(`npm start -s -- ${flags}`, inside)
    const command = /^ {2}(npm start .*--json)$/m.exec(first.stdout)?.[1] ?? ''
    expect(command, first.stderr).to.include(`--data 'Jim'\\''s data' --at-least-once`)
    const again = shell(command, inside)
    expect(JSON.parse(again.stdout), again.stderr).to.deep.include({ flights: 1, resumed: true })
  })

  it('prints its usage when asked', () => {
    const child = shell('npm start -s -- --help', folder)
    expect(child).to.include({ status: 0, stderr: '' })
    expect(child.stdout).to.match(/^usage: npm start .*--at-least-once\]\n$/)
  })

  for (const [signal, exitCode] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    it(`closes cleanly on ${signal} with exit code ${exitCode}, and the next run goes on`, async () => {
      const json = randomFlights(new SeededRandom(5), 6000)
      writeFileSync(program.flights, json)
      const stopped = await runFlights({ ...program, stop: { signal, at: /ingest/ } })
      expect(stopped).to.include({ exitCode, stdout: '' })
      expect(stopped.stderr).to.match(/^closing: /m)
      const finished = await runFlights(program)
      expect(JSON.parse(finished.stdout)).to.deep.equal({ ...expectedReport(json, airportsCsv), resumed: true })
    })
  }

  it('refuses files that are missing, not JSON, or no array', async () => {
    const missing = await runFlights(program)
    expect(missing).to.include({ exitCode: 1, stdout: '' })
    expect(missing.stderr).to.match(/^INPUT_INVALID: .*flights\.json.*\n$/)
    for (const text of ['{"a":', '{}', '']) {
      writeFileSync(program.flights, text)
      const refused = await runFlights(program)
      expect(refused).to.include({ exitCode: 1, stdout: '' })
      expect(refused.stderr).to.match(/^INPUT_INVALID: .*flights\.json.*\n$/)
    }
  })

  it('takes origins and names that are longer than a topic’s usual bound', async () => {
    const origin = 'x'.repeat(1_200_000)
    const airports = `iata,name\nBIG,${'n'.repeat(1_500_000)}\n`
    const json = JSON.stringify([origin, 'BIG'].map((iata) => ({ date: '2001/01/14 21:55', delay: 12, origin: iata })))
    writeFileSync(program.flights, json)
    writeFileSync(program.airports, airports)
    const { stdout, stderr } = await runFlights(program)
    expect(JSON.parse(stdout), stderr.slice(0, 500)).to.deep.equal({
      ...expectedReport(json, airports),
      resumed: false,
    })
  })

  it('refuses a row that is too long before it sends any', async () => {
    writeFileSync(program.flights, JSON.stringify([null, 'x'.repeat(16 * 1024 * 1024)]))
    const refused = await runFlights(program)
    expect(refused).to.include({ exitCode: 1, stdout: '', phase: 'start' })
    expect(refused.stderr).to.match(/^INPUT_INVALID: row 1 of .*flights\.json has 16777218 bytes.*\n$/)
  })

  it('refuses a row that is nested too deeply before it sends any', async () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
    writeFileSync(program.flights, `[${'null,'.repeat(3000)}${deep}]`)
    const refused = await runFlights(program)
    expect(refused).to.include({ exitCode: 1, stdout: '', phase: 'start' })
    expect(refused.stderr).to.match(/^INPUT_INVALID: row 3000 of .*flights\.json.*\n$/)
  })
})
