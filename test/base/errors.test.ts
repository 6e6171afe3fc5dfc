import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { type ErrorCode, errorCatalogue, messageOf, StreamError } from '../../src/base/errors.ts'

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')

/** The paragraphs of docs/errors.md by their headings. */
const paragraphs = new Map(
  page
    .split(/^### /m)
    .slice(1)
    .map((section) => {
      const [heading, ...rest] = section.split(/^## /m)[0]!.split('\n')
      return [heading!, rest.join(' ').trim()] as const
    }),
)

describe('the catalogue of errors', () => {
  it('is the list in docs/errors.md, in the same order', () => {
    expect([...paragraphs.keys()]).to.deep.equal(Object.keys(errorCatalogue))
  })

  it('has a paragraph for each code that also says whether a retry helps', () => {
    for (const [code, text] of paragraphs) {
      expect(text.length, code).to.be.greaterThan(60)
      expect(text, code).to.match(/retry/i)
      const { retriable } = errorCatalogue[code as ErrorCode]
      if (retriable) expect(text, code).to.match(/retry[^.]* (may )?helps?\b/i)
    }
  })
})

describe('StreamError', () => {
  it('has its code, whether a retry helps, and its cause', () => {
    const cause = new Error('below')
    const error = new StreamError('DISK_FULL', 'no space; free some', { cause })
    expect(error.message).to.equal('DISK_FULL: no space; free some')
    expect(error).to.include({ name: 'StreamError', code: 'DISK_FULL', retriable: true, cause })
    expect(error).to.be.instanceOf(Error)
  })

  it('is known by its brand and code', () => {
    const error = new StreamError('CLOSED', 'it is closed')
    expect(StreamError.is(error)).to.equal(true)
    expect(StreamError.is(error, 'CLOSED')).to.equal(true)
    expect(StreamError.is(error, 'DISK_FULL')).to.equal(false)
    for (const other of [null, undefined, 'CLOSED', { code: 'CLOSED' }, new Error('CLOSED')]) {
      expect(StreamError.is(other)).to.equal(false)
    }
  })
})

describe('messageOf', () => {
  it('gives the message of an error, else its text', () => {
    expect(messageOf(new Error('what'))).to.equal('what')
    expect(messageOf('text')).to.equal('text')
    expect(messageOf(undefined)).to.equal('undefined')
  })
})
