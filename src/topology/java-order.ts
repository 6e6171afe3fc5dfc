/**
 * The orders that Kafka Streams' description takes from Java's collections: the iteration of a HashSet of strings, and a TreeSet
 * whose comparator changes while it is filled. Both are deterministic, so the text can be had to the byte.
 */

/** java.lang.String.hashCode. */
export function javaHash(text: string): number {
  let hash = 0
  for (let index = 0; index < text.length; index++) hash = (Math.imul(31, hash) + text.charCodeAt(index)) | 0
  return hash
}

/**
 * Distinct texts in the order a java.util.HashSet iterates them that got them in this order: by bucket, within a bucket by
 * insertion. `copied`: made by `new HashSet<>(collection)`, whose table is sized at once.
 */
export function hashSetOrder(texts: readonly string[], copied = false): string[] {
  const sizeHint = copied ? Math.max(Math.trunc(texts.length / 0.75) + 1, 16) : 16
  let buckets = 16
  while (buckets < sizeHint || texts.length > buckets * 0.75) buckets *= 2
  const bucketOf = (text: string): number => {
    const hash = javaHash(text)
    return (hash ^ (hash >>> 16)) & (buckets - 1)
  }
  return [...texts].sort((left, right) => bucketOf(left) - bucketOf(right))
}

class Entry<T> {
  readonly item: T
  parent: Entry<T> | null
  left: Entry<T> | null = null
  right: Entry<T> | null = null
  black = true

  constructor(item: T, parent: Entry<T> | null) {
    this.item = item
    this.parent = parent
  }
}

/**
 * java.util.TreeSet, add and iterate: a red-black tree. When answers of the comparator change between additions, the place of
 * an item depends on the tree's shape; so the shape is Java's.
 */
export class JavaTreeSet<T> {
  readonly #compare: (left: T, right: T) => number
  #root: Entry<T> | null = null

  constructor(compare: (left: T, right: T) => number) {
    this.#compare = compare
  }

  add(item: T): void {
    let parent: Entry<T> | null = null
    let order = 0
    for (let at = this.#root; at !== null; at = order < 0 ? at.left : at.right) {
      order = this.#compare(item, at.item)
      if (order === 0) return
      parent = at
    }
    const entry = new Entry(item, parent)
    if (parent === null) {
      this.#root = entry
      return
    }
    if (order < 0) parent.left = entry
    else parent.right = entry
    this.#balance(entry)
  }

  *[Symbol.iterator](): Generator<T> {
    yield* itemsOf(this.#root)
  }

  #balance(added: Entry<T>): void {
    let at = added
    at.black = false
    while (at.parent !== null && !at.parent.black) {
      const parent: Entry<T> = at.parent
      const grand = parent.parent!
      const onLeft = parent === grand.left
      const uncle = onLeft ? grand.right : grand.left
      if (uncle !== null && !uncle.black) {
        parent.black = true
        uncle.black = true
        grand.black = false
        at = grand
        continue
      }
      if (at === (onLeft ? parent.right : parent.left)) {
        at = parent
        this.#rotate(at, onLeft)
      }
      at.parent!.black = true
      grand.black = false
      this.#rotate(grand, !onLeft)
    }
    this.#root!.black = true
  }

  /** The child on the other side takes the place of `down`, which sinks to the left or to the right. */
  #rotate(down: Entry<T>, toLeft: boolean): void {
    const up = (toLeft ? down.right : down.left)!
    const moved = toLeft ? up.left : up.right
    if (toLeft) down.right = moved
    else down.left = moved
    if (moved !== null) moved.parent = down
    up.parent = down.parent
    if (down.parent === null) this.#root = up
    else if (down.parent.left === down) down.parent.left = up
    else down.parent.right = up
    if (toLeft) up.left = down
    else up.right = down
    down.parent = up
  }
}

function* itemsOf<T>(entry: Entry<T> | null): Generator<T> {
  if (entry === null) return
  yield* itemsOf(entry.left)
  yield entry.item
  yield* itemsOf(entry.right)
}
