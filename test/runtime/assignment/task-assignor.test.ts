import { expect } from 'chai'
import fc from 'fast-check'
import { type AssignmentMember, assignTasks } from '../../../src/runtime/assignment/task-assignor.ts'
import { decodeSubscription, encodeSubscription } from '../../../src/runtime/assignment/user-data.ts'
import { type TaskId, taskIdText } from '../../../src/runtime/task/task-id.ts'

function tasks(count: number): TaskId[] {
  return Array.from({ length: count }, (_, index) => ({ subTopology: index % 2, partition: index >> 1 }))
}

function names(assigned: Map<string, TaskId[]>): { [memberId: string]: string[] } {
  return Object.fromEntries([...assigned].map(([memberId, list]) => [memberId, list.map(taskIdText)]))
}

const members = fc.uniqueArray(
  fc.record({
    memberId: fc.string({ minLength: 1, maxLength: 3 }),
    running: fc.array(fc.nat(20).map((n) => `${n % 2}_${n >> 1}`)),
    kept: fc.array(fc.nat(20).map((n) => `${n % 2}_${n >> 1}`)),
  }),
  { minLength: 1, maxLength: 6, selector: ({ memberId }) => memberId },
)

describe('assignTasks', () => {
  it('gives every task one owner, evenly, and the same answer in any order', () => {
    fc.assert(
      fc.property(members, fc.nat(20), (some, count) => {
        const assigned = assignTasks(some, tasks(count))
        const all = [...assigned.values()].flat().map(taskIdText)
        expect(all.sort()).to.deep.equal(tasks(count).map(taskIdText).sort())
        const counts = [...assigned.values()].map((list) => list.length)
        expect(Math.max(...counts) - Math.min(...counts)).to.be.at.most(1)
        expect(names(assignTasks([...some].reverse(), tasks(count).reverse()))).to.deep.equal(names(assigned))
      }),
    )
  })

  it('changes nothing when nothing has changed', () => {
    fc.assert(
      fc.property(members, fc.nat(20), (some, count) => {
        const first = assignTasks(some, tasks(count))
        const again: AssignmentMember[] = some.map(({ memberId, kept }) => {
          return { memberId, running: first.get(memberId)!.map(taskIdText), kept }
        })
        expect(names(assignTasks(again, tasks(count)))).to.deep.equal(names(first))
      }),
    )
  })

  it('moves no more than a newcomer needs, and prefers who runs a task over who has an old copy of it', () => {
    const four = tasks(4).map(taskIdText)
    const assigned = assignTasks(
      [
        { memberId: 'b', running: ['0_1', '1_1'], kept: four },
        { memberId: 'c', running: [], kept: [] },
        { memberId: 'a', running: ['0_0', '1_0'], kept: four },
      ],
      tasks(4),
    )
    expect(names(assigned)).to.deep.equal({ a: ['0_0', '1_0'], b: ['0_1'], c: ['1_1'] })
  })

  it('gives a task back to where its state is', () => {
    const assigned = assignTasks(
      [
        { memberId: 'a', running: [], kept: ['0_1', '1_1'] },
        { memberId: 'b', running: [], kept: ['0_0', '1_0'] },
      ],
      tasks(4),
    )
    expect(names(assigned)).to.deep.equal({ a: ['0_1', '1_1'], b: ['0_0', '1_0'] })
  })
})

describe('what members tell each other', () => {
  it('comes back as it was said', () => {
    const data = { processId: 'p', running: ['0_1'], kept: ['1_1'] }
    expect(decodeSubscription(encodeSubscription(data))).to.deep.equal(data)
  })

  it('is refused when another version said it', () => {
    for (const text of ['{"version":2}', 'nonsense', 'null', '[]']) {
      expect(() => decodeSubscription(Buffer.from(text)), text).to.throw('PROTOCOL_UNSUPPORTED')
    }
  })
})
