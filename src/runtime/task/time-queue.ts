import { assert } from '../../base/assert.ts'

export interface Timed {
  readonly timestampMs: number
}

/**
 * The element with the lowest timestamp first. A binary heap that breaks ties exactly as java.util.PriorityQueue does,
 * because the order of equal timestamps decides what a join sees.
 *
 * Law
 *  Q1  no element is lower than its parent, (index - 1) >>> 1
 */
export class TimeQueue<T extends Timed> {
  readonly #heap: T[] = []

  get size(): number {
    return this.#heap.length
  }

  peek(): T | null {
    return this.#heap.length === 0 ? null : this.#heap[0]!
  }

  offer(item: T): void {
    this.#heap.push(item)
    this.#siftUp(this.#heap.length - 1, item)
  }

  poll(): T | null {
    const heap = this.#heap
    if (heap.length === 0) return null
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length > 0) this.#siftDown(last)
    assert(heap.length === 0 || heap[0]!.timestampMs >= first.timestampMs, 'Q1: the lowest timestamp comes first')
    return first
  }

  clear(): void {
    this.#heap.length = 0
  }

  #siftUp(start: number, item: T): void {
    const heap = this.#heap
    let index = start
    while (index > 0) {
      const parent = (index - 1) >>> 1
      const above = heap[parent]!
      if (item.timestampMs >= above.timestampMs) break
      heap[index] = above
      index = parent
    }
    heap[index] = item
  }

  #siftDown(item: T): void {
    const heap = this.#heap
    const half = heap.length >>> 1
    let index = 0
    while (index < half) {
      let child = 2 * index + 1
      const right = child + 1
      if (right < heap.length && heap[child]!.timestampMs > heap[right]!.timestampMs) child = right
      const below = heap[child]!
      if (item.timestampMs <= below.timestampMs) break
      heap[index] = below
      index = child
    }
    heap[index] = item
  }
}
