/** A task: one sub-topology on one partition. Its text, `<sub-topology>_<partition>`, names its folder and its metrics. */
export interface TaskId {
  readonly subTopology: number
  readonly partition: number
}

export function taskIdText(id: TaskId): string {
  return `${id.subTopology}_${id.partition}`
}

/** Reads what `taskIdText` wrote; null when it is something else. */
export function parseTaskId(text: string): TaskId | null {
  const match = /^(\d+)_(\d+)$/.exec(text)
  return match === null ? null : { subTopology: Number(match[1]), partition: Number(match[2]) }
}

/** By sub-topology, then partition. */
export function compareTaskIds(left: TaskId, right: TaskId): number {
  return left.subTopology - right.subTopology || left.partition - right.partition
}
