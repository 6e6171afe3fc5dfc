import { expect } from 'chai'
import { expectTypeOf } from 'expect-type'
import { StreamError } from '../../src/base/errors.ts'
import { int64, string } from '../../src/serdes/index.ts'
import { level, memory, stores } from '../../state-stores/index.ts'

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (StreamError.is(error)) return error.code
    throw error
  }
  return 'nothing was thrown'
}

describe('stores', () => {
  it('are on LevelDB with a changelog unless told otherwise', () => {
    const plan = stores.keyValue({ name: 'seen', key: string, value: int64 })
    expect(plan.kind).to.equal('keyValue')
    expect(plan.engine).to.equal(level())
    expect(plan.changelog).to.deep.equal({ configs: {} })
    expect(plan.retentionMs).to.equal(undefined)
  })

  it('take an engine, and topic configs or no changelog', () => {
    const options = { name: 's', key: string, value: int64, engine: memory() }
    expect(stores.keyValue({ ...options, changelog: false }).changelog).to.equal(null)
    const configs = { 'segment.bytes': '1000' }
    expect(stores.keyValue({ ...options, changelog: { configs } }).changelog).to.deep.equal({ configs })
    expect(stores.timestampedKeyValue(options).engine.persistent).to.equal(false)
  })

  it('have a fingerprint of kind, serdes and window', () => {
    const options = { name: 's', key: string, value: int64 }
    const window = { ...options, windowSizeMs: 10, retentionMs: 30 }
    expect(stores.keyValue(options).fingerprint).to.equal('keyValue(string,int64)')
    expect(stores.timestampedKeyValue(options).fingerprint).to.equal('timestampedKeyValue(string,int64)')
    expect(stores.window(window).fingerprint).to.equal('window(string,int64,size=10,retention=30)')
    expect(stores.timestampedWindow(window).retentionMs).to.equal(30)
  })

  it('build a fresh instance each time', () => {
    const plan = stores.timestampedWindow({ name: 's', key: string, value: int64, windowSizeMs: 10, retentionMs: 30 })
    expect(plan.build()).not.to.equal(plan.build())
    expect(plan.build().name).to.equal('s')
    expect(plan.build().windowSizeMs).to.equal(10)
  })

  it('refuse names that no topic can have, and windows that outlive their retention: TOPOLOGY_INVALID', () => {
    expect(codeOf(() => stores.keyValue({ name: 'a b', key: string, value: int64 }))).to.equal('TOPOLOGY_INVALID')
    expect(codeOf(() => stores.keyValue({ name: '', key: string, value: int64 }))).to.equal('TOPOLOGY_INVALID')
    const window = { name: 's', key: string, value: int64 }
    const build = (windowSizeMs: number, retentionMs: number) => () =>
      stores.window({ ...window, windowSizeMs, retentionMs })
    expect(codeOf(build(10, 9))).to.equal('TOPOLOGY_INVALID')
    expect(codeOf(build(0, 9))).to.equal('TOPOLOGY_INVALID')
    expect(codeOf(build(1.5, 9))).to.equal('TOPOLOGY_INVALID')
    expect(codeOf(build(10, 10))).to.equal('nothing was thrown')
  })

  it('carry the types of keys and values to stores and views', () => {
    const store = stores.keyValue({ name: 's', key: string, value: int64 }).build()
    expectTypeOf(store.get).parameters.toEqualTypeOf<[string]>()
    expectTypeOf(store.get).returns.toEqualTypeOf<number | undefined>()
    expectTypeOf(store.committedView().get).returns.resolves.toEqualTypeOf<number | undefined>()
    // @ts-expect-error a number is no key of this store
    expectTypeOf(store.get).toBeCallableWith(5)
    const windows = stores.window({ name: 's', key: string, value: int64, windowSizeMs: 1, retentionMs: 1 }).build()
    expectTypeOf(windows.committedView().fetch).returns.resolves.toEqualTypeOf<[number, number][]>()
  })
})
