import { StreamError } from '../../base/errors.ts'
import type { Assignor } from '../../client/consumer/assignor.ts'
import { nameOf, type TopicPartition } from '../../client/topic-partition.ts'
import { parseTaskId, type TaskId, taskIdText } from '../task/task-id.ts'
import type { TopicPlan } from '../topic-plan.ts'
import { assignTasks } from './task-assignor.ts'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  type SubscriptionData,
} from './user-data.ts'

/** What an instance tells of itself. */
export type OwnTasks = Omit<SubscriptionData, 'processId'>

type Members = Parameters<Assignor['assign']>[0]

/**
 * The group protocol of an application's instances. Each computes the same tasks from the same topology; the leader says who
 * runs which, and a member learns its tasks with its partitions.
 */
export class StreamsAssignor implements Assignor {
  readonly name = 'millrace'
  readonly #plan: TopicPlan
  readonly #processId: string
  readonly #ownTasks: () => OwnTasks
  #assigned: readonly TaskId[] = []

  constructor(plan: TopicPlan, processId: string, ownTasks: () => OwnTasks) {
    this.#plan = plan
    this.#processId = processId
    this.#ownTasks = ownTasks
  }

  /** What the last assignment gave to this instance. */
  get assigned(): readonly TaskId[] {
    return this.#assigned
  }

  subscriptionUserData(): Buffer {
    return encodeSubscription({ processId: this.#processId, ...this.#ownTasks() })
  }

  assign(members: Members): Map<string, { partitions: TopicPartition[]; userData: Buffer | null }> {
    const known = members.map(({ memberId, userData }) => ({
      memberId,
      ...decodeSubscription(userData),
    }))
    const owned = assignTasks(known, this.#plan.taskIds)
    const result = new Map<string, { partitions: TopicPartition[]; userData: Buffer | null }>()
    for (const [memberId, tasks] of owned) {
      const partitions = tasks.flatMap((task) =>
        this.#plan.inputsOf(task).map(({ topic, partition }) => ({ topic, partition })),
      )
      result.set(memberId, { partitions, userData: encodeAssignment({ tasks: tasks.map(taskIdText) }) })
    }
    return result
  }

  /** TOPOLOGY_INVALID when the leader's topology gives these tasks other partitions than ours does. */
  onAssignment(partitions: readonly TopicPartition[], userData: Buffer | null): void {
    const tasks = decodeAssignment(userData)
      .tasks.map(parseTaskId)
      .filter((task): task is TaskId => task !== null)
    const known = new Set(this.#plan.taskIds.map(taskIdText))
    const foreign = tasks.find((task) => !known.has(taskIdText(task)))
    const given = partitions.map(nameOf).sort().join(', ')
    const wanted =
      foreign !== undefined
        ? 'none'
        : tasks
            .flatMap((task) => this.#plan.inputsOf(task).map(nameOf))
            .sort()
            .join(', ')
    if (given !== wanted) {
      const what = `the group of ${this.#plan.applicationId} assigns the tasks ${tasks.map(taskIdText).join(', ')} to this instance with the partitions ${given}, its own topology has ${wanted} there; run the same topology on all instances, or give this application another applicationId`
      throw new StreamError('TOPOLOGY_INVALID', what)
    }
    this.#assigned = tasks
  }
}
