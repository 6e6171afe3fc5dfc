import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { readAirports, readFlights } from '../../examples/flights/input.ts'

describe('The input of the flights program', () => {
  let folder: string
  let file: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-input-'))
    file = join(folder, 'input')
  })

  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  for (const [header, missing] of [
    ['iata,city', 'name'],
    ['code,name', 'iata'],
  ]) {
    it(`refuses airports without the column ${missing}`, () => {
      writeFileSync(file, `${header}\nBMI,Bloomington\n`)
      expect(() => readAirports(file).rows()).to.throw(
        `${file} cannot be read: its first line has no column ${missing}`,
      )
    })
  }

  it('takes a row of empty fields for a row, and a blank line for none', () => {
    writeFileSync(file, 'iata,name\n\n" ",""\n,\n\nBMI,Bloomington\n')
    expect(readAirports(file).rows()).to.deep.equal([
      { iata: ' ', name: '' },
      { iata: '', name: '' },
      { iata: 'BMI', name: 'Bloomington' },
    ])
  })

  it('says in one line what is wrong, whatever of the file it quotes', () => {
    writeFileSync(file, '[\n{"a":1\n}\n}\n')
    expect(() => readFlights(file).rows()).to.throw(/^INPUT_INVALID: .*input cannot be read: .*$/)
  })
})
