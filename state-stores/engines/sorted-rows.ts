/**
 * A sorted map of bytes whose copies cost nothing: a B+ tree that copies a node when it is first changed after a `fork`.
 * What the memory engine keeps rows, snapshots and committed images in.
 *
 * Laws
 *  R1  keys rise within a leaf and from leaf to leaf
 *  R2  a fork and its origin never see each other's later changes
 */
import { assert } from '../../src/base/assert.ts'
import { compareBytes } from '../row-keys.ts'

const nodeMax = 64

/** A node may be changed in place by the one map whose `owner` it carries. */
interface Leaf {
  readonly owner: object
  readonly keys: Buffer[]
  readonly values: Buffer[]
  readonly children: null
}

/** `keys[i]` is ≤ every key in `children[i]`; `keys[0]` counts as −∞. */
interface Branch {
  readonly owner: object
  readonly keys: Buffer[]
  readonly values: null
  readonly children: Node[]
}

type Node = Leaf | Branch

/** The first index whose key is ≥ `key`. */
function lowerBound(keys: readonly Buffer[], key: Buffer): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareBytes(keys[middle]!, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** The child that holds, or would hold, `key`. */
function childIndex(keys: readonly Buffer[], key: Buffer): number {
  let low = 1
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareBytes(keys[middle]!, key) <= 0) low = middle + 1
    else high = middle
  }
  return low - 1
}

export class SortedRows {
  #owner: object = {}
  #root: Node = { owner: this.#owner, keys: [], values: [], children: null }
  #size = 0

  get size(): number {
    return this.#size
  }

  /** A copy with its own future. */
  fork(): SortedRows {
    const copy = new SortedRows()
    copy.#root = this.#root
    copy.#size = this.#size
    // Neither may change the shared nodes any more.
    this.#owner = {}
    return copy
  }

  get(key: Buffer): Buffer | undefined {
    let node = this.#root
    while (node.children !== null) node = node.children[childIndex(node.keys, key)]!
    const index = lowerBound(node.keys, key)
    const found = node.keys[index]
    return found !== undefined && compareBytes(found, key) === 0 ? node.values[index] : undefined
  }

  /** Keeps both buffers. */
  set(key: Buffer, value: Buffer): void {
    this.#root = this.#own(this.#root)
    const right = this.#insert(this.#root, key, value)
    if (right === null) return
    const left = this.#root
    this.#root = { owner: this.#owner, keys: [left.keys[0]!, right.keys[0]!], values: null, children: [left, right] }
  }

  delete(key: Buffer): void {
    const end = Buffer.allocUnsafe(key.length + 1)
    key.copy(end)
    end[key.length] = 0
    this.clear(key, end)
  }

  /** Removes the keys in [gte, lt). */
  clear(gte: Buffer, lt: Buffer): void {
    const rest = this.#without(this.#root, gte, lt)
    this.#root = rest ?? { owner: this.#owner, keys: [], values: [], children: null }
    while (this.#root.children !== null && this.#root.children.length === 1) this.#root = this.#root.children[0]!
  }

  /** The rows in [gte, lt), forwards or backwards. Changing the map meanwhile is not allowed: fork it. */
  *scan(gte: Buffer, lt: Buffer, reverse: boolean): Generator<readonly [Buffer, Buffer]> {
    yield* this.#walk(this.#root, gte, lt, reverse)
  }

  *#walk(node: Node, gte: Buffer, lt: Buffer, reverse: boolean): Generator<readonly [Buffer, Buffer]> {
    if (node.children === null) {
      const from = lowerBound(node.keys, gte)
      const to = lowerBound(node.keys, lt)
      if (reverse) for (let index = to - 1; index >= from; index--) yield [node.keys[index]!, node.values[index]!]
      else for (let index = from; index < to; index++) yield [node.keys[index]!, node.values[index]!]
      return
    }
    const from = childIndex(node.keys, gte)
    const to = childIndex(node.keys, lt)
    if (reverse) for (let index = to; index >= from; index--) yield* this.#walk(node.children[index]!, gte, lt, true)
    else for (let index = from; index <= to; index++) yield* this.#walk(node.children[index]!, gte, lt, false)
  }

  #own(node: Node): Node {
    const owner = this.#owner
    if (node.owner === owner) return node
    return node.children === null
      ? { owner, keys: node.keys.slice(), values: node.values.slice(), children: null }
      : { owner, keys: node.keys.slice(), values: null, children: node.children.slice() }
  }

  /** Puts into an owned node; gives the right half when it had to be split. */
  #insert(node: Node, key: Buffer, value: Buffer): Node | null {
    if (node.children === null) {
      const index = lowerBound(node.keys, key)
      const found = node.keys[index]
      if (found !== undefined && compareBytes(found, key) === 0) {
        node.values[index] = value
        return null
      }
      node.keys.splice(index, 0, key)
      node.values.splice(index, 0, value)
      this.#size++
    } else {
      const index = childIndex(node.keys, key)
      const child = this.#own(node.children[index]!)
      node.children[index] = child
      const right = this.#insert(child, key, value)
      node.keys[index] = child.keys[0]!
      if (right !== null) {
        node.keys.splice(index + 1, 0, right.keys[0]!)
        node.children.splice(index + 1, 0, right)
      }
    }
    return node.keys.length > nodeMax ? this.#split(node) : null
  }

  #split(node: Node): Node {
    const at = node.keys.length >>> 1
    const owner = this.#owner
    const keys = node.keys.splice(at)
    assert(compareBytes(node.keys[at - 1]!, keys[0]!) < 0, 'R1: keys rise from node to node')
    return node.children === null
      ? { owner, keys, values: node.values.splice(at), children: null }
      : { owner, keys, values: null, children: node.children.splice(at) }
  }

  /** The node without the keys in [gte, lt); null when nothing is left. */
  #without(node: Node, gte: Buffer, lt: Buffer): Node | null {
    if (node.children === null) {
      const from = lowerBound(node.keys, gte)
      const to = lowerBound(node.keys, lt)
      if (from >= to) return node.keys.length === 0 ? null : node
      this.#size -= to - from
      if (to - from === node.keys.length) return null
      const leaf = this.#own(node)
      leaf.keys.splice(from, to - from)
      leaf.values?.splice(from, to - from)
      return leaf
    }
    const from = childIndex(node.keys, gte)
    const to = childIndex(node.keys, lt)
    const branch = this.#own(node)
    assert(branch.children !== null, 'a branch stays a branch')
    const kept: Node[] = []
    for (let index = from; index <= to; index++) {
      const rest = this.#without(branch.children[index]!, gte, lt)
      if (rest !== null) kept.push(rest)
    }
    branch.children.splice(from, to - from + 1, ...kept)
    branch.keys.splice(from, to - from + 1, ...kept.map((child) => child.keys[0]!))
    return branch.children.length === 0 ? null : branch
  }
}
