import { assert } from '../../base/assert.ts'
import { compareTaskIds, type TaskId, taskIdText } from '../task/task-id.ts'

/** An instance that takes part. */
export interface AssignmentMember {
  readonly memberId: string
  /** Tasks it runs. */
  readonly running: readonly string[]
  /** Other tasks whose state it has. */
  readonly kept: readonly string[]
}

/**
 * Who runs which task: sticky first, because a task that stays has nothing to restore, then even.
 *
 * Laws
 *  K1  every task has one owner
 *  K2  two members differ by at most one task
 *  K3  a task stays where it runs unless K2 moves it; else it goes where its state is, unless K2 forbids
 *  K4  the same members and tasks give the same answer, in whatever order they come
 */
export function assignTasks(members: readonly AssignmentMember[], tasks: readonly TaskId[]): Map<string, TaskId[]> {
  assert(members.length > 0, 'K1: somebody takes part')
  const sorted = [...members].sort((left, right) => compareText(left.memberId, right.memberId))
  const round = new Round(sorted, tasks)
  for (const [index, { running }] of sorted.entries()) round.keep(index, running)
  for (const [index, { kept }] of sorted.entries()) round.keep(index, kept)
  round.spreadRest()
  const counts = round.loads.map(({ tasks: own }) => own.length)
  assert(Math.max(...counts) - Math.min(...counts) <= 1, 'K2: tasks are spread evenly')
  return new Map(round.loads.map(({ memberId, tasks: own }) => [memberId, own.sort(compareTaskIds)]))
}

class Round {
  readonly loads: readonly Load[]
  readonly #open: Map<string, TaskId>
  readonly #floor: number
  /** How many members may have one more than the others. */
  #spare: number

  constructor(members: readonly AssignmentMember[], tasks: readonly TaskId[]) {
    this.loads = members.map(({ memberId }) => new Load(memberId))
    this.#open = new Map([...tasks].sort(compareTaskIds).map((id) => [taskIdText(id), id]))
    this.#floor = Math.floor(tasks.length / members.length)
    this.#spare = tasks.length % members.length
  }

  /** A member keeps what nobody else has taken, as far as evenness allows. */
  keep(index: number, names: readonly string[]): void {
    const load = this.loads[index]!
    for (const name of [...names].sort(compareText)) {
      const task = this.#open.get(name)
      if (task === undefined) continue
      const count = load.tasks.length
      if (count > this.#floor || (count === this.#floor && this.#spare === 0)) return
      if (count === this.#floor) this.#spare--
      load.tasks.push(task)
      this.#open.delete(name)
    }
  }

  spreadRest(): void {
    for (const task of this.#open.values()) leastLoaded(this.loads, task).tasks.push(task)
    this.#open.clear()
  }
}

class Load {
  readonly memberId: string
  readonly tasks: TaskId[] = []

  constructor(memberId: string) {
    this.memberId = memberId
  }

  ofSubTopology(id: number): number {
    return this.tasks.filter(({ subTopology }) => subTopology === id).length
  }
}

/** The fewest tasks; of equals the fewest of this sub-topology, so that each member gets some of every kind of work. */
function leastLoaded(loads: readonly Load[], { subTopology }: TaskId): Load {
  let best = loads[0]!
  for (const load of loads) {
    const difference = load.tasks.length - best.tasks.length
    if (difference < 0) best = load
    else if (difference === 0 && load.ofSubTopology(subTopology) < best.ofSubTopology(subTopology)) best = load
  }
  return best
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
