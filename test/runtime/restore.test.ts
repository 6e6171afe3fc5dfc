import { expect } from 'chai'
import { systemClock } from '../../src/base/clock.ts'
import { systemMachine } from '../../src/base/machine.ts'
import type { FetchedPartition } from '../../src/client/index.ts'
import type { KeyValueStore } from '../../src/processor/state-store.ts'
import { type ChangelogReader, type RestoreProgress, restoreStores } from '../../src/runtime/restore.ts'
import type { RestorePlan } from '../../src/runtime/restore-plan.ts'
import { TaskState } from '../../src/runtime/state/task-state.ts'
import { string } from '../../src/serdes/index.ts'
import { stores } from '../../state-stores/builders.ts'
import { MemoryEngines } from '../../state-stores/index.ts'
import { rejectionOf } from './fixture.ts'
import { fetched } from './task/fixture.ts'

const changelog = { topic: 'c', partition: 0, topicId: 'id', leaderEpoch: 2 }

function piece(baseOffset: number, ...pairs: [string, string | null][]): FetchedPartition {
  const batches = fetched(baseOffset, ...pairs.map(([key, value]): [string, string | null, number] => [key, value, 1]))
  return { ...batches, topic: 'c', partition: 0, endOffset: -1, leaderEpoch: 2 }
}

/** Gives the pieces one after the other, then runs dry. */
class ScriptedReader implements ChangelogReader {
  readonly assigned: number[] = []
  readonly #pieces: FetchedPartition[]
  readonly #dry: () => void

  constructor(pieces: FetchedPartition[], dry: () => void = () => {}) {
    this.#pieces = pieces
    this.#dry = dry
  }

  assign(partitions: readonly { readonly from: number }[]): void {
    this.assigned.push(...partitions.map(({ from }) => from))
  }

  async poll(): Promise<readonly FetchedPartition[]> {
    const next = this.#pieces.shift()
    if (next !== undefined) return [next]
    this.#dry()
    return []
  }
}

describe('restoreStores', () => {
  const engines = new MemoryEngines()
  let directory = 0

  function open(): Promise<TaskState> {
    return TaskState.open({
      machine: systemMachine,
      directory: `/task-${directory}`,
      builders: [stores.keyValue({ name: 'kv', key: string, value: string, engine: engines.supplier() })],
      fingerprint: 'f',
      cleanCacheBytesMax: 1000,
      lockWaitMs: 0,
      currentTimestampMs: () => 0,
      recordDropped: () => {},
    })
  }

  async function restore(
    state: TaskState,
    plan: RestorePlan,
    reader: ChangelogReader,
    options: { told?: RestoreProgress[]; signal?: AbortSignal; timeoutMs?: number } = {},
  ): Promise<number> {
    return await restoreStores({
      taskId: '0_0',
      state,
      stores: [{ opened: state.opened[0]!, ...changelog, plan }],
      reader,
      clock: systemClock,
      timeoutMs: options.timeoutMs ?? 1000,
      signal: options.signal ?? new AbortController().signal,
      onProgress: (progress) => options.told?.push(progress),
    })
  }

  function value(state: TaskState, key: string): string | undefined {
    return (state.stores.get('kv') as KeyValueStore<string, string>).get(key)
  }

  beforeEach(() => {
    directory++
  })

  it('applies puts and deletes up to the end, and remembers how far it came', async () => {
    const state = await open()
    const told: RestoreProgress[] = []
    const reader = new ScriptedReader([piece(0, ['a', '1'], ['b', '2']), piece(2, ['a', '3'], ['b', null])])
    expect(await restore(state, { from: 0, to: 4, reason: 'no-local-state' }, reader, { told })).to.equal(4)
    expect([value(state, 'a'), value(state, 'b')]).to.deep.equal(['3', undefined])
    expect(told.map(({ stage, restored, remaining }) => [stage, restored, remaining])).to.deep.equal([
      ['start', 0, 4],
      ['batch', 2, 2],
      ['batch', 4, 0],
      ['end', 4, 0],
    ])
    await state.close()
    const again = await open()
    expect(again.opened[0]!.position).to.deep.equal({ topicId: 'id', leaderEpoch: 2, offset: 4 })
    await again.close()
  })

  it('goes on where it was when it is killed in between', async () => {
    const first = await open()
    const stop = new AbortController()
    const reader = new ScriptedReader([piece(0, ['a', '1'], ['b', '2'])], () => stop.abort())
    const plan = { from: 0, to: 4, reason: 'no-local-state' } as const
    expect(await rejectionOf(restore(first, plan, reader, { signal: stop.signal }))).to.have.property('code', 'CLOSED')
    await first.close()
    const again = await open()
    expect(again.opened[0]!.position?.offset).to.equal(2)
    const rest = new ScriptedReader([piece(2, ['b', '4'], ['c', '5'])])
    expect(await restore(again, { from: 2, to: 4, reason: null }, rest)).to.equal(2)
    expect(rest.assigned).to.deep.equal([2])
    expect(['a', 'b', 'c'].map((key) => value(again, key))).to.deep.equal(['1', '4', '5'])
    await again.close()
  })

  it('forgets what was there when it rebuilds', async () => {
    const first = await open()
    await restore(first, { from: 0, to: 1, reason: 'no-local-state' }, new ScriptedReader([piece(0, ['old', '1'])]))
    await first.close()
    const again = await open()
    await restore(
      again,
      { from: 0, to: 1, reason: 'changelog-recreated' },
      new ScriptedReader([piece(0, ['new', '1'])]),
    )
    expect([value(again, 'old'), value(again, 'new')]).to.deep.equal([undefined, '1'])
    await again.close()
  })

  it('reads nothing when there is nothing to read', async () => {
    const state = await open()
    const reader = new ScriptedReader([])
    expect(await restore(state, { from: 5, to: 5, reason: null }, reader)).to.equal(0)
    expect(reader.assigned).to.deep.equal([])
    await state.close()
  })

  it('gives up when nothing comes for too long, naming what it waits for', async () => {
    const state = await open()
    const error = await rejectionOf(
      restore(state, { from: 0, to: 1, reason: null }, new ScriptedReader([]), { timeoutMs: 1 }),
    )
    expect(error).to.have.property('code', 'TIMED_OUT')
    expect((error as Error).message).to.include('c-0')
    await state.close()
  })
})
