/**
 * The entries changed in the open generation, in the order of their last update: an intrusive list, so that an update of
 * an entry that is in it costs a few stores and no allocation.
 *
 * Laws
 *  G1  what was told at the last flush lies before what changed since: `lastTold` is the end of it
 *  G2  an entry is in the list at most once
 */
export interface DirtyLinks<E> {
  previous: E | null
  next: E | null
}

export class DirtyList<E extends DirtyLinks<E>> {
  head: E | null = null
  tail: E | null = null
  lastTold: E | null = null
  size = 0

  /** A new one, at the end. */
  append(entry: E): void {
    const { tail } = this
    entry.previous = tail
    entry.next = null
    if (tail === null) this.head = entry
    else tail.next = entry
    this.tail = entry
    this.size++
  }

  /** One that is in the list goes to its end. */
  touch(entry: E): void {
    if (entry === this.tail) {
      // It stays where it is, and has to be told again.
      if (entry === this.lastTold) this.lastTold = entry.previous
      return
    }
    this.remove(entry)
    this.append(entry)
  }

  remove(entry: E): void {
    const { previous, next } = entry
    if (entry === this.lastTold) this.lastTold = previous
    if (previous === null) this.head = next
    else previous.next = next
    if (next === null) this.tail = previous
    else next.previous = previous
    entry.previous = null
    entry.next = null
    this.size--
  }

  /** The first that changed since the last flush. */
  firstUntold(): E | null {
    return this.lastTold === null ? this.head : this.lastTold.next
  }

  clear(): void {
    this.head = null
    this.tail = null
    this.lastTold = null
    this.size = 0
  }
}
