import { assert } from '../../base/assert.ts'
import { compareTaskIds, type TaskId, taskIdText } from '../task/task-id.ts'

/** An instance that takes part, and the tasks whose state it has. */
export interface AssignmentMember {
  readonly memberId: string
  readonly previousTasks: readonly string[]
}

/**
 * Who runs which task: sticky first, because a task that stays has nothing to restore, then even.
 *
 * Laws
 *  K1  every task has one owner
 *  K2  two members differ by at most one task
 *  K3  a task stays where it was unless K2 moves it
 *  K4  the same members and tasks give the same answer, in whatever order they come
 */
export function assignTasks(members: readonly AssignmentMember[], tasks: readonly TaskId[]): Map<string, TaskId[]> {
  assert(members.length > 0, 'K1: somebody takes part')
  const sorted = [...members].sort((left, right) => compareText(left.memberId, right.memberId))
  const loads = sorted.map(({ memberId }) => new Load(memberId))
  const open = new Map([...tasks].sort(compareTaskIds).map((id) => [taskIdText(id), id]))
  const floor = Math.floor(tasks.length / members.length)
  let spare = tasks.length % members.length
  for (const [index, { previousTasks }] of sorted.entries()) {
    const load = loads[index]!
    for (const name of [...previousTasks].sort(compareText)) {
      const task = open.get(name)
      if (task === undefined) continue
      if (load.tasks.length > floor || (load.tasks.length === floor && spare === 0)) break
      if (load.tasks.length === floor) spare--
      load.take(task)
      open.delete(name)
    }
  }
  for (const task of open.values()) leastLoaded(loads, task).take(task)
  const counts = loads.map(({ tasks: own }) => own.length)
  assert(Math.max(...counts) - Math.min(...counts) <= 1, 'K2: tasks are spread evenly')
  return new Map(loads.map(({ memberId, tasks: own }) => [memberId, own.sort(compareTaskIds)]))
}

class Load {
  readonly memberId: string
  readonly tasks: TaskId[] = []

  constructor(memberId: string) {
    this.memberId = memberId
  }

  take(task: TaskId): void {
    this.tasks.push(task)
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
