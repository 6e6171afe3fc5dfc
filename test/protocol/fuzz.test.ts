import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { StreamError } from '../../src/base/errors.ts'
import { SeededRandom } from '../../src/base/random.ts'
import { apiNames, apis } from '../../src/protocol/api.ts'
import { decodeRequest, decodeResponse } from '../../src/protocol/codec.ts'

const seed = Number(process.env.MILLRACE_SEED ?? 20261121)
const seconds = 0.4

/** The law: a value or a StreamError, never anything else, and never a long time. */
function decodes(run: () => unknown): boolean {
  try {
    run()
    return true
  } catch (error) {
    if (StreamError.is(error)) return false
    throw error
  }
}

function mutated(random: SeededRandom, original: Buffer): Buffer {
  const bytes = Buffer.from(original)
  for (let count = 1 + random.int(4); count > 0 && bytes.length > 0; count--) {
    const at = random.int(bytes.length)
    const kind = random.int(4)
    if (kind === 0) bytes[at] = random.int(256)
    else if (kind === 1) bytes[at] = 0xff
    else if (kind === 2) bytes[at] = bytes[at]! ^ (1 << random.int(8))
    else return bytes.subarray(0, at)
  }
  return bytes
}

/** A request header of the API and version, then the golden's bytes. */
function requestBytes(key: number, version: number, flexible: boolean, body: Buffer): Buffer {
  const header = Buffer.from([key >> 8, key & 0xff, 0, version, 0, 0, 0, 1, 0, 1, 0x63])
  return Buffer.concat(flexible ? [header, Buffer.of(0), body] : [header, body])
}

describe(`decoders under fuzz (seed ${seed})`, () => {
  it('answer random bytes with a value or a StreamError', () => {
    const random = new SeededRandom(seed)
    const until = performance.now() + seconds * 1000
    for (let round = 0; performance.now() < until || round < 1000; round++) {
      const name = apiNames[random.int(apiNames.length)]!
      const [min, max] = apis[name].versions
      const version = min + random.int(max - min + 1)
      const body = random.bytes(random.int(200))
      decodes(() => decodeRequest(requestBytes(apis[name].key, version, version >= apis[name].flexible, body)))
      decodes(() => decodeResponse(name, version, body))
      decodes(() => decodeRequest(body))
    }
  })

  it('answer damaged messages with a value or a StreamError', () => {
    const random = new SeededRandom(seed + 1)
    let whole = 0
    for (const name of apiNames) {
      const file = new URL(
        `../golden/protocol/${name.replace(/(?<!^)([A-Z])/g, '-$1').toLowerCase()}.json`,
        import.meta.url,
      )
      const goldens = JSON.parse(readFileSync(file, 'utf8')) as { kind: string; version: number; bytes: string }[]
      for (const { kind, version, bytes } of goldens) {
        const body = Buffer.from(bytes, 'base64')
        const flexible = version >= apis[name].flexible
        const answer = Buffer.concat([
          Buffer.alloc(4),
          flexible && name !== 'ApiVersions' ? Buffer.of(0) : Buffer.alloc(0),
          body,
        ])
        const decode = (message: Buffer): boolean =>
          decodes(() => (kind === 'request' ? decodeRequest(message) : decodeResponse(name, version, message)))
        const message = kind === 'request' ? requestBytes(apis[name].key, version, flexible, body) : answer
        if (decode(message)) whole++
        for (let round = 0; round < 40; round++) decode(mutated(random, message))
      }
    }
    expect(whole).to.be.greaterThan(250)
  })

  it('take no more memory than the message is worth', () => {
    // Each array may claim as many elements as bytes remain; the first element that is cut short ends the decoding.
    const claim = Buffer.alloc(64 * 1024, 0xff)
    const before = process.memoryUsage().arrayBuffers
    for (const name of apiNames) {
      const version = apis[name].pinned
      decodes(() => decodeResponse(name, version, claim))
    }
    expect(process.memoryUsage().arrayBuffers - before).to.be.lessThan(8 * 1024 * 1024)
  })
})
