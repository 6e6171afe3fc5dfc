/** One record that was left out, for the log line. */
export interface DroppedRecord {
  readonly taskId: string
  readonly node: string
  /** One of few: what is counted apart. */
  readonly reason: string
  /** What was wrong with this one; '' when the reason says it all. */
  readonly detail: string
  /** `topic-partition@offset` of the source record. */
  readonly place: string
}

/** Counts what a task left out: nothing is dropped without a counter and a line. Kafka's dropped-records-total. */
export class DropCounter {
  total = 0
  readonly byReason = new Map<string, number>()
  readonly #taskId: string
  readonly #listener: ((dropped: DroppedRecord) => void) | null

  constructor(taskId: string, listener: ((dropped: DroppedRecord) => void) | null) {
    this.#taskId = taskId
    this.#listener = listener
  }

  count(node: string, reason: string, place: string, detail = ''): void {
    this.total++
    this.byReason.set(reason, (this.byReason.get(reason) ?? 0) + 1)
    this.#listener?.({ taskId: this.#taskId, node, reason, detail, place })
  }
}
