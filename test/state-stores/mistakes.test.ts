/** What callers without types get wrong when they plan a store: TOPOLOGY_INVALID that names the store and the remedy. */
import { expect } from 'chai'
import { StreamError } from '../../src/base/errors.ts'
import { string } from '../../src/serdes/index.ts'
import { memory, stores } from '../../state-stores/index.ts'

/** The compiler is left out. */
// biome-ignore lint/suspicious/noExplicitAny: these tests are written as plain JavaScript would be
type Loose = any

const loose: Loose = stores
const right = { name: 's', key: string, value: string }
const keyValue = (options: object): unknown => loose.keyValue({ ...right, ...options })
const window = (options: object): unknown => loose.window({ ...right, windowSizeMs: 10, retentionMs: 10, ...options })

const refusals: readonly (readonly [string, () => unknown, RegExp])[] = [
  [
    'no options',
    () => loose.keyValue(),
    /option of stores.keyValue cannot be read from undefined; give an object of: n/,
  ],
  [
    'no name',
    () => loose.timestampedWindow({ ...right, name: undefined }),
    /stores.timestampedWindow has no name; give/,
  ],
  ['a name that is no text', () => keyValue({ name: 5 }), /name of stores.keyValue is 5; give a text/],
  ['no serde', () => loose.keyValue({ name: 's', key: string }), /the store 's' has no value; give a serde/],
  ['a serde that is none', () => keyValue({ key: 'string' }), /key of the store 's' is 'string'; give a serde/],
  [
    'an engine by its name',
    () => keyValue({ engine: 'memory' }),
    /engine of the store 's' is 'memory'; give an engine l/,
  ],
  [
    'an engine that was not made',
    () => keyValue({ engine: memory }),
    /engine of the store 's' .*like level\(\) or mem/,
  ],
  [
    'a changelog that is none',
    () => keyValue({ changelog: 'yes' }),
    /changelog of the store 's' is 'yes'; give true, /,
  ],
  ['a changelog of bare configs', () => keyValue({ changelog: { 'segment.bytes': '5' } }), /changelog .*{ configs }/],
  [
    'configs that are no texts',
    () => keyValue({ changelog: { configs: { 'segment.bytes': 1000 } } }),
    /changelog of the store 's' .*; give a text as segment.bytes: '1000'/,
  ],
  [
    'an option that there is not',
    () => keyValue({ logging: false }),
    /the store 's' named 'logging'; there are: name,/,
  ],
  ['a retention of a store without windows', () => keyValue({ retentionMs: 5 }), /the store 's' named 'retentionMs'/],
  [
    'no size of windows',
    () => window({ windowSizeMs: undefined }),
    /the store 's' has no windowSizeMs; give a whole n/,
  ],
  [
    'a symbol as a size',
    () => window({ windowSizeMs: Symbol('x') }),
    /windowSizeMs of the store 's' is Symbol\(x\); g/,
  ],
  [
    'a retention that is no number',
    () => window({ retentionMs: '10' }),
    /retentionMs of the store 's' is '10'; give a/,
  ],
]

describe('Stores planned without types', () => {
  for (const [what, plan, says] of refusals) {
    it(`${what}: refused, naming store and remedy`, () => {
      expect(plan)
        .to.throw(says)
        .that.satisfies((error: unknown) => StreamError.is(error, 'TOPOLOGY_INVALID'))
    })
  }

  it('options that are right, or undefined, are taken', () => {
    keyValue({ engine: undefined, changelog: { configs: {} } })
    window({ engine: memory(), changelog: undefined })
  })
})
