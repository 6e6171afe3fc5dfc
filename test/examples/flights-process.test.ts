import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { SeededRandom } from '../../src/base/random.ts'
import { expectedReport } from '../crash/expected.ts'
import { airportsCsv, randomFlights } from '../crash/flights-data.ts'
import { runFlights } from '../crash/program.ts'

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

  it('runs by npm start, with paths relative to the folder it was called in', () => {
    writeFileSync(program.flights, '[{"date":"2001/01/14 21:55","delay":12,"origin":"BMI"}]')
    mkdirSync(join(folder, 'inside'))
    const root = resolve(import.meta.dirname, '../..')
    const flags = ['--flights', '../flights.json', '--airports', '../airports.csv', '--data', 'data', '--json']
    const { INIT_CWD: _, ...env } = process.env
    const child = spawnSync('npm', ['--prefix', root, 'start', '-s', '--', ...flags], {
      cwd: join(folder, 'inside'),
      env: { ...env, INIT_CWD: join(folder, 'inside') },
      encoding: 'utf8',
    })
    expect(JSON.parse(child.stdout), child.stderr).to.deep.include({ flights: 1, resumed: false })
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
      expect(refused.stderr).to.match(/INPUT_INVALID: .*flights\.json/)
    }
  })
})
