/**
 * The order in which a task's nodes work: depth first, as if nothing ever had to be waited for. An async node that is not done
 * with its record opens a frame; what others hand over meanwhile is held in theirs, and goes on, each in a frame of its own,
 * when all above is done.
 *
 * Laws
 *  O1  what is handed over goes on at once where its giver's frame is the top one and holds nothing, else it is held there
 *  O2  what a frame holds goes on in the order it came; what comes of one comes before the next
 *  O3  a frame is over when its node is done and it holds nothing; the last one, of the record taken up, stays
 *  O4  whatever is held costs the same, however much is held
 */
import type { Record } from '../../processor/record.ts'
import type { TaskMoment } from './moment.ts'
import type { TaskNode } from './task-node.ts'

/** A record in an async node that is not done with it. */
export interface AtWork {
  readonly node: TaskNode
  readonly record: Record<unknown, unknown>
  /** Waits until it is, and decides what a failure means. */
  end(): Promise<void>
}

interface Held {
  readonly node: TaskNode
  readonly record: Record<unknown, unknown>
  /** The task's time when it was handed over. */
  readonly timestampMs: number
}

class Frame {
  work: AtWork | null
  readonly held: Held[]
  /** Of those held so many have gone on. */
  gone = 0

  constructor(work: AtWork | null, held: Held[] = []) {
    this.work = work
    this.held = held
  }

  get isEmpty(): boolean {
    return this.gone === this.held.length
  }

  next(): Held {
    const next = this.held[this.gone++]!
    if (this.isEmpty) this.clear()
    return next
  }

  clear(): void {
    this.held.length = 0
    this.gone = 0
  }
}

/** Where the order stood when a node was given a record. */
export interface OrderMark {
  readonly frames: number
  readonly held: number
}

export class TaskOrder {
  /** O1, of whoever is running. A plain field: the hot path looks at it for each record. */
  free = true
  readonly #moment: TaskMoment
  /** The top one is the last. */
  readonly #frames: Frame[] = [new Frame(null)]
  /** Of whoever is running. */
  #current: Frame = this.#frames[0]!

  constructor(moment: TaskMoment) {
    this.#moment = moment
  }

  /** Nothing is at work, and nothing waits. */
  get isIdle(): boolean {
    return this.#frames.length === 1 && this.#frames[0]!.isEmpty
  }

  mark(): OrderMark {
    return { frames: this.#frames.length, held: this.#current.held.length }
  }

  hold(node: TaskNode, record: Record<unknown, unknown>): void {
    this.#current.held.push({ node, record, timestampMs: this.#moment.timestampMs })
    this.#look()
  }

  /** A node is not done with the record it was given at `mark`. What it has had to hold since then comes first. */
  begun(work: AtWork, mark: OrderMark): void {
    this.#frames.splice(mark.frames, 0, new Frame(work, this.#current.held.splice(mark.held)))
    this.#look()
  }

  /** Runs what a node does; while its record is at work, in its frame. */
  run(node: TaskNode, step: () => void): void {
    const frame = this.#frames.find(({ work }) => work?.node === node) ?? this.#current
    this.#in(frame, step)
  }

  /** One step further to where it is idle. */
  async goAhead(): Promise<void> {
    const frame = this.#frames.at(-1)!
    if (!frame.isEmpty) {
      this.#begin(frame.next())
    } else if (frame.work !== null) {
      const { timestampMs } = this.#moment
      this.#moment.timestampMs = frame.work.record.timestamp
      await frame.work.end()
      this.#moment.timestampMs = timestampMs
      frame.work = null
    } else {
      this.#frames.pop()
    }
    this.#look()
  }

  #begin({ node, record, timestampMs }: Held): void {
    const moment = this.#moment
    const before = moment.timestampMs
    const frame = new Frame(null)
    this.#frames.push(frame)
    moment.timestampMs = timestampMs
    this.#in(frame, () => node.process(record))
    moment.timestampMs = before
  }

  #in(frame: Frame, step: () => void): void {
    const before = this.#current
    this.#current = frame
    this.#look()
    try {
      step()
    } finally {
      this.#current = before
      this.#look()
    }
  }

  #look(): void {
    this.free = this.#frames.at(-1) === this.#current && this.#current.isEmpty
  }

  /** What waits is given up: nobody takes it up any more. */
  clear(): void {
    for (const frame of this.#frames) frame.clear()
  }
}
