import { expect } from 'chai'
import { observeCrashPoints } from '../../src/base/crash-points.ts'
import { deferred } from '../../src/base/deferred.ts'
import { StreamError } from '../../src/base/errors.ts'
import { systemMachine } from '../../src/base/machine.ts'
import type { Producer } from '../../src/client/index.ts'
import type { KeyValueStore } from '../../src/processor/state-store.ts'
import type { KeyValueView } from '../../src/processor/store-views.ts'
import { ActiveTask } from '../../src/runtime/active-task.ts'
import { type CommitEnd, type CommitScope, type CommitTarget, commit } from '../../src/runtime/commit.ts'
import type { ProducerCollector } from '../../src/runtime/record-collector.ts'
import { TaskState } from '../../src/runtime/state/task-state.ts'
import { noOffsetMetadata } from '../../src/runtime/task/offset-metadata.ts'
import type { Task } from '../../src/runtime/task/task.ts'
import { string } from '../../src/serdes/index.ts'
import { stores } from '../../state-stores/builders.ts'
import { memory } from '../../state-stores/index.ts'
import { rejectionOf } from './fixture.ts'
import { fetched, forever, line, processor, startTask } from './task/fixture.ts'

/** A task with one store whose every step of a commit is written into `story`. */
async function scripted(story: string[]) {
  let store: KeyValueStore<string, string>
  const held: string[] = []
  const step = () => ({
    ...processor((record) => {
      store.put(String(record.key), String(record.value))
      held.push(String(record.value))
    })(),
    flush: () => {
      story.push(`1a flush ${held.splice(0).join()}`)
    },
  })
  const { task } = startTask({ topology: line(step) })
  const state = await TaskState.open({
    machine: systemMachine,
    directory: '/nowhere',
    builders: [stores.keyValue({ name: 'kv', key: string, value: string, engine: memory() })],
    fingerprint: 'f',
    cleanCacheBytesMax: 1000,
    lockWaitMs: 0,
    currentTimestampMs: () => 0,
    recordDropped: () => {},
  })
  store = state.stores.get('kv') as KeyValueStore<string, string>
  const collector = {
    changelog: () => ({
      append: (_: number, key: Buffer, start: number, end: number) =>
        void story.push(`1b ${key.toString('utf8', start, end)} to the changelog`),
    }),
  } as unknown as ProducerCollector
  // Each commit writes one record to the changelog.
  const producer = { endOffset: () => story.filter((line) => line === '2 flush').length } as unknown as Producer
  const changelogs = [{ store: 'kv', topic: 'c', partition: 0, topicId: 't', leaderEpoch: 1, offset: 0 }]
  const active = new ActiveTask({
    task,
    state,
    collector,
    producer,
    changelogs,
    inputs: [{ topic: 'S', topicId: 's' }],
  })
  return { active, task, state, store }
}

function target(story: string[], failAt: string | null = null): CommitTarget {
  const told = async (what: string): Promise<void> => {
    story.push(what)
    if (what === failAt) throw new Error(what)
  }
  return {
    flush: () => told('2 flush'),
    sendOffsets: (offsets) => told(`3 offsets ${offsets.map(({ topic, offset }) => `${topic}@${offset}`).join()}`),
    commit: () => told('3 commit'),
  }
}

function scopeOf(active: ActiveTask, to: CommitTarget): CommitScope {
  return {
    tasks: [active],
    target: to,
    previous: { committed: Promise.resolve(), written: Promise.resolve() },
    beforePrevious: Promise.resolve(),
    nowMs: 99,
    lap: () => {},
    committed: () => {},
    flush: (task: Task) => task.flush(),
  }
}

