import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import { ByteReader, ByteWriter } from '../../src/base/bytes.ts'
import { type ApiName, apiNames, apis } from '../../src/protocol/api.ts'
import { isFlexible } from '../../src/protocol/headers.ts'
import type { Type } from '../../src/protocol/schema.ts'

interface Golden {
  readonly kind: 'request' | 'response'
  readonly version: number
  readonly bytes: string
  readonly value: unknown
}

const folder = new URL('../golden/protocol/', import.meta.url)

function fileOf(name: ApiName): string {
  return `${name.replace(/(?<!^)([A-Z])/g, '-$1').toLowerCase()}.json`
}

/** Our value in the words of the golden files: base64 for bytes and UUIDs. */
function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('base64')
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value)) {
    return Buffer.from(value.replaceAll('-', ''), 'hex').toString('base64url')
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]))
}

/** Has `actual` everything that `expected` has? Fields of other versions are not in a golden. */
function expectCovers(actual: unknown, expected: unknown, path: string): void {
  if (typeof expected !== 'object' || expected === null) {
    expect(actual, path).to.equal(expected)
  } else if (Array.isArray(expected)) {
    expect(actual, path).to.be.an('array').with.length(expected.length)
    for (const [index, item] of expected.entries())
      expectCovers((actual as unknown[])[index], item, `${path}[${index}]`)
  } else {
    for (const [name, field] of Object.entries(expected)) {
      expectCovers((actual as Record<string, unknown>)[name], field, `${path}.${name}`)
    }
  }
}

describe("the codec and Kafka's own message classes", () => {
  it('have a golden file for each API, and no other', () => {
    expect(readdirSync(folder).sort()).to.deep.equal(apiNames.map(fileOf).sort())
  })

  for (const name of apiNames) {
    it(`write and read ${name} alike in all its versions`, () => {
      const goldens = JSON.parse(readFileSync(new URL(fileOf(name), folder), 'utf8')) as Golden[]
      const seen = new Set<string>()
      for (const { kind, version, bytes, value } of goldens) {
        const type: Type<unknown> = apis[name][kind]
        const reader = new ByteReader(Buffer.from(bytes, 'base64'))
        const flexible = isFlexible(name, version)
        const decoded = type.read(reader, version, flexible)
        expect(reader.remaining, `${name} ${kind} ${version}`).to.equal(0)
        expectCovers(plain(decoded), value, `${name} ${kind} ${version}`)
        const writer = new ByteWriter()
        type.write(writer, decoded, version, flexible)
        expect(writer.view().toString('base64'), `${name} ${kind} ${version}`).to.equal(bytes)
        seen.add(`${kind} ${version}`)
      }
      const [min, max] = apis[name].versions
      expect(seen.size).to.equal(2 * (max - min + 1))
    })
  }
})
