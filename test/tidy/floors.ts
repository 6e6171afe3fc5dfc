/**
 * The floors of the house, and what each may stand on. DESIGN.md and ARCHITECTURE.md show the same table.
 */
export interface Floor {
  /** Floors it may import. */
  readonly imports: readonly string[]
  /** Packages and built-in modules that only it may import. */
  readonly homeOf: readonly string[]
}

const base = ['src/base']
const plan = [...base, 'src/serdes', 'src/processor', 'src/topology']
const wire = [...base, 'src/records', 'src/protocol']
const underRuntime = [...new Set([...base, 'src/records', ...plan, 'src/client'])]
const underServer = [
  ...new Set([...wire, 'src/log', 'src/broker', 'src/net', 'src/client', ...plan, 'state-stores', 'dsl']),
]
const everything = [...underServer, 'src/runtime', 'src/testing', 'src/server', 'src/cli']

export const floors: { readonly [floor: string]: Floor } = {
  'src/base': {
    imports: [],
    homeOf: ['node:fs', 'node:fs/promises', 'node:timers', 'node:timers/promises', '@node-rs/crc32'],
  },
  'src/records': { imports: base, homeOf: ['node:zlib'] },
  'src/protocol': { imports: base, homeOf: [] },
  'src/log': { imports: [...base, 'src/records'], homeOf: [] },
  'src/broker': { imports: [...wire, 'src/log'], homeOf: [] },
  'src/net': { imports: [...base, 'src/protocol'], homeOf: ['node:net', 'node:tls'] },
  'src/client': { imports: wire, homeOf: [] },
  'src/serdes': { imports: base, homeOf: ['avsc'] },
  'src/processor': { imports: [...base, 'src/serdes'], homeOf: [] },
  'src/topology': { imports: [...base, 'src/serdes', 'src/processor'], homeOf: [] },
  'state-stores': { imports: [...base, 'src/serdes', 'src/processor'], homeOf: ['level'] },
  dsl: { imports: [...plan, 'state-stores'], homeOf: ['rxjs'] },
  'src/runtime': { imports: underRuntime, homeOf: [] },
  'src/testing': { imports: [...underServer.filter((floor) => floor !== 'src/net'), 'src/runtime'], homeOf: [] },
  'src/server': { imports: [...underServer, 'src/runtime'], homeOf: ['fastify'] },
  'src/cli': { imports: everything, homeOf: ['commander', 'cli-progress'] },
  'src/index.ts': { imports: everything, homeOf: [] },
}

/** Built-in modules that any floor may use: they touch nothing outside the process. */
export const harmlessBuiltIns: readonly string[] = [
  'node:assert',
  'node:buffer',
  'node:crypto',
  'node:events',
  'node:module',
  'node:os',
  'node:path',
  'node:process',
  'node:url',
  'node:util',
]

/** What is asked of a `Machine` and never grabbed (D9): only src/base may have these in its code. */
export const grabs: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['Date.now', /\bDate\s*\.\s*now\b/],
  ['the time of day', /\bnew\s+Date\s*\(\s*\)/],
  ['performance.now', /\bperformance\s*\.\s*now\b|\bprocess\s*\.\s*hrtime\b/],
  ['a timer', /(?<![.\w])(?:setTimeout|setInterval|setImmediate)\b/],
  ['chance', /\bMath\s*\.\s*random\b|\brandomUUID\b|\brandomBytes\b|\bgetRandomValues\b|\brandomInt\b/],
]

/** Users of the doors: they import these, and files of their own folder. */
export const doorUsers: readonly string[] = ['examples', 'bench']

export const linesMax = 500
/** Pure data, as long as Kafka makes it. */
export const longFiles = /^src\/protocol\/messages\//