describe('commit', () => {
  it('goes through its steps in order, and the state says what it belongs to', async () => {
    const story: string[] = []
    const { active, task, state } = await scripted(story)
    const stop = observeCrashPoints((point) => void story.push(`(${point})`))
    task.add('S', 0, fetched(4, ['a', '1', 1], ['b', '2', 2]))
    task.process(forever)
    const { written } = await commit(scopeOf(active, target(story)))
    await written
    stop()
    expect(story).to.deep.equal([
      '(commit.1a.enter)',
      '1a flush 1,2',
      '(commit.1a.leave)',
      '(commit.1b.enter)',
      '1b a to the changelog',
      '1b b to the changelog',
      '(commit.1b.leave)',
      '(commit.2.enter)',
      '2 flush',
      '(commit.2.leave)',
      '(commit.3.enter)',
      '3 offsets S@6',
      '(commit.3.offsets)',
      '3 commit',
      '(commit.3.leave)',
      '(commit.4.enter)',
      '(commit.4.leave)',
    ])
    expect(state.writtenMs).to.equal(99)
    expect(active.committedOffset({ topic: 'S', partition: 0 })).to.equal(6)
    expect(task.needsCommit).to.equal(false)
  })

  it('decides the next commit while the rows of one are written, and goes no further than that', async () => {
    const story: string[] = []
    const { active, task, state, store } = await scripted(story)
    const [first, second] = [deferred<void>(), deferred<void>()]
    const slow = [first, second]
    const write = state.write.bind(state)
    state.write = async (commit, durable) => {
      await slow.shift()?.promise
      await write(commit, durable)
      story.push(`4 up to ${commit.inputs['S-0']?.offset}, changelog ${commit.changelogs.kv?.offset}`)
    }
    const seen = store.committedView() as KeyValueView<string, string>
    const ends: CommitEnd[] = []
    const begin = async (value: string): Promise<void> => {
      task.add('S', 0, fetched(ends.length, ['a', value, 1]))
      task.process(forever)
      const previous = ends.at(-1) ?? scopeOf(active, target(story)).previous
      const beforePrevious = ends.at(-2)?.written ?? Promise.resolve()
      ends.push(await commit({ ...scopeOf(active, target(story)), previous, beforePrevious }))
    }
    await begin('1')
    await begin('2')
    await ends[1]!.committed
    expect(await seen.get('a')).to.equal('2')
    expect(state.mayRotate).to.equal(false)
    const third = begin('3')
    await new Promise((resolve) => setImmediate(resolve))
    expect(store.get('a')).to.equal('3')
    expect(await seen.get('a')).to.equal('2')
    expect(story.filter((line) => !line.startsWith('2'))).to.deep.equal([
      '1a flush 1',
      '1b a to the changelog',
      '3 offsets S@1',
      '3 commit',
      '1a flush 2',
      '1b a to the changelog',
      '3 offsets S@2',
      '3 commit',
      '1a flush 3',
    ])
    second.resolve()
    await new Promise((resolve) => setImmediate(resolve))
    expect(story.filter((line) => line.startsWith('4'))).to.deep.equal([])
    first.resolve()
    await third
    await ends[2]!.written
    const written = ['4 up to 1, changelog 1', '4 up to 2, changelog 2', '4 up to 3, changelog 3']
    expect(story.filter((line) => line.startsWith('4'))).to.deep.equal(written)
    expect(await seen.get('a')).to.equal('3')
    expect(state.settled).to.equal(true)
  })

  it('lets the task go on while the transaction ends, and keeps apart what belongs to the next', async () => {
    const story: string[] = []
    const { active, task, state, store } = await scripted(story)
    const ended = deferred<void>()
    const slow = { ...target(story), commit: () => ended.promise }
    task.add('S', 0, fetched(0, ['a', '1', 1]))
    task.process(forever)
    const previous = await commit(scopeOf(active, slow))
    const { committed } = previous
    const next = commit({ ...scopeOf(active, target(story)), previous })
    task.add('S', 0, fetched(1, ['a', '2', 2]))
    task.process(forever)
    expect(store.get('a')).to.equal('2')
    const seen = store.committedView() as KeyValueView<string, string>
    expect(await seen.get('a')).to.equal(undefined)
    expect(active.committedOffset({ topic: 'S', partition: 0 })).to.equal(null)
    expect(task.needsCommit).to.equal(true)
    ended.resolve()
    await committed
    expect(await seen.get('a')).to.equal('1')
    expect(active.committedOffset({ topic: 'S', partition: 0 })).to.equal(1)
    await (await next).written
    expect(await seen.get('a')).to.equal('2')
    expect(state.settled).to.equal(true)
    expect(story.filter((line) => line.startsWith('3'))).to.deep.equal(['3 offsets S@1', '3 offsets S@2', '3 commit'])
  })

  it('writes the rows of its tasks side by side, and ends when nobody writes any more, also where one has failed', async () => {
    const story: string[] = []
    const [one, other] = [await scripted(story), await scripted(story)]
    for (const { task } of [one, other]) {
      task.add('S', 0, fetched(0, ['a', '1', 1]))
      task.process(forever)
    }
    const slow = deferred<void>()
    one.state.write = async () => {
      throw new StreamError('DISK_FULL', 'no room')
    }
    other.state.write = () => slow.promise
    const { written } = await commit({ ...scopeOf(one.active, target(story)), tasks: [one.active, other.active] })
    let ended = false
    const error = rejectionOf(written).finally(() => {
      ended = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(ended).to.equal(false)
    slow.resolve()
    expect(await error).to.have.property('code', 'DISK_FULL')
  })

  it('writes the positions of the commit whose rows it writes, whatever was committed since (V1)', async () => {
    const story: string[] = []
    const { active, state } = await scripted(story)
    const written: (number | undefined)[] = []
    const write = state.write.bind(state)
    state.write = (commit, durable) => {
      written.push(commit.changelogs.kv?.offset, commit.inputs['S-0']?.offset)
      return write(commit, durable)
    }
    for (const offset of [1, 2]) {
      active.rotate()
      story.push('2 flush')
      active.measureChangelogs()
      active.committed([{ topic: 'S', partition: 0, offset, leaderEpoch: 0, metadata: noOffsetMetadata }], 99)
    }
    await active.writeState()
    await active.writeState()
    expect(written).to.deep.equal([1, 1, 2, 2])
  })

  it('takes what a store of the user’s throws at 1b for no answer of the log', async () => {
    const { active, task, store } = await scripted([])
    task.add('S', 0, fetched(0, ['a', '1', 1]))
    task.process(forever)
    store.rotate = () => {
      throw new StreamError('TIMED_OUT', 'a service did not answer')
    }
    const error = await rejectionOf(commit(scopeOf(active, target([]))))
    expect(error).to.have.property('code', 'PROCESSOR_FAILED')
    expect(error).to.have.property('message').that.contains('the store kv')
    expect(error).to.have.nested.property('cause.code', 'TIMED_OUT')
  })

  it('stages nothing of a transaction that failed', async () => {
    for (const failAt of ['2 flush', '3 commit']) {
      const story: string[] = []
      const { active, task, state } = await scripted(story)
      task.add('S', 0, fetched(0, ['a', '1', 1]))
      task.process(forever)
      const end = commit(scopeOf(active, target(story, failAt))).then(({ written }) => written)
      expect(await rejectionOf(end)).to.have.property('message', failAt)
      expect(state.writtenMs).to.equal(0)
      expect(active.committedOffset({ topic: 'S', partition: 0 })).to.equal(null)
    }
  })
})
