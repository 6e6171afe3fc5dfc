import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect } from 'chai'
import { doorUsers, floors, grabs, harmlessBuiltIns, linesMax, longFiles } from './tidy/floors.ts'
import { importsOf, lineAt, root, type Source, sourcesIn, targetOf, withoutComments } from './tidy/sources.ts'

const house = sourcesIn(['src', 'dsl', 'state-stores'])
const guests = sourcesIn(doorUsers)
const everything = [...house, ...guests, ...sourcesIn(['test'])]

interface Manifest {
  readonly exports: { readonly [door: string]: unknown }
  readonly dependencies: { readonly [name: string]: string }
  readonly devDependencies: { readonly [name: string]: string }
}

function floorOf(file: string): string | null {
  return Object.keys(floors).find((floor) => file === floor || file.startsWith(`${floor}/`)) ?? null
}

/** Why this import is not allowed on this floor; null if it is. */
function wrongWith(source: Source, floor: string, specifier: string): string | null {
  if (specifier.startsWith('.')) {
    const target = floorOf(targetOf(source, specifier))
    if (target === null) return 'is outside the house'
    return target === floor || floors[floor]!.imports.includes(target) ? null : `${floor} may not import ${target}`
  }
  if (harmlessBuiltIns.includes(specifier)) return null
  const name = specifier.startsWith('node:') ? specifier : packageOf(specifier)
  const home = Object.keys(floors).find((other) => floors[other]!.homeOf.includes(name))
  if (home === undefined) return 'has no home in the floor table'
  return home === floor ? null : `only ${home} may import it`
}

function packageOf(specifier: string): string {
  const [first, second] = specifier.split('/')
  return first!.startsWith('@') ? `${first}/${second}` : first!
}

function findings(sources: readonly Source[], look: (source: Source) => string[]): string {
  return sources.flatMap(look).join('\n')
}

describe('the house is tidy', () => {
  it('has files, each on a floor', () => {
    expect(house).to.not.be.empty
    expect(findings(house, (source) => (floorOf(source.path) === null ? [source.path] : []))).to.equal('')
  })

  it('imports nothing that the floor table does not allow', () => {
    const wrong = findings(house, (source) => {
      const floor = floorOf(source.path)!
      return importsOf(source).flatMap(({ line, specifier }) => {
        const why = wrongWith(source, floor, specifier)
        return why === null ? [] : [`${source.path}:${line} '${specifier}': ${why}`]
      })
    })
    expect(wrong).to.equal('')
  })

  it('asks for time, timers and chance, and grabs none outside src/base', () => {
    const wrong = findings(house, (source) => {
      if (floorOf(source.path) === 'src/base') return []
      return grabs.flatMap(([what, pattern]) => {
        const match = pattern.exec(source.code)
        return match === null ? [] : [`${source.path}:${lineAt(source.code, match.index)} grabs ${what}`]
      })
    })
    expect(wrong).to.equal('')
  })

  it('lets its guests in by the doors only', () => {
    const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as Manifest
    const doors = Object.keys(manifest.exports).map((door) => path.posix.join('millrace', door))
    const packages = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })
    const allowed = (source: Source, specifier: string): boolean => {
      if (specifier.startsWith('.')) return targetOf(source, specifier).split('/')[0] === source.path.split('/')[0]
      const name = packageOf(specifier)
      return name === 'millrace' ? doors.includes(specifier) : specifier.startsWith('node:') || packages.includes(name)
    }
    const wrong = findings(guests, (source) =>
      importsOf(source)
        .filter(({ specifier }) => !allowed(source, specifier))
        .map(({ line, specifier }) => `${source.path}:${line} '${specifier}' is no door`),
    )
    expect(wrong).to.equal('')
  })

  it(`has no file over ${linesMax} lines but schemas`, () => {
    const wrong = findings(everything, (source) => {
      const lines = source.text.split('\n').length - 1
      return lines > linesMax && !longFiles.test(source.path) ? [`${source.path} has ${lines} lines`] : []
    })
    expect(wrong).to.equal('')
  })

  it('puts nothing off', () => {
    const words = new RegExp(`\\b(?:${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`)
    const wrong = findings(everything, (source) => {
      const match = words.exec(source.text)
      return match === null ? [] : [`${source.path}:${lineAt(source.text, match.index)} ${match[0]}`]
    })
    expect(wrong).to.equal('')
  })
})

describe('the scan of the tidy test', () => {
  const source = (text: string): Source => ({ path: 'src/log/x.ts', text, code: withoutComments(text) })

  it('sees imports of all kinds, and not those in comments', () => {
    const text = [
      "import { a } from '../base/a.ts'",
      "import type { B } from './b.ts'",
      "export * from '../c.ts'",
      "import 'd'",
      "const e = await import('e')",
      "// import f from 'f'",
      "/* import g from 'g' */ const url = 'http://h'",
      'import {\n  i,\n} from "i"',
    ].join('\n')
    expect(importsOf(source(text)).map(({ specifier }) => specifier)).to.deep.equal([
      '../base/a.ts',
      './b.ts',
      '../c.ts',
      'd',
      'e',
      'i',
    ])
  })

  it('refuses what the design refuses', () => {
    const refused = (path: string, specifier: string): boolean =>
      wrongWith({ ...source(''), path }, floorOf(path)!, specifier) !== null
    expect(refused('src/log/x.ts', '../protocol/api.ts')).to.equal(true)
    expect(refused('src/client/x/y.ts', '../../broker/broker.ts')).to.equal(true)
    expect(refused('dsl/x.ts', '../src/runtime/streams.ts')).to.equal(true)
    expect(refused('src/runtime/x.ts', '../../dsl/topic.ts')).to.equal(true)
    expect(refused('src/runtime/x.ts', '../../state-stores/index.ts')).to.equal(true)
    expect(refused('src/log/x.ts', 'node:fs')).to.equal(true)
    expect(refused('src/log/x.ts', 'left-pad')).to.equal(true)
    expect(refused('dsl/x.ts', '../examples/flights/topology.ts')).to.equal(true)
    expect(refused('src/log/x.ts', '../records/batch-cursor.ts')).to.equal(false)
    expect(refused('state-stores/x.ts', 'level')).to.equal(false)
    expect(refused('src/cli/main.ts', '../runtime/streams.ts')).to.equal(false)
  })

  it('sees what is grabbed', () => {
    const grabbed = (text: string): boolean => grabs.some(([, pattern]) => pattern.test(withoutComments(text)))
    for (const text of ['Date.now()', 'new Date()', 'setTimeout(f, 1)', 'Math.random()', 'performance.now()']) {
      expect(grabbed(text), text).to.equal(true)
    }
    for (const text of [
      'clock.now()',
      'new Date(row.date)',
      '// Date.now()',
      'this.setTimeout(1)',
      'clock.timer(1, f)',
    ]) {
      expect(grabbed(text), text).to.equal(false)
    }
  })
})
