import { StreamError } from '../../base/errors.ts'
import type { CommittedOffset } from '../../client/consumer/committed-offsets.ts'
import { nameOf } from '../../client/topic-partition.ts'
import type { CommitMeta } from '../state/meta-rows.ts'
import type { PlannedInput } from '../topic-plan.ts'

/** What the log knows of an input of a task when it is opened. */
export interface InputFacts extends PlannedInput {
  readonly topicId: string
  readonly committed: CommittedOffset | null
  readonly startOffset: number
  /** Where reading begins. */
  readonly position: number
}

/**
 * State and offsets belong together: state whose offsets are gone would count its input twice, and input that is gone
 * before it was read would be missing. Both are refused, INPUT_OFFSETS_LOST, rather than answered wrongly.
 */
export function requireInputOffsets(
  taskId: string,
  inputs: readonly InputFacts[],
  lastCommit: CommitMeta | null,
): void {
  for (const input of inputs) {
    const name = nameOf(input)
    const stored = lastCommit?.inputs[name]
    const { committed } = input
    if (stored !== undefined && stored.offset > 0) {
      if (stored.topicId !== input.topicId) {
        throw lost(taskId, `${name} is another topic than the one its state was made from`)
      }
      if (committed === null) {
        throw lost(taskId, `the group has no committed offset for ${name}, its state is at ${stored.offset}`)
      }
      if (committed.offset < stored.offset) {
        throw lost(taskId, `the group's offset for ${name} is ${committed.offset}, its state is at ${stored.offset}`)
      }
    }
    if (committed !== null && committed.offset < input.startOffset) {
      throw lost(
        taskId,
        `${name} begins at ${input.startOffset}, the group is at ${committed.offset}: records were removed unread`,
      )
    }
  }
}

function lost(taskId: string, what: string): StreamError {
  return inputLost(`task ${taskId}: ${what}`)
}

export function inputLost(what: string, cause: unknown = null): StreamError {
  const remedy =
    'bring the offsets or the records back, or reset the application (state, changelogs and offsets together)'
  return new StreamError('INPUT_OFFSETS_LOST', `${what}; ${remedy}`, { cause })
}
