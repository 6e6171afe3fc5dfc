import { expect } from 'chai'
import { topic } from '../../dsl/index.ts'
import { string } from '../../src/serdes/index.ts'
import { isTypedTopic } from '../../src/topology/typed-topic.ts'

describe('isTypedTopic', () => {
  it('takes what topic() makes, and what looks like it', () => {
    expect(isTypedTopic(topic('t', { key: string, value: string }))).to.equal(true)
    expect(isTypedTopic({ name: 't', key: string, value: string })).to.equal(true)
  })

  it('takes nothing without a name or a serde, and nothing that is no object', () => {
    const half = { encode: () => undefined }
    for (const given of [
      { key: string, value: string },
      { name: 5, key: string, value: string },
      { name: 't', value: string },
      { name: 't', key: string, value: half },
      { name: 't', key: null, value: string },
      't',
      null,
      undefined,
      Object.assign(() => undefined, { key: string, value: string }),
    ]) {
      expect(isTypedTopic(given), String(given)).to.equal(false)
    }
  })
})
