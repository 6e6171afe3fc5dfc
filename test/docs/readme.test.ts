import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect } from 'chai'

const root = resolve(import.meta.dirname, '../..')
const readme = readFileSync(resolve(root, 'README.md'), 'utf8')
const blocks = [...readme.matchAll(/<!-- (\S+) -->\n```ts\n([\s\S]*?)```/g)]

describe('The README', () => {
  it('shows TypeScript only from files that tests run', () => {
    expect(readme.match(/```ts/g)).to.have.length(blocks.length)
  })

  for (const [, path, code] of blocks) {
    it(`shows ${path} as it is`, () => {
      expect(code).to.equal(readFileSync(resolve(root, path!), 'utf8'))
    })
  }

  it('names only npm scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8')) as {
      scripts: { [name: string]: string }
    }
    for (const page of ['README.md', 'CONTRIBUTING.md']) {
      const text = readFileSync(resolve(root, page), 'utf8')
      for (const [, name] of text.matchAll(/npm run (?:-s )?([\w:-]+)/g))
        expect(scripts, `${page}: npm run ${name}`).to.have.property(name!)
    }
  })
})
