import { expect } from 'chai'
import { closeAll, closeEach } from '../../src/runtime/closing.ts'
import { rejectionOf } from './fixture.ts'

function scripted(story: string[]): (() => void | Promise<void>)[] {
  return [
    () => void story.push('a'),
    () => {
      throw new Error('b')
    },
    () => Promise.reject(new Error('c')),
    async () => void story.push('d'),
  ]
}

describe('Closing several things', () => {
  it('takes every step in order, and then throws the first error', async () => {
    const story: string[] = []
    expect(await rejectionOf(closeAll(scripted(story)))).to.have.property('message', 'b')
    expect(story).to.deep.equal(['a', 'd'])
  })

  it('tells every error where there is something worse to throw', async () => {
    const story: string[] = []
    await closeEach(scripted(story), (error) => story.push(String(error)))
    expect(story).to.deep.equal(['a', 'Error: b', 'Error: c', 'd'])
  })
})
