/**
 * The entries changed in the open generation, in the order of their last update: an intrusive list, so that an update of
 * an entry that is in it costs a few stores and no allocation.
 *
 * Laws
 *  G1  what was told at the last flush lies before what changed since: `told` is the last one told
 *  G2  an entry is in the list at most once
 */
export interface DirtyLinks<E> {
  previous: E | null
  next: E | null
}

export class DirtyList<E extends DirtyLinks<E>> {
  head: E | null = null
  tail: E | null = null
  told: E | null = null
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
      if (entry === this.told) this.told = entry.previous
      return
    }
    this.remove(entry)
    this.append(entry)
  }

  remove(entry: E): void {
    const { previous, next } = entry
    if (entry === this.told) this.told = previous
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
    return this.told === null ? this.head : this.told.next
  }

  clear(): void {
    this.head = null
    this.tail = null
    this.told = null
    this.size = 0
  }
}
